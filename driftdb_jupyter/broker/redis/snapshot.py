"""Snapshots: a room after an entry of its log, in pieces that Redis and the loop take at a time.

The pieces together are parts, each with its length before it in four bytes. Each piece begins with
the number of the entry, so that whoever reads while another snapshot takes the place of this one
notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from ...protocol.entry import Author, Entry
from ...protocol.value import Value
from ...rooms.producer import Producer
from ...rooms.room import Room
from ...rooms.window import Broadcast, ForgottenSeqs
from .record import Bounds, Person, WrittenValue, person_of, read_value, written_value

__all__ = ["PIECE_BYTES", "Head", "SnapshotReader", "SnapshotTorn", "write_snapshot"]

PIECE_BYTES = 512 * 1024
"""The longest piece, but for its number."""

# What one part holds of entries at most, beside a single long value.
_PART_BYTES = 64 * 1024
_PART_CLIENTS = 256
_LENGTH_BYTES = 4
_NUMBER_BYTES = 8

_Thing = TypeVar("_Thing")

WrittenEntry: TypeAlias = tuple[int, float, int | None, WrittenValue]
"""A number, a time, the place of the author among those of the part, and the value."""


class Head(Struct, tag="room", array_like=True):
    """The first part. ``number``, ``time``: of the entry of the log that it is the room after."""

    number: int
    time: int
    epoch: str
    seq: int
    newest_relay: int
    bounds: Bounds


class _Entries(Struct, tag="entries", array_like=True):
    key: str
    authors: list[Person]
    entries: list[WrittenEntry]


class _Clients(Struct, tag="clients", array_like=True):
    """Clients, by when they pushed last, with what is known of their pushes."""

    clients: list[tuple[str, int, int, list[list[int]]]]


class _Window(Struct, tag="window", array_like=True):
    forgotten: ForgottenSeqs
    relays: ForgottenSeqs


class _Broadcasts(Struct, tag="broadcasts", array_like=True):
    authors: list[Person]
    broadcasts: list[tuple[str, bool, WrittenEntry]]


class _End(Struct, tag="end", array_like=True):
    pass


_Part: TypeAlias = Head | _Entries | _Clients | _Window | _Broadcasts | _End
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Head | _Entries | _Clients | _Window | _Broadcasts | _End)


class SnapshotTorn(Exception):
    """The pieces are not those of one whole snapshot: another took its place meanwhile."""


class _Authors:
    """The authors of one part, each named once."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self._places: dict[int, int] = {}

    def written(self, entry: Entry) -> WrittenEntry:
        author, place = entry.author, None
        if author is not None:
            place = self._places.get(id(author))
            if place is None:
                place = self._places[id(author)] = len(self.people)
                self.people.append(person_of(None, author))
        return entry.seq, entry.time, place, written_value(entry.value)


def write_snapshot(room: Room, head: Head, seen: Mapping[str, int]) -> Iterator[bytes]:
    """Return the pieces of a snapshot of a room as it is when the first one is asked for.

    The room may change meanwhile. ``seen``: when each client pushed last, in microseconds since
    1970.
    """
    window = room.remember()
    forgotten = _Window(window.forgotten, window.forgotten_relays)
    broadcasts = list(window.broadcasts)
    streams = [(key, room.stream(key).lend(0)) for key in room.keys]
    clients = [
        (client, seen.get(client, 0), producer.forgotten, producer.runs())
        for client, producer in room.producers.items()
    ]
    number = head.number.to_bytes(_NUMBER_BYTES, "big")
    begun = bytearray()
    for part in _parts(head, streams, clients, forgotten, broadcasts):
        encoded = _encode(part)
        begun += len(encoded).to_bytes(_LENGTH_BYTES, "big")
        begun += encoded
        while len(begun) >= PIECE_BYTES:
            yield number + begun[:PIECE_BYTES]
            del begun[:PIECE_BYTES]
    yield number + begun


def _parts(
    head: Head,
    streams: Sequence[tuple[str, list[list[Entry]]]],
    clients: Sequence[tuple[str, int, int, list[list[int]]]],
    forgotten: _Window,
    broadcasts: Sequence[Broadcast],
) -> Iterator[_Part]:
    yield head
    for key, lists in streams:
        for entries in lists:
            for some in _some(entries, [entry.value.byte_count for entry in entries]):
                authors = _Authors()
                written = [authors.written(entry) for entry in some]
                yield _Entries(key, authors.people, written)
    for first in range(0, len(clients), _PART_CLIENTS):
        yield _Clients(list(clients[first : first + _PART_CLIENTS]))
    yield forgotten
    for parts in _some(broadcasts, [each.entry.value.byte_count for each in broadcasts]):
        authors = _Authors()
        yield _Broadcasts(
            authors.people, [(b.key, b.kept, authors.written(b.entry)) for b in parts]
        )
    yield _End()


def _some(things: Sequence[_Thing], lengths: Sequence[int]) -> Iterator[Sequence[_Thing]]:
    """Return things in turn, as many at a time as one part holds."""
    first = byte_count = 0
    for place, length in enumerate(lengths):
        if place > first and byte_count + length > _PART_BYTES:
            yield things[first:place]
            first, byte_count = place, 0
        byte_count += length
    if first < len(things):
        yield things[first:]


class SnapshotReader:
    """Makes the room of a snapshot again, of its pieces in turn.

    ``room``: an empty one. ``head``: what the first part says, once it came. ``seen``: when each
    client pushed last. ``is_whole``: whether all pieces came.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.head: Head | None = None
        self.seen: dict[str, int] = {}
        self.is_whole = False
        self._number = b""
        self._rest = bytearray()
        self._authors: dict[Person, Author] = {}

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises :class:`SnapshotTorn` where it isn't this snapshot's."""
        number = piece[:_NUMBER_BYTES]
        if self._number and self._number != number:
            raise SnapshotTorn
        self._number = number
        rest = self._rest
        rest += piece[_NUMBER_BYTES:]
        place = 0
        while len(rest) - place >= _LENGTH_BYTES:
            begin = place + _LENGTH_BYTES
            end = begin + int.from_bytes(rest[place:begin], "big")
            if end > len(rest):
                break
            self._take(_decoder.decode(bytes(rest[begin:end])))
            place = end
        del rest[:place]

    def _take(self, part: _Part) -> None:
        room = self.room
        if self.head is None:
            if not isinstance(part, Head):
                raise SnapshotTorn
            self.head = part
            room.epoch, room.seq, room.newest_relay = part.epoch, part.seq, part.newest_relay
            room.quota = part.bounds.quota
        elif isinstance(part, _Entries):
            authors = [self._author(person) for person in part.authors]
            room.hold(part.key, [_entry(written, authors) for written in part.entries])
        elif isinstance(part, _Clients):
            for client, seen, forgotten, runs in part.clients:
                producer = Producer(forgotten=forgotten)
                for run in runs:
                    producer.restore(*run)
                room.producers.restore(client, producer)
                self.seen[client] = seen
        elif isinstance(part, _Window):
            room.remember().forget(part.forgotten, relays=part.relays)
        elif isinstance(part, _Broadcasts):
            authors = [self._author(person) for person in part.authors]
            for key, kept, written in part.broadcasts:
                room.remember().add(key, [_entry(written, authors)], kept=kept)
        else:
            self.is_whole = True

    def _author(self, person: Person) -> Author:
        author = self._authors.get(person)
        if author is None:
            _, client, user = person
            assert client is not None
            author = Author(client, None if user is None else Value.from_json(user))
            self._authors[person] = author
        return author


def _entry(written: WrittenEntry, authors: Sequence[Author]) -> Entry:
    seq, time, place, value = written
    return Entry(seq, read_value(value), time, None if place is None else authors[place])
