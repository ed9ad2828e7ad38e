"""Telling the room what a key is meant to be, so that a page can show it that knows nothing of it.

That stands under ``$meta/KEY`` (protocol, "Which keys there are").
"""

from __future__ import annotations

import logging
from typing import Any

from ..protocol.errors import DriftDBError, Refusal
from .connection import Connection
from .settings import Settings
from .shared import Shared
from .values import encode

__all__ = ["describe"]

_log = logging.getLogger("driftdb_jupyter")
# What was told of each room's keys, for a cell is run again and again.
_told: dict[tuple[str, str], bytes] = {}


class _Nobody:
    """Hears nothing of a description: nobody waits for it."""

    def deliver(self) -> None:
        pass

    def refused(self, error: Refusal) -> None:
        _log.debug("a description was refused: %s", error)


def describe(
    shared: Shared,
    kind: str,
    *,
    label: str | None = None,
    control: dict[str, Any] | None = None,
) -> None:
    """Say what a shared object is: its ``kind``, and how it is to be shown.

    Does nothing where ``DRIFTDB_DESCRIBE`` is off. Never raises: it is a help, and nothing more.
    """
    if not Settings.from_environment().describe:
        return
    meta: dict[str, Any] = {"kind": kind, "label": label}
    if control is not None:
        meta["control"] = control
    try:
        _write(shared.room.connection, f"$meta/{shared.key}", encode(meta))
    except (DriftDBError, ValueError) as error:
        _log.debug("%r was not described: %s", shared, error)


def _write(connection: Connection, key: str, text: bytes) -> None:
    place = connection.location.url, key
    if _told.get(place) == text:
        return
    nobody = _Nobody()
    replica = connection.subscribe(key, nobody, initial=None)
    connection.write(replica, text, by=nobody)
    connection.unsubscribe(key, nobody)
    _told[place] = text
