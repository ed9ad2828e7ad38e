"""What is charged is at least what the system says that it takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import msgspec
import psutil  # type: ignore[import-untyped]
import pytest
from msgspec import Raw

from driftdb_jupyter.access.identity import Identity
from driftdb_jupyter.access.read_policies import read_policies
from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.protocol.entry import Author, Entry
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.presence import Presence, PresenceLimits
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Room
from driftdb_jupyter.rooms.window import Window, WindowLimits

from ..server.processes import environment

COUNT = 50_000
PRESENCES = PresenceLimits(count=COUNT, cost_bytes=2**40)


def push(room: Room, key: str, count: int, author: Author | None, now: float) -> None:
    values = [Value.from_json(Raw(b"1")) for _ in range(count)]
    room.apply(Push(key, Append()), values, author=author, now=now)


def named(number: int) -> Author:
    return Author(f"{number:024d}", Value.from_json(b'{"name":"%024d"}' % number))


def single_values(memory: MemoryBudget) -> object:
    room = Room(epoch="e", memory=memory)
    for number in range(COUNT):
        push(room, "k", 1, None, number + 0.5)
    return room


def several_values(memory: MemoryBudget) -> object:
    room = Room(epoch="e", memory=memory)
    for number in range(COUNT // 4096):
        push(room, "k", 4096, None, number + 0.5)
    return room


def authors(memory: MemoryBudget) -> object:
    room = Room(epoch="e", memory=memory)
    for number in range(COUNT):
        push(room, "k", 1, named(number), number + 0.5)
    return room


def keys(memory: MemoryBudget) -> object:
    rooms = [Room(epoch="e", memory=memory) for _ in range(COUNT // 10_000)]
    for number in range(COUNT):
        push(rooms[number % len(rooms)], f"key {number}", 1, None, number + 0.5)
    return rooms


def wide_keys(memory: MemoryBudget) -> object:
    rooms = [Room(epoch="e", memory=memory) for _ in range(2)]
    for number in range(20_000):
        push(rooms[number % 2], "\N{GRINNING FACE}" + f"{number:01000d}", 1, None, number + 0.5)
    return rooms


def rooms(memory: MemoryBudget) -> object:
    made = [Room(epoch=f"{number:022d}", memory=memory) for number in range(20_000)]
    for room in made:
        room.recover("k", epoch=None, above=0)
    return made


def broadcasts(memory: MemoryBudget) -> object:
    limits = WindowLimits(count=COUNT, cost_bytes=2**40)
    window = Window(limits, memory=memory)
    for number in range(COUNT):
        entry = Entry(number + 1, Value.from_json(Raw(b"1")), number + 0.5, named(number))
        window.add(f"key {number}", [entry], kept=False)
    return window


def presences(memory: MemoryBudget) -> object:
    presence = Presence(limits=PRESENCES, memory=memory)
    for number in range(COUNT):
        presence.joined(f"{number:024d}")
        presence.set(f"key {number}", named(number), Value.from_json(Raw(b"1")))
    return presence


def policed(memory: MemoryBudget, count: int, policy: object, *subjects: str | None) -> object:
    """Rooms with a policy that some people have asked."""
    content = msgspec.json.encode(policy)
    rooms = [Room(epoch="e", memory=memory, quota=Quota(access_bytes=2**30)) for _ in range(count)]
    for room in rooms:
        room.change_access({POLICY: content})
        for subject in subjects:
            grants = room.access.grants_for(Identity("token", subject))
            for number in range(20):  # so many that tables are made
                grants.may_read(f"$meta/{number}")
    return rooms


def small_policies(memory: MemoryBudget) -> object:
    grants = ["read", {"can": ["append"], "prefixes": ["poll/"]}]
    return policed(memory, 4000, {"anyone": grants}, None)


def members(memory: MemoryBudget) -> object:
    names = [f"user{number}" for number in range(5000)]
    return policed(memory, 10, {"users": dict.fromkeys(names, "write")}, *names[:40])


def members_with_keys(memory: MemoryBudget) -> object:
    names = [f"user{number}" for number in range(3000)]
    users = {name: {"can": ["read", "append"], "keys": [f"of/{name}"]} for name in names}
    return policed(memory, 10, {"users": users}, *names[:40])


def prefixes(memory: MemoryBudget) -> object:
    grant = {"can": ["read", "append"], "prefixes": [f"p{number}/" for number in range(25_000)]}
    return policed(memory, 4, {"anyone": grant}, None)


def unread_prefixes(memory: MemoryBudget) -> object:
    grant = {"can": ["append"], "prefixes": [f"p{number}/" for number in range(25_000)]}
    return policed(memory, 4, {"anyone": grant, "users": {"ada": "read"}}, None, "ada")


def wide_prefixes(memory: MemoryBudget) -> object:
    wide = "\N{GRINNING FACE}" * 100
    grant = {"can": "read", "prefixes": [f"{wide}{number}" for number in range(5000)]}
    return policed(memory, 4, {"anyone": grant}, None)


def links(memory: MemoryBudget) -> object:
    room = Room(epoch="e", memory=memory, quota=Quota(access_bytes=2**30))
    for number in range(COUNT):
        room.change_access({("link", f"{number:064d}"): b'{"role":"read"}'})
    return room


KINDS: list[Callable[[MemoryBudget], object]] = [
    *(single_values, several_values, authors, keys, wide_keys, rooms, broadcasts, presences),
    *(small_policies, members, members_with_keys, prefixes, unread_prefixes, wide_prefixes, links),
]


def main(kind: str) -> None:
    """Print what was charged and what it takes."""
    (make,) = [each for each in KINDS if each.__name__ == kind]
    # Each room pays, as if no other had a policy with the same text.
    read_policies.limit_bytes = 0
    memory, process = MemoryBudget(), psutil.Process()
    before = process.memory_info().rss
    held = make(memory)
    print(memory.used_bytes, process.memory_info().rss - before)
    del held


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_what_is_charged_is_at_least_what_it_takes(kind: str) -> None:
    command = [sys.executable, "-m", "tests.rooms.test_memory_cost", kind]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    charged, taken = map(int, said.stdout.split())
    print(f"{kind}: {charged / 1e6:.1f} MB charged, {taken / 1e6:.1f} MB taken")
    assert taken <= charged <= 3 * taken


if __name__ == "__main__":
    main(sys.argv[1])
