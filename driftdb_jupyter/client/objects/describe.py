"""Telling the room what a key is meant to be, so that a page can show it that knows nothing of it.

That stands under ``$meta/KEY`` (protocol, "Which keys there are").
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Raw

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
    said: Collection[str] = (),
) -> None:
    """Say what a shared object is: its ``kind``, and how it is to be shown.

    ``control`` is a state's, and brings its label; ``chart`` is how the chart looks that it is
    shown as (:meth:`.ChartStyle.members`). What nobody asked for here stays as the room has it, for
    somebody else may have asked for it: so a label and a chart that are ``None`` say nothing, and a
    control counts only where the room has none, unless ``said`` names them (``"label"``,
    ``"control"``, ``"chart"``). Does nothing where ``DRIFTDB_DESCRIBE`` is 0. Never raises: it is a
    help, and nothing more.
    """
    if not Settings.read("describe"):
        return
    said = set(said)
    said |= {name for name, each in (("label", label), ("chart", chart)) if each is not None}
    meta: dict[str, Any] = {"kind": kind, "label": label, "chart": chart}
    try:
        if control is not None:
            if "control" in said:
                said.add("label")
            meta |= {"label": control.label, "control": control.asked()}
        text = encode(meta) if control is None else control.encoded(meta)
        _write(shared.room.connection, META + shared.key, _Description(_members(text), said))
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


class _Description:
    """A description, each of its members as JSON text, and which of them were ``said``."""

    def __init__(self, members: Mapping[str, bytes], said: Collection[str]) -> None:
        self._members, self._said = members, said
        self.id = _text({**members, "said": msgspec.json.encode(sorted(said))})

    def over(self, base: bytes | None) -> bytes:
        """Return the text of what the room is to hold in place of ``base``."""
        ours, theirs = self._members, _members(base)
        if theirs.get("kind", ours["kind"]) != ours["kind"]:
            theirs = {}  # what was said of another kind of object
        made = {**theirs, **{name: ours[name] for name in ours if self._counts(name, theirs)}}
        if "control" not in ours:
            chart = self._chart(ours, theirs)
            made.pop("chart", None)
            return _text(made if chart is None else {**made, "chart": chart})
        # A chart of a state is a kind of control.
        control, own = _members(made["control"]), _members(ours["control"])
        chart = self._chart(ours, _members(theirs.get("control")))
        if chart is not None:
            control |= {"kind": _CHART, "chart": chart}
        elif control.pop("chart", None) is not None or control.get("kind") == _CHART:
            control["kind"] = own["kind"]
        return _text({**made, "control": _text(control)})

    def _counts(self, name: str, theirs: Mapping[str, bytes]) -> bool:
        return name != "chart" and (name in self._said or theirs.get(name, _NULL) == _NULL)

    def _chart(self, ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> bytes | None:
        chart = (ours if "chart" in self._said else theirs).get("chart", _NULL)
        return None if chart == _NULL else chart


_NULL, _CHART = b"null", b'"chart"'
_read_members = msgspec.json.Decoder(dict[str, Raw]).decode


def _members(text: bytes | None) -> dict[str, bytes]:
    """Return the JSON text of each member of an object; none of what is no object."""
    if text is None:
        return {}
    try:
        return {name: bytes(each) for name, each in _read_members(text).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _text(members: Mapping[str, bytes]) -> bytes:
    return msgspec.json.encode({name: Raw(each) for name, each in members.items()})


def _write(connection: Connection, key: str, description: _Description) -> None:
    described = _described.setdefault(connection, {})
    before, nobody = described.get(key) or (b"", _Nobody())
    if before == description.id:
        return
    if connection.is_withheld(key.removeprefix(META)):
        # Who may not read K may not read $meta/K either, and so can't leave what stands there.
        connection.send(key, written(description.over(None)), action="replace", if_seq=0)
        described[key] = description.id, nobody
        return
    replica = connection.subscribe(key, nobody, initial=None)
    # In a step, so that nobody's word is lost who says something at the same time.
    if not replica.current or replica.shown != description.over(replica.shown):
        connection.update(replica, description.over)
    described[key] = description.id, nobody
