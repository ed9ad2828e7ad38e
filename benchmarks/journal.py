#!/usr/bin/env python3
"""What a journal can: acknowledged pushes a second, large rooms, and a start with much in it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.servers import OURS, Running, Server, start
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal

IN_FLIGHT = 64
PUSHES = 10_000
ROOMS, VALUES_EACH, KEYS = 1_000, 1_000, 10
LARGE_ROOM, LARGE_VALUES = "large", 100_000
VALUE = b'"' + b"x" * 64 + b'"'


def ours(data: Path, durability: str) -> Server:
    """Our server on a folder."""
    options = (f"--data={data}", f"--DriftDB.durability={durability}", "--named-rooms")
    return Server(name=f"ours-{durability}", command=(*OURS.command, *options))


async def acknowledged(running: Running) -> float:
    """Acknowledged pushes a second of one client that keeps some in flight."""
    url = f"ws://127.0.0.1:{running.port}/room/acks/connect?client={'c' * 32}"
    connection = await websocket_connect(HTTPRequest(url))

    def push(number: int) -> str:
        action = {"type": "append", "max_length": 1000}
        fields = {"type": "push", "key": "k", "value": "x" * 64, "action": action, "id": number}
        return json.dumps(fields)

    sent = done = 0
    began = time.perf_counter()
    while done < PUSHES:
        while sent < min(PUSHES, done + IN_FLIGHT):
            sent += 1
            await connection.write_message(push(sent))
        message = await connection.read_message()
        assert isinstance(message, str | bytes), "the connection was closed"
        done += json.loads(message)["type"] == "ack"
    took = time.perf_counter() - began
    connection.close()
    return PUSHES / took


def fill(path: Path) -> None:
    """Write a journal with many values in many rooms, and many in one."""
    journal = Journal(str(path))
    sizes = {f"room{number}": VALUES_EACH for number in range(ROOMS)} | {LARGE_ROOM: LARGE_VALUES}
    for number, (name, count) in enumerate(sizes.items(), 1):
        batch = Batch()
        size = count * len(VALUE)
        batch.created.append((number, name, "epoch", count, 0, 0, KEYS, size, time.time()))
        batch.entries = [
            (number, f"k{seq % KEYS}", seq, 0, VALUE, time.time(), None)
            for seq in range(1, count + 1)
        ]
        journal.commit([batch])
    journal.close()


def get_all(port: int, room: str) -> float:
    """How long it takes to be given all that a room holds, in seconds."""
    began = time.perf_counter()
    for key in range(KEYS):
        body = json.dumps({"type": "get", "key": f"k{key}"}).encode()
        url = f"http://127.0.0.1:{port}/room/{room}/send"
        with urlopen(Request(url, data=body, method="POST"), timeout=60) as answer:
            answer.read()
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print a line for each figure with its goal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for durability, goal in (("batched", ""), ("synced", " (goal: at least 2,000)")):
            with start(ours(folder / durability, durability), folder) as running:
                rate = asyncio.run(acknowledged(running))
            print(
                f"{durability}: {rate:,.0f} acknowledged pushes a second{goal}, "
                f"{IN_FLIGHT} in flight"
            )
        data = folder / "large"
        data.mkdir()
        fill(data / "rooms.db")
        empty = folder / "empty"
        times = []
        for where in (empty, data):
            began = time.perf_counter()
            with start(ours(where, "batched"), folder) as running:
                times.append(time.perf_counter() - began)
                if where is data:
                    took = get_all(running.port, LARGE_ROOM)
        more = times[1] - times[0]
        print(
            f"start with {ROOMS * VALUES_EACH + LARGE_VALUES:,} values in {ROOMS + 1:,} rooms: "
            f"{times[1]:.2f} s, {more:+.2f} s beside an empty one (goal: under 1)"
        )
        print(f"a room of {LARGE_VALUES:,} values opened and read: {took:.2f} s (goal: under 1)")


if __name__ == "__main__":
    main()
