"""A value of a room, as the commands print it."""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw, Struct

from ..client.session.log import Heard
from ..client.values.encoding import decode

__all__ = ["Record", "json_line", "record", "text_of"]


class Record(Struct, omit_defaults=True):
    """A line of ``--json``; ``time`` is in milliseconds since 1970, by the server's clock.

    ``client`` is the public id of the client that wrote the value, and ``user`` what the server's
    authentication knows of the person.
    """

    key: str
    seq: int
    value: Raw
    time: int | None = None
    client: str | None = None
    user: Raw | None = None

    def line(self) -> str:
        """Return it as JSON, on one line."""
        return msgspec.json.encode(self).decode()


def record(key: str, heard: Heard) -> Record:
    """Return the record of a value that came under a key."""
    made = Record(key, heard.seq, Raw(_on_one_line(heard.value)))
    if heard.stamp is not None:
        made.time, made.client = heard.stamp.time, heard.stamp.client
        made.user = None if heard.stamp.user is None else Raw(_on_one_line(heard.stamp.user))
    return made


def text_of(value: bytes) -> str:
    """Return a value (JSON text) for a person: a text as it is, anything else as JSON."""
    if value.startswith(b'"'):
        return str(decode(value))
    return _on_one_line(value).decode()


def json_line(text: str) -> bytes:
    """Return JSON text as it is, but on one line; raises :class:`ValueError` if it isn't JSON."""
    try:
        json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    return _on_one_line(text.strip().encode())


def _refuse(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _on_one_line(text: bytes) -> bytes:
    """Return JSON text without line ends between its tokens."""
    if b"\n" in text or b"\r" in text:
        return msgspec.json.format(text, indent=-1)
    return text
