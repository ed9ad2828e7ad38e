"""Watchers: connections that are shown all that happens in a room (protocol, ``?debug=true``)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ...protocol.codec import Codec
from ...rooms.room import Applied
from ..sending.outbox import Outbox

__all__ = ["Pace", "Watchers"]

_log = logging.getLogger("driftdb_jupyter")

# How many streams a watcher is shown before the others have their turn.
_KEYS_A_TURN = 64


class Pace:
    """Bounds how much of long streams is encoded again in a time, for all watchers together.

    Every push to a stream makes all of it due once more; this is what that may cost the others.
    ``clock``: seconds of any steady clock.
    """

    _BYTES_PER_SECOND = 8 * 1024 * 1024

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at = 0.0

    def take(self, byte_count: int) -> float:
        """Count bytes; returns after how many seconds more may come."""
        now = self._clock()
        self._free_at = max(self._free_at, now) + byte_count / self._BYTES_PER_SECOND
        return self._free_at - now


class Watchers:
    """The watchers of one room.

    What a tick of the loop changed is shown at its end: of each key one ``init``, encoded once for
    all watchers of an encoding where it is short. ``show`` puts the stream of a key into an outbox;
    it returns what to wait for, and how many bytes of a long stream that took. Who has not read the
    last one yet is shown the next when it has, whatever happened to the stream meanwhile.
    """

    def __init__(
        self, show: Callable[[str, Outbox, Codec], tuple[Awaitable[None] | None, int]], pace: Pace
    ) -> None:
        self._pace = pace
        self._show = show
        self._watchers: dict[int, _Watcher] = {}

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def add(
        self,
        outbox: Outbox,
        codec: Codec,
        keys: list[str],
        may_read: Callable[[str], bool] = lambda key: True,
    ) -> None:
        """Show an outbox the streams of these keys, and from now on all that happens.

        ``may_read`` tells of each key, whenever something is to be shown, whether that may be.
        """
        watcher = _Watcher(outbox, codec, self._show, self._pace, may_read)
        self._watchers[id(outbox)] = watcher
        watcher.show(keys)

    def remove(self, outbox: Outbox) -> None:
        """End what :meth:`add` began."""
        watcher = self._watchers.pop(id(outbox), None)
        if watcher is not None:
            watcher.end()

    def note(self, applied: Applied) -> None:
        """Note that a push was applied."""
        if applied.changed:
            for watcher in list(self._watchers.values()):
                watcher.show([applied.key])
            return
        frames: dict[Codec, list[bytes]] = {}
        for watcher in list(self._watchers.values()):
            codec = watcher.codec
            if not watcher.may_read(applied.key):
                continue
            try:
                if codec not in frames:
                    start = codec.push_start(applied.key)
                    frames[codec] = [codec.push_frame(start, entry) for entry in applied.broadcast]
            except Exception:
                _log.exception("A push can't be encoded for a watcher, which is closed")
                watcher.outbox.fail()
                continue
            for each in frames[codec]:
                watcher.outbox.put(each)


class _Watcher:
    """One of them, and the keys that it has yet to be shown."""

    def __init__(
        self,
        outbox: Outbox,
        codec: Codec,
        show: Callable[[str, Outbox, Codec], tuple[Awaitable[None] | None, int]],
        pace: Pace,
        may_read: Callable[[str], bool],
    ) -> None:
        self.codec = codec
        self.may_read = may_read
        self.outbox = outbox
        self._due: dict[str, None] = {}
        self._pace = pace
        self._show = show
        self._showing: asyncio.Task[None] | None = None

    def show(self, keys: list[str]) -> None:
        """Show it these streams, as soon as it has read what it was shown before."""
        self._due.update(dict.fromkeys(keys))
        if self._showing is None and self._due:
            self._showing = asyncio.ensure_future(self._show_due())

    def end(self) -> None:
        """Show it nothing more."""
        self._due.clear()
        if self._showing is not None:
            self._showing.cancel()

    async def _show_due(self) -> None:
        shown = 0
        try:
            while self._due and not self.outbox.closed:
                key = next(iter(self._due))
                del self._due[key]
                if not self.may_read(key):
                    continue
                taken, long_bytes = self._show(key, self.outbox, self.codec)
                shown += 1
                if taken is not None:
                    await taken
                elif not shown % _KEYS_A_TURN:
                    await asyncio.sleep(0)
                if long_bytes:
                    await asyncio.sleep(self._pace.take(long_bytes))
        except Exception:
            _log.exception("A watcher can't be shown a stream, and is closed")
            self.outbox.fail()
        finally:
            self._showing = None
