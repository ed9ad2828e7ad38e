"""Why a server couldn't be reached, in words that help."""

from __future__ import annotations

import ssl

from tornado.httpclient import HTTPError
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketError

from ...protocol.errors import (
    Away,
    BadMessage,
    DriftDBError,
    Forbidden,
    RoomNotFound,
    Unreachable,
    printable,
)
from .location import Location

__all__ = ["CLOSE_EXPIRED", "closed", "explain"]

CLOSE_EXPIRED = 4401
"""The close code of a server whose client's credential has ended."""

_PASSING = (502, 503, 504)
"""What a proxy says of a server that is gone, and a server that is about to be."""

_RETRY = "To try again, run this again, or call .retry() on the room."


def explain(error: Exception, location: Location) -> DriftDBError:
    """Return what a failed handshake or request means; it names the URL, without secrets."""
    if isinstance(error, DriftDBError):
        return error
    if isinstance(error, HTTPError) and error.code != 599:
        return _status(error, location)
    if isinstance(error, WebSocketError):
        return Unreachable(
            f"what answers at {location.server} is no room server, or something on the way passes "
            "no WebSockets. Check the URL."
        )
    cause = error
    if isinstance(error, StreamClosedError) and isinstance(error.real_error, Exception):
        cause = error.real_error
    if isinstance(cause, ssl.SSLError):
        return Unreachable(
            f"no trusted connection to {location.server}: {getattr(cause, 'verify_message', cause)}"
            ". For a server with a certificate of its own set DRIFTDB_CERTFILE to its PEM file."
        )
    reason = getattr(cause, "strerror", None) or printable(str(cause)) or type(cause).__name__
    return Away(
        f"nothing answers at {location.server} ({reason}). Is the server running, and is the URL "
        "right?",
        # Where no room has its name yet, there is none to call .retry() on.
        in_python=_RETRY if location.room is not None else "",
    )


def closed(code: int | None, location: Location) -> DriftDBError | None:
    """Return what a close code means that is to be told (protocol, "Errors and closing").

    ``None`` for the others; after a :class:`BadMessage` the connection is tried again.
    """
    if code == 1007:
        return BadMessage(
            f"{location.server} got text that is no UTF-8: something on the way changes what is "
            "sent. It is sent again."
        )
    if code == 4403 and location.link is not None:
        return Forbidden(f"the share link to {location.url} was taken back. Ask for another one.")
    if code == 4403:
        return Forbidden(
            f"this user may not, or may no longer, read the room {location.url}.",
            in_python=_RETRY,
        )
    if code == 4404:
        return RoomNotFound(f"the room {location.url} is gone.", in_python=_RETRY)
    return None


def _not_let_in(status: int, location: Location) -> Forbidden:
    closed = f"{location.url} may not be opened: the server"
    if not location.has_token:
        return Forbidden(
            f"{closed} wants a login (HTTP {status}). Set DRIFTDB_TOKEN to a token of it, and"
            f" DRIFTDB_URL to {location.server}.",
            in_python="In Python token= takes one, too, or a function that returns it.",
        )
    if location.link is not None:
        advice = "It may have ended, or was taken back: ask for another one."
    elif location.source is not None:
        advice = "Have it return a token that is good for this room now."
    elif location.own and (location.authorization or "").startswith("DriftDB "):
        advice = "Restart the kernel, so that it is given another one."
    else:
        advice = "It may have ended, or be for another room or server: give another one there."
    credential = location.credential or "what it was shown"
    return Forbidden(f"{closed} doesn't accept {credential} (HTTP {status}). {advice}")


def _status(error: HTTPError, location: Location) -> DriftDBError:
    if error.code == 403 and error.message not in (None, "", "Forbidden"):
        return Forbidden(
            f"{location.url} may not be opened: {printable(error.message)} (HTTP 403). The log of"
            " the server says what allows it."
        )
    if error.code in (401, 403) or 300 <= error.code < 400:
        return _not_let_in(error.code, location)
    if error.code == 404:
        missing = "no such room" if location.room is not None else "no room server"
        return RoomNotFound(
            f"there is {missing} at {location.url} (HTTP 404). To use rooms by names of your own "
            "start the server with `driftdb serve --named-rooms`. A Jupyter server's URL ends in "
            "/driftdb/.",
            in_python="In Python a server's URL alone makes a new room.",
        )
    kind = Away if error.code in _PASSING else Unreachable
    return kind(
        f"{location.server} answers, but not as a room server does now: HTTP {error.code} "
        f"({printable(error.message or '')}).",
        in_python=_RETRY,
    )
