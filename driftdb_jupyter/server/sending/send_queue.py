"""The bytes that wait to be sent on one connection, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from .backlog import Backlog

__all__ = ["SendQueue"]

# Shorter ones are gathered: each by itself would take several times its length.
_SHORT_BYTES = 4096
_GATHERED_BYTES = 65536

Buffer = bytes | bytearray


class _Single:
    """Bytes with a future that is done when they were taken."""

    __slots__ = ("data", "taken")

    def __init__(self, data: bytes, taken: asyncio.Future[None]) -> None:
        self.data = data
        self.taken = taken


class _Pieces:
    """Buffers that are made as they are taken."""

    __slots__ = ("begun", "ended", "pieces", "waiting_bytes")

    def __init__(
        self, pieces: Iterator[Buffer], ended: Callable[[], None], waiting_bytes: int
    ) -> None:
        self.begun = False
        self.pieces = pieces
        self.ended = ended
        self.waiting_bytes = waiting_bytes


class SendQueue:
    """Bytes that a connection has not taken yet, and what is to be made when it has.

    What goes to many is held by reference, once for all of them. ``waiting_bytes`` counts what
    waits, but not the pieces of answers.
    """

    __slots__ = ("_backlog", "_items", "_offset", "_piece", "waiting_bytes")

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._items: deque[Buffer | _Single | _Pieces] = deque()
        self._offset = 0  # into the first item, or its piece
        self._piece: Buffer | None = None
        self.waiting_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, data: bytes, offset: int = 0) -> None:
        """Put bytes behind all others; ``offset``: how many were taken, as nothing waited."""
        items = self._items
        if offset:
            self._offset = offset
        self.waiting_bytes += len(data) - offset
        if len(data) > _SHORT_BYTES:
            items.append(data)
            self._backlog.hold(data, len(data))
            return
        last = items[-1] if items else None
        if type(last) is bytearray and len(last) < _GATHERED_BYTES:
            last += data
        else:
            items.append(bytearray(data))
        self._backlog.add(len(data))

    def put_single(self, data: bytes) -> asyncio.Future[None]:
        """Put bytes behind all others; returns a future that is done when they were taken."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._items.append(_Single(data, taken))
        self.waiting_bytes += len(data)
        self._backlog.hold(data, len(data))
        return taken

    def put_pieces(
        self, pieces: Iterator[Buffer], ended: Callable[[], None], *, waiting_bytes: int = 0
    ) -> None:
        """Put what ``pieces`` will make behind all others.

        An empty piece says that others are to have a turn first. ``ended`` is called when all was
        taken or dropped. ``waiting_bytes``: what counts for it until then.
        """
        self._items.append(_Pieces(pieces, ended, waiting_bytes))
        self.waiting_bytes += waiting_bytes

    @property
    def makes(self) -> bool:
        """Whether what is to be sent next has to be made."""
        return self._piece is None and bool(self._items) and isinstance(self._items[0], _Pieces)

    def front(self) -> memoryview | None:
        """Return what is to be sent next.

        Empty where others are to have a turn, ``None`` for nothing.

        To be released before the queue is used again.
        """
        while self._items:
            first = self._items[0]
            if isinstance(first, _Single):
                if not first.data:
                    self._drop_first()
                    continue
                return memoryview(first.data)[self._offset :]
            if not isinstance(first, _Pieces):
                return memoryview(first)[self._offset :]
            if self._piece is None:
                piece = next(first.pieces, None)
                if piece is None:
                    self._drop_first()
                    continue
                if not piece:
                    return memoryview(b"")
                first.begun = True
                self._piece = piece
                self._backlog.hold(piece, len(piece))
            return memoryview(self._piece)[self._offset :]
        return None

    def took(self, count: int) -> None:
        """Note that the connection has taken that number of bytes of the front."""
        first = self._items[0]
        self._offset += count
        if isinstance(first, _Pieces):
            if self._piece is not None and self._offset == len(self._piece):
                self._drop_piece()
            return
        self.waiting_bytes -= count
        if self._offset == len(first.data if isinstance(first, _Single) else first):
            self._drop_first()

    def clear(self, failure: Exception | None = None) -> None:
        """Drop all of it; whoever waits for something of it hears of the failure."""
        while self._items:
            first = self._items[0]
            if isinstance(first, _Single) and not first.taken.done():
                if failure is None:
                    first.taken.cancel()
                else:
                    first.taken.set_exception(failure)
                    first.taken.exception()  # seen: not all of them are awaited
            self._drop_first()
        self.waiting_bytes = 0

    def keep_begun(self) -> bool:
        """Drop all but the rest of what was taken in part.

        Returns whether there can be anything behind it: not in the middle of an answer, which is
        dropped.
        """
        begun = self._items[0] if self._items else None
        if isinstance(begun, _Pieces) or not self._offset:
            midway = isinstance(begun, _Pieces) and begun.begun
            self.clear()
            return not midway
        first = self._items.popleft()
        offset, self._offset = self._offset, 0
        self.clear()
        self._items.append(first)
        self._offset = offset
        length = len(first.data if isinstance(first, _Single) else first)  # type: ignore[arg-type]
        self.waiting_bytes = length - offset
        return True

    def drop_answers(self) -> None:
        """Drop the answers; all, where one of them was taken in part."""
        first = self._items[0] if self._items else None
        if isinstance(first, _Pieces) and first.begun:
            self.clear()
        for item in list(self._items):
            if isinstance(item, _Pieces) and not item.waiting_bytes:
                self._items.remove(item)
                item.ended()

    def _drop_piece(self) -> None:
        if self._piece is not None:
            self._backlog.release(self._piece, len(self._piece))
            self._piece = None
        self._offset = 0

    def _drop_first(self) -> None:
        first = self._items.popleft()
        if isinstance(first, _Pieces):
            self._drop_piece()
            self.waiting_bytes -= first.waiting_bytes
            first.ended()
            return
        self._offset = 0
        if isinstance(first, _Single):
            self._backlog.release(first.data, len(first.data))
            if not first.taken.done():
                first.taken.set_result(None)
        elif isinstance(first, bytearray):
            self._backlog.add(-len(first))
        else:
            self._backlog.release(first, len(first))
