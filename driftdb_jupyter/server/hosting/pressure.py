"""Pressure: holding back who writes faster than the others in the room can read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from ..sending.outbox import Outbox

__all__ = ["Pressure"]

_LOOK_SECONDS = 0.05
_LOOKS = 20
# What a reader has to take in so many looks, to be waited for. Fewer would not do: it takes in
# bursts, which lie a round trip or a turn of a busy machine apart.
_PROGRESS_BYTES = 262144
_PROGRESS_LOOKS = 5
# What a peer may push while writers are held: one that is no flood goes on unhindered.
_FREE_BYTES = 65536


class _Reader:
    """A congested outbox, and how it goes on."""

    __slots__ = ("_looks", "_outbox", "_sent")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._begin()

    def _begin(self) -> None:
        self._looks = 0
        self._sent = self._outbox.bytes_sent

    def is_waited_for(self) -> bool:
        """Look at it once more: whether it has neither caught up nor stalled."""
        self._looks += 1
        if self._outbox.bytes_sent - self._sent >= _PROGRESS_BYTES:
            self._begin()
        return self._outbox.congested and self._looks < _PROGRESS_LOOKS


class Pressure:
    """The congested outboxes of one room, and the writers that wait for them.

    While it is ``high``, a peer that goes on pushing is held: nothing is read from it. So a reader
    that is merely slower than a flood sets its pace. One that has stalled, or is far too slow,
    holds nobody for more than a moment: it is waited for no longer until it has caught up, and if
    it doesn't, its outbox passes the limit and it is closed with 4408.
    """

    __slots__ = ("_congested", "_looks", "_pushed", "_relief", "high")

    def __init__(self) -> None:
        self.high = False
        self._congested: list[_Reader] = []  # that are waited for
        self._looks = 0
        self._pushed: dict[int, int] = {}  # bytes, by the pusher's outbox
        self._relief: asyncio.Future[None] | None = None

    def rise(self, outbox: Outbox) -> None:
        """Note that an outbox is congested; it says so again only after it has caught up."""
        self._congested.append(_Reader(outbox))
        if not self.high:
            self.high = True
            self._relief = asyncio.get_running_loop().create_future()
            self._look_later()

    def hold(self, pusher: Outbox, length: int) -> Awaitable[None] | None:
        """Return what the pusher of ``length`` bytes has to wait for, ``None`` for nothing."""
        pushed = self._pushed[id(pusher)] = self._pushed.get(id(pusher), 0) + length
        if self._relief is None or pushed <= _FREE_BYTES:
            return None
        return asyncio.shield(self._relief)

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._looks += 1
        self._congested = [reader for reader in self._congested if reader.is_waited_for()]
        if self._congested and self._looks < _LOOKS:
            self._look_later()
            return
        self.high = False
        self._looks = 0
        self._congested = []
        self._pushed = {}
        relief, self._relief = self._relief, None
        if relief is not None:
            relief.set_result(None)
