#!/usr/bin/env python3
"""What a kernel's client can do, beside the same loops over the ``websockets`` package.

    python benchmarks/client.py [--rounds N]

One process on the last core, the server on the first one. The loops take turns; of ``--rounds``
rounds the best counts, and the best ratio to ``websockets`` in the same round, which sends and
receives the same messages of the room protocol one by one, and does nothing with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from websockets.asyncio.client import connect

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.servers import CORES, OURS, start
from driftdb_jupyter import PubSub, Room, SharedState, Stream
from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import Location

COUNT = 20_000
GOALS = {
    "append, values a second": 50_000,
    "publish, values a second": 50_000,
    "extend, values a second": 300_000,
    "hear, values a second": 100_000,
    "set().result(), µs in the median": 200,
    "an observer of a thousand, µs more than its call": 1,
}

SERVER = replace(OURS, command=(*OURS.command, "--named-rooms"))


class Ours:
    """The client's loops."""

    def __init__(self, url: str, name: str) -> None:
        location = Location(server=url, room=name)
        self.room = Room(Connection(location, Settings()))
        self.other = Room(Connection(location, Settings()))
        self.log = Stream("log", room=self.room)
        self.chat = PubSub("chat", room=self.room)
        self.state = SharedState("state", 0, room=self.room)
        self.ear = PubSub("heard", room=self.other)
        self.mouth = PubSub("heard", room=self.room)

    def append(self) -> float:
        """Values a second that are appended, until the room has them."""
        return self._rate(lambda: [self.log.append({"step": n}) for n in range(COUNT)])

    def publish(self) -> float:
        """Values a second that are published, until the room has them."""
        return self._rate(lambda: [self.chat.publish({"step": n}) for n in range(COUNT)])

    def extend(self) -> float:
        """Values a second that are appended together."""
        values = [{"step": n} for n in range(5 * COUNT)]
        return 5 * self._rate(lambda: self.log.extend(values))

    def hear(self) -> float:
        """Values a second that come out of a loop."""
        # A part of what the follower remembers, so that nothing is missed.
        feed, count = self.ear.messages(), 5_000
        self.other.flush()
        self.mouth.publish("first")
        next(feed)
        for n in range(count):
            self.mouth.publish(n)
        began = time.perf_counter()
        for _ in range(count):
            next(feed)
        return count / (time.perf_counter() - began)

    def answer(self) -> float:
        """How long a write and its answer take, in microseconds."""
        took = []
        for n in range(1_000):
            began = time.perf_counter()
            self.state.set([n, began]).result()
            took.append(time.perf_counter() - began)
        return 1e6 * median(took)

    def observe(self) -> float:
        """Return what each of a thousand observers costs beside its own call, in microseconds."""
        calls = [0]

        def observer(change: object) -> None:
            calls[0] += 1

        observers = [partial(observer) for _ in range(1_000)]
        began = time.perf_counter()
        for each in observers:
            each(None)
        alone = time.perf_counter() - began
        for each in observers:
            self.state.observe(each)
        began = time.perf_counter()
        self.state.value = began  # told at once, on this thread
        took = time.perf_counter() - began
        for each in observers:
            self.state.unobserve(each)
        return 1e6 * (took - alone) / 1_000

    def _rate(self, work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        self.room.flush(60)
        return COUNT / (time.perf_counter() - began)


class Bare:
    """The same messages over ``websockets``."""

    def __init__(self, url: str, name: str) -> None:
        self.url = f"{url.replace('http', 'ws', 1)}room/{name}/connect?client="

    def append(self) -> float:
        """Values a second that are appended, until the room has them."""
        return asyncio.run(self._push("append", "bare-log"))

    def publish(self) -> float:
        """Values a second that are published, until the room has them."""
        return asyncio.run(self._push("relay", "bare-chat"))

    async def _push(self, action: str, key: str) -> float:
        url = self.url + secrets.token_urlsafe(32)
        async with connect(url, compression=None, max_size=None, max_queue=None) as socket:
            await socket.send(json.dumps({"type": "get", "key": key, "seq": 0}))
            await socket.recv()
            began = time.perf_counter()

            async def hear() -> None:
                heard = 0
                while heard < COUNT:
                    heard += json.loads(await socket.recv())["type"] == "push"

            hearing = asyncio.create_task(hear())
            for n in range(COUNT):
                message = {"type": "push", "key": key, "action": {"type": action}, "id": n + 1}
                await socket.send(json.dumps({**message, "value": {"step": n}}))
            await hearing
            return COUNT / (time.perf_counter() - began)


def main() -> int:
    """Measure, print a table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if sys.platform == "linux":
        os.sched_setaffinity(0, {CORES[-1]})
    found: dict[str, list[float]] = {name: [] for name in GOALS}
    ratios: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder, start(SERVER, Path(folder)) as running:
        url = f"http://127.0.0.1:{running.port}/"
        ours, bare = Ours(url, "bench"), Bare(url, "bench")
        for _ in range(rounds):
            for name, measure in (("append", ours.append), ("publish", ours.publish)):
                label = f"{name}, values a second"
                found[label].append(measure())
                ratios.setdefault(label, []).append(found[label][-1] / getattr(bare, name)())
            found["extend, values a second"].append(ours.extend())
            found["hear, values a second"].append(ours.hear())
            found["set().result(), µs in the median"].append(ours.answer())
            found["an observer of a thousand, µs more than its call"].append(ours.observe())
    met = True
    for name, values in found.items():
        rate = name.endswith("a second")
        best = max(values) if rate else min(values)
        good = best >= GOALS[name] if rate else best <= GOALS[name]
        met = met and good
        beside = f", {max(ratios[name]):.1f} times websockets" if name in ratios else ""
        print(f"{name}: {best:,.1f} (goal {GOALS[name]:,}){beside}{'' if good else '  MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
