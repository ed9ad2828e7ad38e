"""Make text from peers fit for a log."""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote, unquote_plus

from ...protocol.name import is_id, room_digest

__all__ = ["Printable", "RoomNames", "printable", "without_secrets"]

_SECRET_ARGUMENTS = ("client", "code", "state", "ticket")
# Others may call theirs so, and send it here by mistake.
_SECRET_NAMES = re.compile(
    "token|secret|passw|auth|api.?key|session|signature|credential|jwt", re.I
)
# A share link's, an owner's, and a signed token, wherever they stand.
_SECRETS = re.compile(r"(?:link|owner)_[\w-]{32}|eyJ[\w-]*\.[\w-]*\.[\w-]*")
_LINE_LIMIT = 2000


def printable(text: str, limit: int = 200) -> str:
    """Return text as one line of at most ``limit`` characters and a note of its length.

    Characters that are not printable are escaped: controls (C0 and C1), line separators, and
    those that change the direction of text.
    """
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return cut if len(text) <= limit else f"{cut}… ({len(text)} characters)"


def without_secrets(uri: str) -> str:
    """Return a request's URI without the values of its secret arguments, and known secrets."""
    path, question, query = uri.partition("?")
    shown = []
    for argument in query.split("&"):
        name, equals, value = argument.partition("=")
        if equals and _is_secret_name(unquote_plus(name)):
            value = "…"
        shown.append(_without_known(name) + equals + _without_known(value))
    path = "/".join(map(_without_known, path.split("/")))
    return path + question + "&".join(shown)


def _is_secret_name(name: str) -> bool:
    return name in _SECRET_ARGUMENTS or _SECRET_NAMES.search(name) is not None


def _without_known(part: str) -> str:
    return "…" if _SECRETS.search(unquote_plus(part)) else part


class RoomNames:
    """The names of rooms in a log.

    Where whoever knows an id may read and write the room, the log has its digest in its place, as
    ``driftdb rooms`` shows it. ``capabilities``: whether ids are such; ``named``: whether a room
    may have a name instead, which anybody may know.
    """

    def __init__(self, *, capabilities: bool, named: bool) -> None:
        self._capabilities = capabilities
        self._named = named

    def shown(self, name: str) -> str:
        """Return a room's name or digest."""
        if self._capabilities and (is_id(name) or not self._named):
            return "~" + room_digest(name)
        return printable(name)

    def shown_uri(self, uri: str, root: str, limit: int = 300) -> str:
        """Return a request's URI for a log; ``root``: the path below which the rooms are."""
        uri = without_secrets(uri)
        for before in (root + "room/", root + "admin/rooms/"):
            if self._capabilities and uri.startswith(before):
                room = re.split(r"[/?]", uri[len(before) :], maxsplit=1)[0]
                rest = uri[len(before) + len(room) :]
                uri = before + self.shown(unquote(room)) + rest
        if self._capabilities:
            # An id may come below another path, too, as with a proxy that is set up wrong.
            path, question, query = uri.partition("?")
            uri = "/".join(map(self._shown_part, path.split("/"))) + question + query
        return printable(uri, limit)

    def _shown_part(self, part: str) -> str:
        name = unquote(part)
        return self.shown(name) if is_id(name) else part


class Printable(logging.Filter):
    """Escapes control characters in every line of a log, and shortens very long ones."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message of a record; a traceback is left as it is."""
        line = record.getMessage()
        if len(line) > _LINE_LIMIT or not line.isprintable():
            record.msg, record.args = printable(line, _LINE_LIMIT), ()
        return True
