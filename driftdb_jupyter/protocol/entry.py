"""An entry: a value that a room gave its number, and who wrote it."""

from __future__ import annotations

from msgspec import Struct

from .value import Value

__all__ = ["Author", "Entry"]


class Author(Struct, frozen=True, weakref=True):
    """The author of a push or presence, as others see it.

    ``client`` is the public id of a client; ``user`` what the server's authentication knows of the
    person (an object), ``None`` where it knows nobody.
    """

    client: str
    user: Value | None = None


class Entry(Struct, gc=False):
    """A value and its sequence number, as a stream keeps it and a broadcast carries it.

    ``time`` is when the server took it, in seconds since 1970; ``author`` is ``None`` where nobody
    knows any more.
    """

    seq: int
    value: Value
    time: float = 0.0
    author: Author | None = None
