#!/usr/bin/env python3
"""What a kernel's client can do, beside the same loops over ``websockets`` and redis-py.

    python benchmarks/client.py [--rounds N]

One process on the last core, the server on the first one. The loops take turns; of ``--rounds``
rounds the best counts, and the best ratio to another's loop in the same round. ``websockets`` sends
and receives the same messages of the room protocol one by one, and does nothing with them. redis-py
publishes and appends to a stream with one call for each value, and for ``extend`` with a pipeline;
it is measured where it and a ``redis-server`` are there.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from websockets.asyncio.client import connect

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.servers import CORES, OURS, Server, start
from driftdb_jupyter import PubSub, Room, SharedState, Stream
from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.session.stored import written
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import Location

redis: Any = importlib.import_module("redis") if importlib.util.find_spec("redis") else None

COUNT = 20_000
WATCHED_COUNT = 10_000
GOALS = {
    "append, values a second": 50_000,
    "publish, values a second": 50_000,
    "extend, values a second": 300_000,
    "hear, values a second": 100_000,
    "set().result(), µs in the median": 200,
    "an observer of a thousand, µs more than its call": 1,
    "watching 10,000 keys, MB of the process": 100,
}
LABELS = {
    "append": "append, values a second",
    "publish": "publish, values a second",
    "extend": "extend, values a second",
    "hear": "hear, values a second",
    "answer": "set().result(), µs in the median",
    "observe": "an observer of a thousand, µs more than its call",
}

SERVER = replace(OURS, command=(*OURS.command, "--named-rooms"))
REDIS = Server(
    name="redis",
    command=("redis-server", "--port", "{port}", "--save", "", "--appendonly", "no"),
)


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


class Redis:
    """The same by redis-py: channels, streams and keys."""

    def __init__(self, port: int) -> None:
        self.redis = redis.Redis(port=port)

    def append(self) -> float:
        """Values a second that are appended to a stream, each by a call."""
        add = self.redis.xadd
        return self._rate(lambda: [add("log", {"v": _step(n)}) for n in range(COUNT)])

    def publish(self) -> float:
        """Values a second that are published, each by a call."""
        publish = self.redis.publish
        return self._rate(lambda: [publish("chat", _step(n)) for n in range(COUNT)])

    def extend(self) -> float:
        """Values a second that are appended in pipelines of a thousand."""

        def work() -> None:
            for first in range(0, COUNT, 1_000):
                pipeline = self.redis.pipeline(transaction=False)
                for n in range(first, first + 1_000):
                    pipeline.xadd("log", {"v": _step(n)})
                pipeline.execute()

        return self._rate(work)

    def hear(self) -> float:
        """Values a second that come out of a loop."""
        ear, count = self.redis.pubsub(), 5_000
        ear.subscribe("heard")
        heard = ear.listen()
        next(heard)
        pipeline = self.redis.pipeline(transaction=False)
        for n in range(count):
            pipeline.publish("heard", json.dumps(n))
        pipeline.execute()
        began = time.perf_counter()
        for _ in range(count):
            json.loads(next(heard)["data"])
        rate = count / (time.perf_counter() - began)
        ear.close()
        return rate

    def answer(self) -> float:
        """How long a write and its answer take, in microseconds."""
        took = []
        for n in range(1_000):
            began = time.perf_counter()
            self.redis.set("state", json.dumps([n, began]))
            took.append(time.perf_counter() - began)
        return 1e6 * median(took)

    @staticmethod
    def _rate(work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        return COUNT / (time.perf_counter() - began)


def _step(n: int) -> str:
    return json.dumps({"step": n})


@contextmanager
def redis_beside(folder: Path) -> Iterator[Redis | None]:
    """Run a Redis server, if there is one and redis-py; says what is missing."""
    if redis is None or shutil.which("redis-server") is None:
        print("No ratios to redis-py: they need redis-server, and `pip install redis`.")
        yield None
        return
    with start(REDIS, folder) as running:
        yield Redis(running.port)


def watching_mb(url: str, name: str) -> float:
    """Return the memory of a process, in MB, that watches :data:`WATCHED_COUNT` states."""
    import resource  # not on Windows

    room = Room(Connection(Location(server=url, room=name), Settings()))
    states = [SharedState(f"watched/{n}", room=room) for n in range(WATCHED_COUNT)]
    assert [state.value["n"] for state in states] == list(range(WATCHED_COUNT))
    unit = 1 if sys.platform == "darwin" else 1_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def watch(url: str, name: str) -> float:
    """Write states, and return how much a new process that only watches them takes, in MB."""
    room = Room(Connection(Location(server=url, room=name), Settings()))
    for n in range(WATCHED_COUNT):
        room.connection.send(f"watched/{n}", written(b'{"n":%d}' % n), action="replace")
    room.flush(60)
    room.close()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(watching_mb, (url, name))


def main() -> int:
    """Measure, print a table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if sys.platform == "linux":
        os.sched_setaffinity(0, {CORES[-1]})
    found: dict[str, list[float]] = {name: [] for name in GOALS}
    ratios: dict[str, dict[str, list[float]]] = {name: {} for name in GOALS}
    with (
        TemporaryDirectory() as folder,
        start(SERVER, Path(folder)) as running,
        redis_beside(Path(folder)) as beside,
    ):
        url = f"http://127.0.0.1:{running.port}/"
        found["watching 10,000 keys, MB of the process"].append(watch(url, "watched"))
        ours = Ours(url, "bench")
        others = {"websockets": Bare(url, "bench"), "redis-py": beside}
        for _ in range(rounds):
            for name, label in LABELS.items():
                found[label].append(getattr(ours, name)())
                for who, other in others.items():
                    if (measure := getattr(other, name, None)) is not None:
                        ratio = found[label][-1] / measure()
                        ratios[label].setdefault(who, []).append(ratio)
    met = True
    for label, values in found.items():
        rate = label.endswith("a second")
        best = max(values) if rate else min(values)
        good = best >= GOALS[label] if rate else best <= GOALS[label]
        met = met and good
        beside_others = "".join(
            f", {(max if rate else min)(many):.2f} times {who}"
            for who, many in ratios[label].items()
        )
        missed = "" if good else "  MISSED"
        print(f"{label}: {best:,.1f} (goal {GOALS[label]:,}){beside_others}{missed}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
