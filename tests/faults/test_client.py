"""The model client recovers from what it can recover from, and the invariants see what it can't."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ..conformance.peer import Message
from . import invariants
from .client import Client, Entry, Kind, joined, last_words
from .proxy import proxying
from .small_server import SmallRoom, serving

pytestmark = pytest.mark.asyncio

KEYS: Mapping[str, Kind] = {"log": "append", "state": "replace", "channel": "relay"}


async def play(
    room: SmallRoom, during: Callable[[SmallRoom, Client, Client], Any] | None = None
) -> tuple[list[Client], invariants.Truth]:
    """Two clients, pushes before and after something that happens, and all invariants.

    ``during`` happens while one of them pushes twice on every key, and the other listens.
    """
    async with serving(room) as url:
        pusher = Client(url, name="pusher", keys=KEYS, patience_seconds=0.5)
        listener = Client(url, name="listener", keys=KEYS, patience_seconds=0.5)
        clients = [pusher, listener]
        async with joined(*clients):
            for key in KEYS:
                pusher.push(key)
            await listener.until(lambda: listener.is_live)
            for key in KEYS:
                pusher.push(key)
            await pusher.settled()
            if during is not None:
                during(room, pusher, listener)
            for key in KEYS:
                pusher.push(key)
            await pusher.settled()
            await asyncio.wait_for(last_words(*clients), 60)
            held = await invariants.truth(url, list(KEYS))
            invariants.check(clients, held)
        return clients, held


async def test_undisturbed_every_push_is_everywhere() -> None:
    (pusher, listener), held = await play(SmallRoom())
    assert pusher.acknowledged.keys() == pusher.pushes.keys()
    assert [value["n"] for _, value in held["log"] if value["by"] == "pusher"] == [1, 2, 3, 4, 5]
    assert listener.replicas["state"].entries == held["state"]
    assert listener.ends == []


async def test_a_lost_connection_is_resumed_where_it_was() -> None:
    (pusher, listener), _ = await play(SmallRoom(), lambda room, *_: room.cut())
    assert pusher.ends == listener.ends == [1006]
    assert listener.resumed == len(KEYS)
    assert [len(replica.lives) for replica in listener.replicas.values()] == [1, 1, 1]


async def test_a_client_that_missed_too_much_starts_over() -> None:
    class Forgetful(SmallRoom):
        window = -1

    (_, listener), held = await play(Forgetful(), lambda room, *_: room.cut())
    assert [len(replica.lives) for replica in listener.replicas.values()] == [2, 2, 2]
    again = listener.replicas["log"].lives[-1]
    assert len(again.start) >= 2
    assert again.start + again.pushes == held["log"]


async def test_a_push_whose_ack_was_lost_is_sent_again_under_its_id() -> None:
    class Silent(SmallRoom):
        sent: list[int] = []  # noqa: RUF012

        def push(self, client: str, push: Message) -> Message:
            self.sent.append(push["id"])
            answer = super().push(client, push)
            if self.sent == [1, 2, 3, 4]:
                self.cut()
            return answer

    room = Silent()
    (pusher, _), held = await play(room)
    assert len(room.sent) > len(set(room.sent))
    assert [value["n"] for _, value in held["log"] if value["by"] == "pusher"] == [1, 2, 3, 4, 5]
    assert sorted(pusher.acknowledged) == sorted(pusher.pushes)


async def test_a_refused_push_leaves_no_gap() -> None:
    class Strict(SmallRoom):
        def push(self, client: str, push: Message) -> Message:
            if push["value"] == {"by": "pusher", "n": 2}:
                return {"type": "error", "id": push["id"], "code": "quota", "message": "no"}
            return super().push(client, push)

    (pusher, listener), _ = await play(Strict())
    assert list(pusher.refused.values()) == ["quota"] * len(KEYS)
    assert listener.refused == {}


async def test_a_connection_that_went_silent_is_given_up() -> None:
    async with serving(SmallRoom()) as url, proxying(url) as network:
        client = Client(network.at(url), name="a", keys=KEYS, patience_seconds=0.3)
        async with joined(client):
            await client.until(lambda: client.is_live)
            network.links[0].down.swallows = True
            client.push("log")
            await client.settled()
        assert len(client.ends) == 1
        assert client.resumed >= 1


async def test_on_a_bad_network_all_invariants_hold() -> None:
    seed = random.randrange(2**32)
    async with serving(SmallRoom()) as url, proxying(url, seed=seed) as network:
        clients = [
            Client(network.at(url), name=name, keys=KEYS, patience_seconds=0.5)
            for name in ("a", "b", "c")
        ]
        async with joined(*clients):
            while sum(network.strikes.values()) < 6:
                for client in clients:
                    for key in KEYS:
                        client.push(key)
                await asyncio.sleep(0.05)
            network.calm()
            await asyncio.wait_for(last_words(*clients), 60)
            invariants.check(clients, await invariants.truth(url, list(KEYS)))


# Servers that break a promise.


class LosesAppends(SmallRoom):
    def apply(self, push: Message) -> int:
        seq = super().apply(push)
        if push["key"] == "log" and push["value"]["n"] == 2:
            self.streams["log"].pop()
        return seq


class LosesReplaces(SmallRoom):
    def answer(self, get: Message) -> Message:
        answer = super().answer(get)
        if get["key"] == "state" and "epoch" not in get:
            answer["data"] = [{"seq": 1, "value": {"by": "pusher", "n": 1}}]
        return answer


class AppliesTwice(SmallRoom):
    def push(self, client: str, push: Message) -> Message:
        if push["value"]["n"] == 2:
            self.apply(push)
        return super().push(client, push)


class SkipsABroadcast(SmallRoom):
    def broadcast(self, key: str, entry: Entry) -> None:
        if (key, entry[1]) != ("channel", {"by": "pusher", "n": 2}):
            super().broadcast(key, entry)


class BroadcastsTwice(SmallRoom):
    def broadcast(self, key: str, entry: Entry) -> None:
        super().broadcast(key, entry)
        if (key, entry[1]["n"]) == ("channel", 2):
            super().broadcast(key, entry)


class ChangesAValue(SmallRoom):
    def broadcast(self, key: str, entry: Entry) -> None:
        changed = entry[1] | {"n": entry[1]["n"], "changed": True}
        super().broadcast(key, (entry[0], changed) if key == "log" else entry)


class MissesAFewOnResuming(SmallRoom):
    def answer(self, get: Message) -> Message:
        answer = super().answer(get)
        if answer.get("recovered"):
            answer["data"] = answer["data"][1:]
        return answer


class AcknowledgesAnother(SmallRoom):
    def ack(self, push_id: int, seq: int) -> Message:
        return super().ack(push_id + 1000 * (push_id == 4), seq)


def crash_without_the_newest(room: SmallRoom, *_: Client) -> None:
    room.crash(forgets=[room.streams["log"][-1][0]])


def numbers_go_back_within_an_epoch(room: SmallRoom, *_: Client) -> None:
    room.cut()
    room.seq = 1


@pytest.mark.parametrize(
    ("room", "during", "message"),
    [
        (LosesAppends(), None, "lost: "),
        (LosesReplaces(), None, "lost: "),
        (AppliesTwice(), None, "behind 2"),
        (SkipsABroadcast(), None, r"\[2\] of pusher missed"),
        (BroadcastsTwice(), None, "behind"),
        (ChangesAValue(), None, "believes in"),
        (SmallRoom(), crash_without_the_newest, "lost: "),
        (SmallRoom(), numbers_go_back_within_an_epoch, r"\d behind \d"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_a_broken_promise_is_seen(
    room: SmallRoom, during: Callable[..., None] | None, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        await play(room, during)


async def test_a_gap_behind_a_resumed_connection_is_seen() -> None:
    def others_go_on(room: SmallRoom, *_: Client) -> None:
        for n in (1, 2, 3):
            value = {"by": "other", "n": n}
            room.apply({"key": "channel", "value": value, "action": {"type": "relay"}})
            if n == 1:
                room.cut()

    with pytest.raises(AssertionError, match=r"\[2\] of other missed before"):
        await play(MissesAFewOnResuming(), others_go_on)


async def test_what_a_server_may_never_say_is_a_breach() -> None:
    async with serving(AcknowledgesAnother()) as url:
        client = Client(url, name="a", keys=KEYS)
        async with joined(client):
            for _ in range(4):
                client.push("log")
            await client.until(lambda: bool(client.breaches))
        assert "'id': 1004" in client.breaches[0]
        with pytest.raises(AssertionError, match="not expected by a"):
            invariants.check([client], await invariants.truth(url, list(KEYS)))
