"""Writes of all kinds, right before a process ends, and whether they have arrived."""

from __future__ import annotations

from driftdb_jupyter import SharedDict, SharedState, Stream
from driftdb_jupyter.client.room import Room

__all__ = ["PROLOGUE", "check_that_all_arrived"]

# ``sys.argv[1]`` is the room's URL.
PROLOGUE = """
import asyncio, atexit, logging, os, signal, sys, threading
from driftdb_jupyter import SharedDict, SharedState, Stream, room

def write():
    here = room(sys.argv[1])
    log = Stream("log", room=here)
    throttled = SharedState("throttled", 0, room=here, throttle_seconds=1000)
    counter = SharedState("counter", 0, room=here)
    items = SharedDict("items", {}, room=here)
    logging.getLogger("app").addHandler(log.handler())
    for n in range(2000):
        log.append(n)
    for n in range(3):
        throttled.value = n
    for _ in range(300):
        counter.update(lambda value: value + 1)
    items["last"] = "words"
    print("printed", file=log.file())
    print("unfinished", end="", file=log.file())
    logging.getLogger("app").warning("logged")
    return here, log, throttled, counter, items
"""


def check_that_all_arrived(mine: Room, said: str = "") -> None:
    """Check that a room has all that ``write()`` wrote; ``said`` is shown where it hasn't."""
    log = Stream("log", room=mine)
    numbers = [value for value in log if isinstance(value, int)]
    assert numbers == list(range(2000)), said
    assert "printed" in log
    assert "unfinished" in log
    assert [value["message"] for value in log if isinstance(value, dict)] == ["logged"]
    assert SharedState("throttled", room=mine).value == 2
    assert SharedState("counter", room=mine).value == 300
    assert dict(SharedDict("items", room=mine)) == {"last": "words"}
