#!/usr/bin/env python3
"""What a policy costs: processor time for a delivery without one, with one prefix, and with many.

And with a policy and a signed token, by which everybody comes in. The kinds of rooms take turns on
one server. With ``--check`` it exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import timeit
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.generator import Figures, compile_generator, load
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import OURS, Running, Server, start
from driftdb_jupyter import create_token
from driftdb_jupyter.access.grants import Grant, Grants, compile_grants

MOST_LOSS = 0.1
MESSAGES = {"fan-out": 10_000, "echo": 60_000}
PUSHES = {"can": ["read", "append", "replace", "relay"]}
PREFIXES = [f"other-{number}/" for number in range(99)]
POLICIES: Mapping[str, Any] = {
    "none": None,
    "one prefix": {"anyone": {**PUSHES, "prefixes": ["k"]}},
    "a hundred": {"anyone": {**PUSHES, "prefixes": ["k", *PREFIXES]}},
}


TOKEN = "policy, token"
NAMES = "bench-"


class Tokened(Running):
    """A server whose new rooms have a policy for one person, who comes by a signed token."""

    key = ""

    def new_rooms(self, count: int) -> list[str]:
        """Names of new rooms, that many."""
        return [self._new_room() for _ in range(count)]

    def _new_room(self) -> str:
        room = NAMES + secrets.token_hex(8)
        admin = create_token(room, key=self.key, role="admin")
        url = f"http://127.0.0.1:{self.port}{self.server.prefix}/room/{room}/access"
        policy = {"users": {"ada": POLICIES["one prefix"]["anyone"]}}
        _ask("PUT", url, policy, {"Authorization": f"Bearer {admin}"})
        return room


class Ruled(Running):
    """A server whose new rooms have a policy."""

    policy: Any = None

    def new_rooms(self, count: int) -> list[str]:
        """Ids of new rooms, that many."""
        return [self._new_room() for _ in range(count)]

    def _new_room(self) -> str:
        root = f"http://127.0.0.1:{self.port}{self.server.prefix}"
        made = _ask("POST", f"{root}/new?admin=true")
        if self.policy is not None:
            owner = {"Authorization": f"Bearer {made['admin']}"}
            _ask("PUT", f"{root}/room/{made['room']}/access", self.policy, owner)
        room: str = made["room"]
        return room


def _ask(
    method: str, url: str, content: object = None, headers: Mapping[str, str] | None = None
) -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def measured(running: Running, scenario: Scenario, rounds: int, *, key: str) -> dict[str, float]:
    """Return the processor time for a delivery with each policy, in µs: the best of the rounds.

    ``key``: the secret that tokens are signed with.
    """
    kinds: dict[str, Running] = {}
    for name, policy in POLICIES.items():
        ruled = type("Ruled", (Ruled,), {"policy": policy})
        kinds[name] = ruled(server=running.server, port=running.port, pid=running.pid)
    token = create_token(room_prefix=NAMES, key=key, subject="ada", expires_seconds=86400)
    by_token = replace(running.server, generator_options=("-h", f"Authorization: Bearer {token}"))
    tokened = type("Tokened", (Tokened,), {"key": key})
    kinds[TOKEN] = tokened(server=by_token, port=running.port, pid=running.pid)
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, kind in kinds.items():
            figures: Figures = load(kind, scenario)
            assert figures["lost"] == figures["unsent"] == 0, figures
            found[name].append(1e6 * figures["server_seconds"] / figures["delivered"])
    return {name: min(times) for name, times in found.items()}


def checked(grants: Grants) -> float:
    """Return what it takes to look a key up, in ns."""
    keys = [f"k{number}" for number in range(8)]
    looks = timeit.repeat(lambda: [grants.allows(2, key) for key in keys], number=2_000, repeat=9)
    return 1e9 * statistics.median(looks) / 2_000 / len(keys)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    compile_generator()
    missed: list[str] = []
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "key"
        keys.touch(0o600)
        keys.write_text(key)
        command = (*OURS.command, "--named-rooms", f"--token-keys={keys}")
        server = replace(OURS, command=command)
        measure(server, Path(folder), key, options.rounds, missed)
    for name, prefixes in (("one", ["k"]), ("a hundred", ["k", *PREFIXES])):
        grants = compile_grants(Grant(("append",), prefixes=tuple(prefixes)))
        print(f"a look at a key, {name:<10} {checked(grants):5.0f} ns")
    if options.check and missed:
        sys.exit(f"more than {MOST_LOSS:.0%}: {', '.join(missed)}")


def measure(server: Server, folder: Path, key: str, rounds: int, missed: list[str]) -> None:
    """Print what deliveries cost, and add what misses the goal."""
    with start(server, folder) as running:
        for name in MESSAGES:
            scenario = replace(SCENARIOS[name], messages=MESSAGES[name])
            times = measured(running, scenario, rounds, key=key)
            for policy, time in times.items():
                loss = time / times["none"] - 1
                print(f"{name}, policy: {policy:<13}  {time:6.3f} µs a delivery  {loss:+.1%}")
                if loss >= MOST_LOSS:
                    missed.append(f"{name} with {policy}")


if __name__ == "__main__":
    main()
