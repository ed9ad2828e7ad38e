"""Reading a connection no faster than it may send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import monotonic

from ..hosting.peer import Peer
from ..limits.rate import Rate

__all__ = ["Throttle"]

# A connection that was closed meanwhile is not waited for much longer than that.
_LOOK_SECONDS = 1.0


class Throttle:
    """Counts the messages of one peer, malformed ones too, and stops the reading over a rate.

    So what comes too fast is neither decoded nor refused: it waits in the socket, and the sender
    with it. ``rates``: all of them have to allow the next message. ``slowed`` is called the first
    time that one doesn't.
    """

    __slots__ = ("_peer", "_rates", "_slowed")

    def __init__(self, peer: Peer, rates: Sequence[Rate], slowed: Callable[[], object]) -> None:
        self._peer = peer
        self._rates = rates
        self._slowed: Callable[[], object] | None = slowed

    def receive_all(self, opcode: int, messages: Iterator[bytes]) -> Awaitable[None] | None:
        """Take messages, as :meth:`.Peer.receive_all` does."""
        for message in messages:
            unfinished = self._receive(opcode, message)
            if unfinished is not None:
                return unfinished
        return None

    def _receive(self, opcode: int, message: bytes) -> Awaitable[None] | None:
        unfinished = self._peer.receive(opcode, message)
        now = monotonic()
        seconds = max([rate.take(now=now) for rate in self._rates])
        return self._pause(seconds, unfinished) if seconds else unfinished

    async def _pause(self, seconds: float, unfinished: Awaitable[None] | None) -> None:
        until = monotonic() + seconds
        peer = self._peer
        peer.throttled = True
        if self._slowed is not None:
            self._slowed()
            self._slowed = None
        try:
            if unfinished is not None:
                await unfinished
            while not peer.outbox.closed and (remaining := until - monotonic()) > 0:
                await asyncio.sleep(min(remaining, _LOOK_SECONDS))
        finally:
            peer.throttled = False
