"""The entries of a room's log, and their form in Redis.

An entry is a line of text, ``NUMBER TIME BEFORE SERVER BATCH`` with a space behind each, and then
what it says in MessagePack. The script writes the first three: the entry's number, its time in
microseconds since 1970, and the time of the entry before. ``SERVER`` and ``BATCH`` say who asked
for it; a server counts its batches, and the log takes none of them twice. They are ``-`` and ``0``
where it is no batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from ...protocol.entry import Author
from ...protocol.messages import Append, Compact, Delete, Push, Relay, Replace
from ...protocol.value import Value
from ...rooms.quota import Quota

__all__ = [
    "AccessChanged",
    "Begun",
    "Body",
    "Bounds",
    "ClientsForgotten",
    "ClientsSeen",
    "Person",
    "Pushed",
    "Pushes",
    "Record",
    "decode_body",
    "encode_body",
    "person_of",
    "read_value",
    "written_value",
]

Person: TypeAlias = tuple[str | None, str | None, bytes | None]
"""A pusher: the digest of its secret, and as what others see it: its public id and its user."""

WrittenValue: TypeAlias = tuple[bytes, bool]
"""A value in the encoding that it came in, and whether that is CBOR."""


class Bounds(Struct, frozen=True, array_like=True):
    """The bounds that decide what becomes of a push; see :class:`~..rooms.quota.Quota`.

    ``clients``: of how many clients pushes are remembered.
    """

    keys: int
    stream_length: int
    stream_bytes: int
    room_bytes: int
    access_bytes: int
    clients: int

    @classmethod
    def of(cls, quota: Quota, clients: int) -> Bounds:
        """Return the bounds of a server's settings."""
        return cls(
            quota.keys,
            quota.stream_length,
            quota.stream_bytes,
            quota.room_bytes,
            quota.access_bytes,
            clients,
        )

    @property
    def quota(self) -> Quota:
        """The bounds of what a room holds."""
        return Quota(
            keys=self.keys,
            stream_length=self.stream_length,
            stream_bytes=self.stream_bytes,
            room_bytes=self.room_bytes,
            access_bytes=self.access_bytes,
        )


class Pushed(Struct, array_like=True, gc=False):
    """A push. ``who``: the place of its pusher among the people of its entry."""

    who: int
    key: str
    action: Relay | Append | Replace | Compact | Delete
    values: list[WrittenValue]
    id: int | None = None
    if_seq: int | None = None
    epoch: str | None = None

    @classmethod
    def of(cls, push: Push, values: Sequence[Value], who: int) -> Pushed:
        """Return the form of a push in the log."""
        return cls(
            who,
            push.key,
            push.action,
            [written_value(value) for value in values],
            push.id,
            push.if_seq,
            push.epoch,
        )

    def push(self) -> tuple[Push, list[Value]]:
        """Return the push again, and its values."""
        push = Push(self.key, self.action, Raw(), self.id, self.if_seq, self.epoch)
        return push, [read_value(written) for written in self.values]


class Pushes(Struct, tag="pushes", array_like=True, gc=False):
    """What a server has gathered in a tick, in its order."""

    people: list[Person]
    pushes: list[Pushed]


class Begun(Struct, tag="begun", array_like=True):
    """From now on these bounds hold, and another epoch where one is named."""

    bounds: Bounds
    epoch: str | None = None


class AccessChanged(Struct, tag="access", array_like=True):
    """Others may do other things: records by kind and name, ``None`` for one that is removed."""

    records: list[tuple[str, str, bytes | None]]


class ClientsForgotten(Struct, tag="forgotten", array_like=True):
    """The pushes of these clients are remembered no longer."""

    clients: list[str]


class ClientsSeen(Struct, tag="seen", array_like=True):
    """These clients are still connected."""

    clients: list[str]


Body: TypeAlias = Pushes | Begun | AccessChanged | ClientsForgotten | ClientsSeen

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pushes | Begun | AccessChanged | ClientsForgotten | ClientsSeen)


class Record(Struct, gc=False):
    """An entry of the log; ``body`` is still encoded. Times are in microseconds since 1970."""

    number: int
    time: int
    before: int
    server: bytes
    batch: int
    body: bytes

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """Read an entry; raises :class:`ValueError` for what is none."""
        number, time, before, server, batch, body = line.split(b" ", 5)
        return cls(int(number), int(time), int(before), server, int(batch), body)


def encode_body(body: Body, *, server: str = "-", batch: int = 0) -> bytes:
    """Return what a script is given of an entry."""
    return b"%s %d %s" % (server.encode(), batch, _encode(body))


def decode_body(record: Record) -> Body:
    """Return what an entry says; raises :class:`msgspec.MsgspecError` where it can't be read."""
    body: Body = _decode.decode(record.body)
    return body


def written_value(value: Value) -> WrittenValue:
    """Return the form of a value in Redis."""
    if value.item is not None:
        return value.item, True
    assert value.text is not None
    return value.text, False


def read_value(written: WrittenValue) -> Value:
    """Return a value again."""
    content, is_cbor = written
    return Value.from_cbor(content) if is_cbor else Value.from_json(content)


def person_of(client: str | None, author: Author | None) -> Person:
    """Return the form of a pusher in the log."""
    if author is None:
        return client, None, None
    return client, author.client, None if author.user is None else author.user.as_json()
