"""The address of a room, from ``--room``, ``--url`` and the environment."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from ..client.transport.location import Location, locate
from ..protocol.errors import NoServer

__all__ = ["room_location", "server_location"]

_USUAL_SERVER = "http://127.0.0.1:8080/"  # where `driftdb serve` listens


def room_location(room: str, url: str) -> Location:
    """Return the room with that name or URL, else ``DRIFTDB_ROOM``, else the notebook's own.

    ``url`` is that of the room or its server, by default ``DRIFTDB_URL``, else the usual one of
    this machine. Raises :class:`ValueError` if no room is named, or if a URL is wrong or holds a
    secret.
    """
    _check_no_secret(room)
    _check(url)
    if "://" in room and url:
        raise ValueError("expected a room's URL as --room or --url, got both")
    if not room and (not url or locate(url=url).room is None):
        room = os.environ.get("DRIFTDB_ROOM", "")
        if "://" in room and url:
            room = ""  # it is one of another server
    if "://" in room:
        location = locate(url=room, typed=True)
    else:
        location = locate(room or None, url=url or _server(), typed=True)
    if location.room is None and not url:
        with suppress(NoServer):
            return locate()
    if location.room is None:
        raise ValueError(
            "expected a room: name it with --room or DRIFTDB_ROOM, by its name or its URL "
            "(`driftdb new` makes one and prints its URL)"
        )
    return location


def server_location(url: str) -> Location:
    """Return the server with that URL, else ``DRIFTDB_URL``, else the usual one of this machine.

    Raises :class:`ValueError` if the URL is wrong or holds a secret.
    """
    _check(url)
    return replace(locate(url=url or _server(), typed=True), room=None)


def _server() -> str:
    return os.environ.get("DRIFTDB_URL") or _USUAL_SERVER


def _check(url: str) -> None:
    if url and not url.startswith(("http://", "https://")):
        raise ValueError(f'--url: expected one like "http://HOST:8080/room/ID", got {url!r}')
    _check_no_secret(url)


def _check_no_secret(url: str) -> None:
    if "://" not in url:
        return
    parts = urlsplit(url)
    asked = parse_qs(parts.query, keep_blank_values=True)
    if asked.keys() - {"key"} or "@" in parts.netloc:  # the page of one key has that in its URL
        raise ValueError(
            "expected a URL without a token or password, because others see what a command was "
            "started with; set DRIFTDB_TOKEN, or DRIFTDB_TOKEN_FILE to a file that holds it"
        )
    if parts.fragment.startswith("link_"):
        raise ValueError(
            "expected a URL without the secret of a share link, because others see what a command "
            "was started with; set DRIFTDB_ROOM to the link"
        )
