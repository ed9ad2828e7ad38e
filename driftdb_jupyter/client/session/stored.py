"""The form of a state's value in its stream: as DriftDB's npm client ``StateListener`` writes it.

That is ``{"v": VALUE, "i": WRITER}``, where the writer's mark tells it its own writes apart
(docs/protocol.md, "What the shared objects write"). Ours is empty: an ack tells us.
"""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw, Struct

from ...protocol.json_text import read_json

__all__ = ["meant", "written"]


class _Form(Struct, forbid_unknown_fields=True):
    v: Raw
    i: str


_decode = msgspec.json.Decoder(_Form).decode


def written(value: bytes) -> bytes:
    """Return the form of a value, both as JSON text."""
    return b'{"v":%b,"i":""}' % value


def meant(text: bytes) -> bytes:
    """Return the value that was written; what has another form is a value as it is."""
    try:
        return bytes(_decode(text).v)
    except msgspec.ValidationError:
        return text
    except msgspec.DecodeError:  # stricter than JSON: it takes no lone surrogates
        form = read_json(text)
    if isinstance(form, dict) and form.keys() == {"v", "i"} and isinstance(form["i"], str):
        return json.dumps(form["v"]).encode()
    return text
