"""A bad network: a TCP proxy on loopback that cuts, resets, delays, halves, stalls and swallows.

A test breaks a :class:`Link` on purpose (``link.down.stalled = True``), or gives the proxy a
seed, and every link its own random sequence of faults. Their kinds, byte positions and lengths
follow from the seed alone; only what travels at that moment does not.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["FAULTS", "Direction", "Fault", "Link", "Proxy", "Strike", "forecast", "proxying"]

Fault = Literal["cut", "reset", "swallow", "stall", "delay", "halve", "slow"]
FAULTS: tuple[Fault, ...] = ("cut", "reset", "swallow", "stall", "delay", "halve", "slow")

_CHUNK_BYTES = 65536
# Little waits in a proxy unseen, so that who reads slowly is felt at the other end soon.
_BUFFER_BYTES = 32768
_TICK_SECONDS = 0.05
_CUT_SECONDS = 1


class Direction:
    """One way through a link, and what is wrong with it.

    ``passed`` counts the bytes that went through. ``limit``: how many may in all, ``None`` for
    no limit; ``stalled``: none may at present; ``swallows``: they are read and thrown away, and
    so is the end; ``rate``: how many go through in a second; ``delay_seconds``: how long each
    read waits; ``halving`` cuts each write into pieces, with a pause after each.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._changed = asyncio.Event()
        self.delay_seconds = 0.0
        self.halving: Random | None = None
        self.limit: int | None = None
        self.passed = 0
        self.rate: float | None = None
        self.stalled = False
        self.swallows = False
        self.at_limit = asyncio.Event()

    def restore(self) -> None:
        """Let everything through again; what was swallowed is lost."""
        self.delay_seconds = 0.0
        self.halving = self.limit = self.rate = None
        self.stalled = self.swallows = False
        self.at_limit.clear()
        self._changed.set()

    async def pump(self) -> None:
        """Carry what comes, and its end."""
        while data := await self._reader.read(_CHUNK_BYTES):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            while data and not self.swallows:
                length = await self._allowed(len(data))
                if self.swallows:
                    break
                self._writer.write(data[:length])
                await self._writer.drain()
                self.passed += length
                data = data[length:]
                if self.rate is not None:
                    await asyncio.sleep(length / self.rate)
                elif self.halving is not None:
                    await asyncio.sleep(self.halving.choice((0, 0.001, 0.01)))
        await self._allowed(1)
        if not self.swallows:
            self._writer.write_eof()

    async def _allowed(self, wanted: int) -> int:
        """Wait until something may pass, and say how many bytes of those that want to."""
        while not self.swallows and (self.stalled or self.limit == self.passed):
            if self.limit == self.passed:
                self.at_limit.set()
            # A test sets the attributes as it likes, without a call: so look now and then.
            await _within(_TICK_SECONDS, self._changed)
        if self.limit is not None:
            wanted = min(wanted, self.limit - self.passed)
        if self.rate is not None:
            wanted = min(wanted, max(1, int(self.rate * _TICK_SECONDS)))
        elif self.halving is not None:
            wanted = self.halving.randint(1, wanted)
        return wanted


class Link:
    """A connection through the proxy. ``up`` goes to the server, ``down`` to the client."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._ends = (client, server)
        self.up = Direction(client[0], server[1])
        self.down = Direction(server[0], client[1])
        self._pumps = [asyncio.ensure_future(d.pump()) for d in (self.up, self.down)]
        self._cutting = False
        self._cut = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def swallows(self) -> bool:
        """Whether it is half-open: never again will anything come through in one direction."""
        return self.up.swallows or self.down.swallows

    async def run(self) -> None:
        """Carry both directions until both have ended, or one fails."""
        done, _ = await asyncio.wait(self._pumps, return_when=asyncio.FIRST_EXCEPTION)
        if any(not pump.cancelled() and pump.exception() for pump in done):
            self.reset()
        await asyncio.wait(self._pumps)
        for pump in self._pumps:
            if not pump.cancelled():
                pump.exception()  # seen
        if self._cutting:
            await self._cut.wait()
        for _, writer in self._ends:
            writer.close()
        self.ended.set()

    async def cut(self) -> None:
        """End both directions in good order (FIN) behind what passed, and take no more."""
        self._cutting = True
        self._stop()
        late = [
            asyncio.get_running_loop().call_later(_CUT_SECONDS, writer.transport.abort)
            for _, writer in self._ends
        ]
        await asyncio.wait(self._pumps)
        for _, writer in self._ends:
            with suppress(OSError, RuntimeError):
                writer.write_eof()
        # Closing with bytes unread would send a reset after the end.
        for reader, _ in self._ends:
            with suppress(OSError):
                while await reader.read(_CHUNK_BYTES):
                    pass
        for timer in late:
            timer.cancel()
        self._cut.set()

    def reset(self) -> None:
        """Break both ends off (RST)."""
        self._stop()
        for _, writer in self._ends:
            end = writer.get_extra_info("socket")
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def restore(self) -> None:
        """Let everything through again."""
        self.up.restore()
        self.down.restore()

    def _stop(self) -> None:
        for pump in self._pumps:
            pump.cancel()


@dataclass(frozen=True)
class Strike:
    """A fault that is to come: after so many bytes in a direction, or so much time."""

    fault: Fault
    upward: bool
    after_bytes: int
    after_seconds: float
    for_seconds: float
    strength: float


def forecast(random: Random, *, faults: tuple[Fault, ...] = FAULTS) -> Iterator[Strike]:
    """What will hit one link, without an end.

    The positions are as often within the handshake as some frames or many frames behind it.
    """
    while True:
        yield Strike(
            fault=random.choice(faults),
            upward=random.random() < 0.5,
            after_bytes=int(2 ** random.uniform(0, 18)),
            after_seconds=random.uniform(0.05, 3),
            for_seconds=random.uniform(0, 2),
            strength=random.random(),
        )


class Proxy:
    """Listens on a port of its own and carries each connection to the server.

    ``links`` are those that are open; ``strikes`` counts the faults by kind.
    """

    def __init__(
        self,
        target: tuple[str, int],
        seed: int | str | None,
        faults: tuple[Fault, ...],
        *,
        calm: bool = False,
    ) -> None:
        self._target = target
        self._seed = seed
        self._faults = faults
        self._calm = calm or seed is None
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.links: list[Link] = []
        self.port = 0
        self.strikes: dict[Fault, int] = {}
        # Called with each link before anything passes.
        self.on_link: Callable[[Link], None] = lambda link: None

    def at(self, url: str) -> str:
        """The same URL, through the proxy."""
        parts = urlsplit(url)
        return parts._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    def move(self, url: str) -> None:
        """Lead new links to another server; those that there are stay."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = parts.hostname, parts.port

    def storm(self) -> None:
        """Faults from now on: links are reset, and those that take their places have them."""
        self._calm = False
        for link in self.links[:]:
            link.reset()

    def calm(self) -> None:
        """No faults any more: links that can't recover are reset, the others restored."""
        self._calm = True
        for link in self.links[:]:
            if link.swallows:
                link.reset()
            else:
                link.restore()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # A server that is gone, too, is an answer; and asyncio logs a cancelled callback.
            with suppress(OSError, asyncio.CancelledError):
                await self._carry(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Reset all links."""
        for link in self.links[:]:
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._count = self._count + 1
        end = _socket()
        try:
            await asyncio.get_running_loop().sock_connect(end, self._target)
        except BaseException:
            end.close()
            raise
        server = await asyncio.open_connection(sock=end, limit=_BUFFER_BYTES)
        link = Link((reader, writer), server)
        self.on_link(link)
        self.links.append(link)
        storm = asyncio.ensure_future(self._storm(link, Random(f"{self._seed}:{number}")))
        try:
            await link.run()
        finally:
            link.reset()
            self.links.remove(link)
            storm.cancel()
            await asyncio.gather(storm, return_exceptions=True)

    async def _storm(self, link: Link, random: Random) -> None:
        for strike in forecast(random, faults=self._faults):
            if self._calm:
                return
            direction = link.up if strike.upward else link.down
            direction.limit = direction.passed + strike.after_bytes
            await _within(strike.after_seconds, direction.at_limit)
            if self._calm:
                return
            self.strikes[strike.fault] = self.strikes.get(strike.fault, 0) + 1
            direction.restore()
            await self._strike(link, direction, strike, random)

    async def _strike(self, link: Link, at: Direction, strike: Strike, random: Random) -> None:
        match strike.fault:
            case "cut":
                await link.cut()
            case "reset":
                link.reset()
            case "swallow":
                at.swallows = True
                # One direction is as silent as both to who waits for an answer.
                if strike.strength < 0.5:
                    link.up.swallows = link.down.swallows = True
                await link.ended.wait()
            case "stall":
                at.stalled = True
            case "delay":
                at.delay_seconds = strike.strength * 0.2
            case "halve":
                at.halving = random
            case "slow":
                at.rate = 1000 + 30_000 * strike.strength
        await asyncio.sleep(strike.for_seconds)
        at.restore()


@asynccontextmanager
async def proxying(
    url: str,
    *,
    seed: int | str | None = None,
    faults: tuple[Fault, ...] = FAULTS,
    calm: bool = False,
) -> AsyncIterator[Proxy]:
    """A proxy to the server of that URL; with a seed, faults of those kinds happen.

    With ``calm`` they do from :meth:`Proxy.storm` on.

    The seed is printed, so that pytest shows it with a failure.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    if seed is not None:
        print(f"the network's seed: {seed!r}")
    proxy = Proxy((parts.hostname, parts.port), seed, faults, calm=calm)
    listening = _socket()
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(proxy.accept, sock=listening, limit=_BUFFER_BYTES)
    proxy.port = listening.getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event anew, not longer than that.

    ``asyncio.wait_for`` can lose a cancellation before Python 3.12.
    """
    event.clear()
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


def _socket() -> socket.socket:
    """A socket with small buffers; accepted ones inherit them."""
    new = socket.socket()
    new.setblocking(False)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return new
