"""A client that behaves badly, in a process of its own: ``python -m tests.faults.nuisance``.

Its arguments are a kind and the URL of a room. It says ``ready`` when it has begun, and goes on
until it is killed. ``noise`` isn't bad: what it pushes is what the others don't read.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from .proxy import proxying
from .wire import TEXT, Ended, Wire, masked

__all__ = ["KINDS", "READERS"]

NOISE, FLOOD = "noise", "flood"
READERS = 5
_SILENT = 100
_SMALL_BUFFER_BYTES = 4096


def ready() -> None:
    """Tell the test."""
    print("ready", flush=True)


async def subscribed(url: str, *, receive_buffer_bytes: int | None = None) -> Wire:
    """A connection that hears the noise."""
    wire = await Wire.open(url, receive_buffer_bytes=receive_buffer_bytes)
    wire.send({"type": "get", "key": NOISE})
    await wire.receive()
    return wire


def frame(key: str, length: int, action: str) -> bytes:
    """A push of a string."""
    message = {"type": "push", "key": key, "value": "x" * length, "action": {"type": action}}
    return masked(TEXT, json.dumps(message).encode())


async def noise(url: str) -> None:
    """Push a lot for those who listen: some 6 MB a second."""
    wire = await subscribed(url)
    ready()
    while True:
        wire.send_raw(frame(NOISE, 65536, "relay"))
        await wire.receive()
        await asyncio.sleep(0.01)


async def reads(url: str) -> None:
    """Some readers that read."""
    wires = [await subscribed(url) for _ in range(READERS)]
    ready()

    async def read(wire: Wire) -> None:
        while await wire.read(1 << 20):
            pass

    await asyncio.gather(*(read(wire) for wire in wires))


async def stops(url: str) -> None:
    """Some readers that stop reading."""
    wires = [
        await subscribed(url, receive_buffer_bytes=_SMALL_BUFFER_BYTES) for _ in range(READERS)
    ]
    ready()
    await asyncio.Event().wait()
    del wires


async def crawls(url: str) -> None:
    """Some readers at 1 KB a second, that come back when they are closed."""

    async def crawl(*, first: asyncio.Future[None]) -> None:
        while True:
            wire = await subscribed(url, receive_buffer_bytes=_SMALL_BUFFER_BYTES)
            if not first.done():
                first.set_result(None)
            while await wire.read(128):
                await asyncio.sleep(0.125)
            wire.abort()

    loop = asyncio.get_running_loop()
    firsts = [loop.create_future() for _ in range(READERS)]
    readers = asyncio.gather(*(crawl(first=first) for first in firsts))
    await asyncio.gather(*firsts)
    ready()
    await readers


async def floods(url: str) -> None:
    """A writer that pushes as fast as it is read."""
    await _flood(await Wire.open(url), frame(FLOOD, 64, "relay"))


async def floods_deaf(url: str) -> None:
    """One that is told of all its pushes, and never listens."""
    wire = await Wire.open(url, receive_buffer_bytes=_SMALL_BUFFER_BYTES)
    wire.send({"type": "get", "key": FLOOD, "seq": None})
    await _flood(wire, frame(FLOOD, 64, "replace"))


async def is_mute(url: str) -> None:
    """Many who connect, half of them without even a handshake, and never say a word."""
    parts = urlsplit(url)
    assert parts.port is not None
    sockets = [socket.create_connection(("127.0.0.1", parts.port)) for _ in range(_SILENT // 2)]
    wires = [await Wire.open(url) for _ in range(_SILENT // 2)]
    ready()
    await asyncio.Event().wait()
    del sockets, wires


async def is_half_open(url: str) -> None:
    """Many whose network is gone, without a word to the server."""
    async with proxying(url) as network:
        wires = [await Wire.open(network.at(url)) for _ in range(_SILENT)]
        for link in network.links:
            link.up.swallows = link.down.swallows = True
        ready()
        await asyncio.Event().wait()
        del wires


async def _flood(wire: Wire, one: bytes) -> None:
    ready()
    try:
        while True:
            wire.send_raw(one * 1000)
            await wire.drain()
    except Ended:  # as good an answer as any
        await asyncio.Event().wait()


KINDS: dict[str, Callable[[str], Awaitable[None]]] = {
    kind.__name__: kind
    for kind in (noise, reads, stops, crawls, floods, floods_deaf, is_mute, is_half_open)
}

if __name__ == "__main__":
    asyncio.run(KINDS[sys.argv[1]](sys.argv[2]))  # type: ignore[arg-type]
