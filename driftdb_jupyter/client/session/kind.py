"""The kind of object that a key is used as, and the refusal of another kind.

docs/protocol.md, "What a key is".
"""

from __future__ import annotations

import contextlib
from typing import Literal, get_args

import msgspec
from msgspec import Raw, Struct

from ...protocol.errors import WrongKind
from ...protocol.json_text import read_json
from .stored import meant

__all__ = ["META", "Kind", "check", "is_snapshot", "kind_in_meta", "kind_of", "looks_like"]

META = "$meta/"
"""What the key begins with that says what another key is."""

Kind = Literal["state", "reducer", "dict", "stream", "channel"]
"""The kinds of objects that keep something under their key, or relay it there."""

# The names in a snapshot, whole or in parts, and in a part.
_SNAPSHOT_BEGINS = {"reset", "parts", "part"}
_SNAPSHOT = {*_SNAPSHOT_BEGINS, "initial", "of", "text"}


class _Form(Struct, forbid_unknown_fields=True):
    v: Raw = Raw()
    i: Raw = Raw()
    apply: Raw = Raw()
    reset: Raw = Raw()
    initial: Raw = Raw()
    parts: Raw = Raw()
    part: Raw = Raw()
    of: Raw = Raw()
    text: Raw = Raw()


_read_form = msgspec.json.Decoder(_Form).decode


def kind_of(key: str, kind: Kind) -> Kind | None:
    """Return what an object uses a key as, ``None`` where the key is the protocol's own."""
    return None if key.startswith("$") else kind


def kind_in_meta(text: bytes) -> Kind | None:
    """Return the kind that a description (the newest value of ``$meta/KEY``) names, if any."""
    try:
        description = read_json(meant(text))
    except (ValueError, RecursionError):
        return None
    kind = description.get("kind") if isinstance(description, dict) else None
    return kind if kind in get_args(Kind) else None


def looks_like(newest: bytes, *, several: bool) -> Kind | None:
    """Return what the newest value of a stream tells of its kind; ``None``: nothing.

    ``several``: the stream holds others, too. ``"reducer"`` may be a dict as well.
    """
    if newest[:1] == b"{":
        with contextlib.suppress(msgspec.MsgspecError):
            form = _read_form(newest)
            names = {name for name in form.__struct_fields__ if len(getattr(form, name))}
            if names == {"apply", "i"} or (names <= _SNAPSHOT and names & _SNAPSHOT_BEGINS):
                return "reducer"
            if names == {"v", "i"} and bytes(form.i).startswith(b'"') and not several:
                return "state"
    return "stream" if several else None


def is_snapshot(value: bytes) -> bool:
    """Return True if a value stands for all before it in the stream of a reducer or dict."""
    return value.startswith((b'{"reset":', b'{"parts":'))


def check(key: str, wanted: Kind, *, meta: Kind | None, looks: Kind | None) -> None:
    """Raise :class:`~driftdb_jupyter.protocol.errors.WrongKind` for a key of another kind.

    ``meta`` is what its description says it is, ``looks`` what its values look like.
    """
    found = meta or looks
    if found is None or found == wanted:
        return
    if meta is None and (wanted, found) == ("dict", "reducer"):
        return
    raise WrongKind(key, wanted=wanted, found=found)
