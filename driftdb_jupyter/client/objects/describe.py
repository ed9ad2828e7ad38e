"""Telling the room what a key is meant to be, so that a page can show it that knows nothing of it.

That stands under ``$meta/KEY`` (protocol, "Which keys there are").
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from ...protocol.errors import DriftDBError, Refusal
from ..connection.connection import Connection
from ..session.kind import META, Kind
from ..session.stored import written
from ..settings import Settings
from ..values.encoding import encode
from .control import Control
from .shared import Shared

__all__ = ["describe", "hint"]

_log = logging.getLogger("driftdb_jupyter")
# What was told of each room's keys, because a cell is run again and again; and who stands for it:
# as long as somebody does, the client tells it anew to a server that lost its memory.
_described: WeakKeyDictionary[Connection, dict[str, tuple[bytes, _Nobody]]] = WeakKeyDictionary()


class _Nobody:
    """A listener that ignores all changes of a description."""

    def deliver(self) -> None:
        pass

    def has_news(self) -> bool:
        return False

    def refused(self, error: Refusal) -> None:
        _log.debug("a description was refused: %s", error)


def describe(
    shared: Shared,
    kind: str,
    *,
    label: str | None = None,
    control: Control | None = None,
    chart: Mapping[str, Any] | None = None,
) -> None:
    """Say what a shared object is: its ``kind``, and how it is to be shown.

    ``control`` is a state's, and brings its label; ``chart`` is how the chart looks that it is
    shown as (:meth:`.ChartStyle.asked`), ``None`` where it is shown as none. Does nothing where
    ``DRIFTDB_DESCRIBE`` is 0. Never raises: it is a help, and nothing more.
    """
    if not Settings.read("describe"):
        return
    meta: dict[str, Any] = {"kind": kind, "label": label}
    if control is None and chart is not None:
        meta["chart"] = chart
    try:
        if control is not None:
            meta |= {"label": control.label, "control": control.asked()}
            if chart is not None:
                meta["control"] |= {"kind": "chart", "chart": chart}
        text = encode(meta) if control is None else control.encoded(meta)
        _write(shared.room.connection, META + shared.key, text)
    except (DriftDBError, ValueError) as error:
        _log.debug("%r was not described: %s", shared, error)


def hint(connection: Connection, key: str, kind: Kind) -> None:
    """Say what a key is used as that is written to the first time, where nobody described it.

    A channel holds nothing that tells it, and a stream of one value looks like a state. Does
    nothing where ``DRIFTDB_DESCRIBE`` is 0. Never raises: it is a help, and nothing more.
    """
    if not connection.settings.describe or key.startswith("$"):
        return
    try:
        connection.send(META + key, written(encode({"kind": kind})), action="replace", if_seq=0)
    except DriftDBError as error:
        _log.debug("%r was not described: %s", key, error)


def _write(connection: Connection, key: str, text: bytes) -> None:
    described = _described.setdefault(connection, {})
    before, nobody = described.get(key) or (b"", _Nobody())
    if before == text:
        return
    connection.write(connection.subscribe(key, nobody, initial=None), text, by=nobody)
    described[key] = text, nobody
