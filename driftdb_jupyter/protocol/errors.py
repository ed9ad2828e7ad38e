"""Everything that can go wrong, as one tree.

::

    DriftDBError
    ├── Refusal             the server could not take a message; it changed nothing
    │   ├── BadMessage      not a message of the protocol, or a field is wrong
    │   ├── BadSequence     a compact above the room's newest sequence number
    │   ├── TooLarge        a message, key or value over its limit
    │   ├── Conflict        somebody else wrote first (``if_seq``)
    │   ├── Forbidden       this user may not write (or read) here
    │   ├── QuotaExceeded   the room, the key or the server is full
    │   ├── RateExceeded    too many messages in too short a time
    │   └── Unavailable     the server can't take pushes at the moment
    ├── NoServer            there is nothing to connect to: no URL was given or found
    ├── Unreachable         the server doesn't answer, or is none of rooms
    │   └── Away            nothing answers there now; it may be back by itself
    ├── RoomNotFound        the server has no such room
    ├── NotConnected        the connection is closed, or an answer took too long
    ├── QueueFull           too much waits to be sent already
    ├── Uncertain           nobody knows whether the room took a write
    ├── WrongKind           a key that is in use as something else
    ├── TimedOut            what was waited for did not come in time
    └── EncodingError       a value that has no JSON form; names the path to it

A :class:`Refusal` travels as the protocol's ``error`` message
(protocol, "Errors and closing"): its ``code`` is the class's own.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Away",
    "BadMessage",
    "BadSequence",
    "Conflict",
    "DriftDBError",
    "EncodingError",
    "Forbidden",
    "NoServer",
    "NotConnected",
    "QueueFull",
    "QuotaExceeded",
    "RateExceeded",
    "Refusal",
    "RoomNotFound",
    "TimedOut",
    "TooLarge",
    "Unavailable",
    "Uncertain",
    "Unreachable",
    "WrongKind",
    "printable",
    "refusal",
]


class DriftDBError(Exception):
    """Base of every error that this package raises on purpose.

    ``in_python`` is appended to its message for callers in Python; ``plain`` leaves it out.
    """

    in_python = ""

    def __init__(self, *message: object, in_python: str = "") -> None:
        super().__init__(*message)
        if in_python:
            self.in_python = in_python

    def __copy__(self) -> DriftDBError:
        """Return the same error without a traceback, whatever its constructor takes."""
        copy = type(self).__new__(type(self), *self.args)
        copy.__dict__.update(self.__dict__)
        return copy

    def __str__(self) -> str:
        if not self.in_python:
            return self.plain
        stop = "" if self.plain.endswith((".", "?", "!")) else "."
        return f"{self.plain}{stop} {self.in_python}"

    @property
    def plain(self) -> str:
        """The message for callers in Python."""
        return super().__str__()


class Refusal(DriftDBError):
    """A message that the server could not take; nothing changed.

    ``code`` is the protocol's word for it, ``http_status`` what ``POST …/send`` answers with, and
    ``http_reason`` the phrase behind that, ``None`` for the usual one.
    ``push_id`` is the id of the push it answers, ``None`` where it had none.
    """

    code: ClassVar[str]
    http_status: ClassVar[int] = 400
    http_reason: ClassVar[str | None] = None
    push_id: int | None = None


class BadMessage(Refusal):
    """Not a message of the protocol, or one of its fields is wrong."""

    code = "bad_message"


class BadSequence(Refusal):
    """A ``compact`` whose ``seq`` is above the room's newest sequence number."""

    code = "bad_seq"


class TooLarge(Refusal):
    """A message, a key or a value over its limit."""

    code = "too_large"
    http_status = 413


class Conflict(Refusal):
    """A conditional push (``if_seq``) that came too late.

    ``key`` is the stream that was written, ``seq`` the newest sequence number in it (0: empty).
    """

    code = "conflict"
    http_status = 409

    def __init__(self, message: str, *, key: str = "", seq: int = 0) -> None:
        super().__init__(message)
        self.key = key
        self.seq = seq


class Forbidden(Refusal):
    """The client may not do that in this room.

    ``key`` and ``action`` are what was not allowed (``"read"``, ``"append"`` …), where that is
    known.
    """

    code = "forbidden"
    http_status = 403

    def __init__(
        self, *message: object, key: str | None = None, action: str | None = None, **options: str
    ) -> None:
        super().__init__(*message, **options)
        self.key = key
        self.action = action


class QuotaExceeded(Refusal):
    """The room, the key or the server holds as much as its settings allow."""

    code = "quota"
    http_status = 429


class RateExceeded(Refusal):
    """Too many messages in too short a time.

    ``retry_after_seconds``: when it may come again, where the server says so.
    """

    code = "rate"
    http_status = 429
    retry_after_seconds: int | None = None


class Unavailable(Refusal):
    """The server can't take pushes at the moment."""

    code = "unavailable"
    http_status = 503


class NoServer(DriftDBError):
    """There is nothing to connect to: no URL was given, and none was found."""


class Unreachable(DriftDBError):
    """The server doesn't answer, or what answers is not a room server."""


class Away(Unreachable):
    """Nothing answers there now, or what stands before the server says so: it may be back."""


class RoomNotFound(DriftDBError):
    """The server has no such room."""


class NotConnected(DriftDBError):
    """The connection was closed, or an answer took longer than the timeout."""


class QueueFull(DriftDBError):
    """A write that was not taken, because too many wait to be sent (or acknowledged) already.

    ``waiting``: how many pushes wait, and ``waiting_bytes`` what they take. ``offline_since``:
    since when there is no connection, in seconds since 1970; ``None`` where there is one, or
    there never was.
    """

    def __init__(
        self, message: str, *, waiting: int, waiting_bytes: int, offline_since: float | None
    ) -> None:
        super().__init__(message)
        self.waiting = waiting
        self.waiting_bytes = waiting_bytes
        self.offline_since = offline_since


class Uncertain(DriftDBError):
    """A write of which nobody knows whether the room took it, before it lost its memory."""


class WrongKind(DriftDBError, ValueError):
    """A key that is in use as another kind of object (protocol, "What a key is").

    ``key``; ``wanted`` is the kind that was asked for, ``found`` the one that the key has.
    """

    def __init__(self, key: str, *, wanted: str, found: str) -> None:
        super().__init__(
            f"expected the key {key!r} for a {wanted}, got one that is in use as a {found}.",
            in_python="Choose another key, or empty this one for everybody: "
            f"room(…).delete({key!r}) deletes what it holds.",
        )
        self.key = key
        self.wanted = wanted
        self.found = found


class TimedOut(DriftDBError, TimeoutError):
    """An answer did not come in the time that was given; it may come yet."""


class EncodingError(DriftDBError, TypeError):
    """A value that can't travel as JSON; the message names the path to it."""


_BY_CODE = {kind.code: kind for kind in Refusal.__subclasses__()}


def refusal(code: str, message: str) -> Refusal:
    """Return the error of a ``code`` that came over the wire.

    An unknown one is a :class:`BadMessage`.
    """
    return _BY_CODE.get(code, BadMessage)(printable(message))


def printable(text: str) -> str:
    """Return text that came over the wire on one line, without controls, for a message.

    For it reaches logs and terminals, in tracebacks, too.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
