"""The one form of a value that the server knows."""

from __future__ import annotations

from driftdb_jupyter.protocol import cbor
from driftdb_jupyter.protocol.parts import names_parts
from driftdb_jupyter.protocol.value import Value

IN_PARTS = (b'{"parts":2,"of":"S"}', b'{"parts":2}')
OTHERS = (b'{"part":0,"of":"S","text":""}', b'{"reset":{"parts":2}}', b'"parts"', b"[]", b"{}")


def test_an_object_that_begins_with_parts_is_told_in_both_encodings() -> None:
    for text in IN_PARTS:
        assert names_parts(Value.from_json(text))
        assert names_parts(Value.from_cbor(cbor.from_json(text)))


def test_nothing_else_is() -> None:
    for text in OTHERS:
        assert not names_parts(Value.from_json(text))
        assert not names_parts(Value.from_cbor(cbor.from_json(text)))
