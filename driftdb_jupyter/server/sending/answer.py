"""An answer that may be long: it is made as the connection takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ...protocol.codec import Listing
from ...protocol.frame import CONTINUATION, TEXT, head, unfinished_head
from ...protocol.value import LONG_BYTES, prepare
from .send_queue import Buffer

__all__ = ["Answer", "Items", "fragments", "one_frame"]

# Longer values are sent from where they are kept; what is shorter is joined.
_LONG_PART_BYTES = 16384
_REST = b""
# How many segments are counted before the others have their turn.
_SEGMENTS_A_TURN = 2


class Items(Protocol):
    """The items that an answer lists, in segments."""

    count: int

    def __iter__(self) -> Iterator[Sequence[Any]]: ...

    def next(self) -> Sequence[Any] | None:
        """Let go of the first segment, and return it; ``None`` where that was the last."""

    def close(self) -> None:
        """Let go of all that is left."""


class Answer:
    """A message of one opcode, whose content is a listing of items.

    ``close`` it when it was sent, or will not be.
    """

    __slots__ = ("_items", "_listing", "opcode")

    def __init__(self, opcode: int, listing: Listing, items: Items) -> None:
        self.opcode = opcode
        self._listing = listing
        self._items = items

    def close(self) -> None:
        """Let go of what it lists."""
        self._items.close()

    def measure(self) -> Iterator[int]:
        """Count the bytes of the content, without making it: yields how many more, bit by bit.

        It yields 0 where others are to have a turn before it goes on.
        """
        listing = self._listing
        yield len(listing.start) + len(listing.end)
        if self._items.count:
            yield -len(listing.separator)
        for segment in self._items:
            for _ in self._prepare(segment):
                yield 0
            yield sum(map(len, listing.parts(segment)))

    def pieces(self) -> Iterator[Buffer]:
        """Return the content, in pieces of which none is much longer than a single value.

        Empty pieces say that others are to have a turn first.
        """
        listing = self._listing
        yield listing.start
        separator = len(listing.separator)
        while (segment := self._items.next()) is not None:
            for _ in self._prepare(segment):
                yield _REST
            parts = listing.parts(segment)
            parts[0] = parts[0][separator:]
            separator = 0
            yield from _joined(parts)
        if listing.end:
            yield listing.end

    def _prepare(self, segment: Sequence[Any]) -> Iterator[None]:
        """Convert the long values among some items, where they came in the other encoding."""
        cbor = self.opcode == TEXT
        values = self._listing.values(segment)
        return prepare([v for v in values if v.byte_count > LONG_BYTES and v.came_as_cbor is cbor])


def one_frame(answer: Answer) -> Iterator[Buffer]:
    """Return an answer as one WebSocket frame, whose head tells the whole length.

    Yields an empty piece where others are to have a turn, because counting takes a while, too.
    """
    length = 0
    for number, more in enumerate(answer.measure(), 1):
        length += more
        if not (more and number % _SEGMENTS_A_TURN):
            yield _REST
    yield head(answer.opcode, length)
    yield from answer.pieces()


def fragments(answer: Answer) -> Iterator[Buffer]:
    """Return an answer as a fragmented message (RFC 6455, section 5.4), each piece a frame."""
    opcode = answer.opcode
    last: Buffer | None = None
    for piece in answer.pieces():
        if not piece:
            yield _REST
            continue
        if last is not None:
            yield unfinished_head(opcode, len(last)) + last
            opcode = CONTINUATION
        last = piece
    assert last is not None
    yield head(opcode, len(last)) + last


def _joined(parts: list[bytes]) -> Iterator[Buffer]:
    """Return the parts, the short ones of them joined."""
    if max(map(len, parts)) <= _LONG_PART_BYTES:
        yield b"".join(parts)
        return
    short: list[bytes] = []
    for part in parts:
        if len(part) <= _LONG_PART_BYTES:
            short.append(part)
            continue
        if short:
            yield b"".join(short)
            short = []
        yield part
    if short:
        yield b"".join(short)
