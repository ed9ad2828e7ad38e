"""A value of a room, as the commands print it."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from ..client.log_replica import Heard
from ..client.values import decode

__all__ = ["Record", "one_line_json", "record", "text_of"]


class Record(Struct, omit_defaults=True):
    """A line of ``--json``; ``time`` is in milliseconds since 1970, by the server's clock.

    ``client`` is the public id of who wrote the value, and ``user`` what the server's
    authentication knows of the person.
    """

    key: str
    seq: int
    value: Raw
    time: int | None = None
    client: str | None = None
    user: Raw | None = None

    def line(self) -> str:
        """As JSON, on one line."""
        return msgspec.json.encode(self).decode()


def record(key: str, heard: Heard) -> Record:
    """The record of a value that was heard under a key."""
    made = Record(key, heard.seq, Raw(one_line_json(heard.value)))
    if heard.stamp is not None:
        made.time, made.client = heard.stamp.time, heard.stamp.client
        made.user = None if heard.stamp.user is None else Raw(one_line_json(heard.stamp.user))
    return made


def text_of(value: bytes) -> str:
    """A value, given as JSON text, as a person reads it: a text as it is, all else as JSON."""
    if value.startswith(b'"'):
        return str(decode(value))
    return one_line_json(value).decode()


def one_line_json(text: bytes) -> bytes:
    """JSON text without the line ends that it may have between its tokens."""
    if b"\n" in text or b"\r" in text:
        return msgspec.json.format(text, indent=-1)
    return text
