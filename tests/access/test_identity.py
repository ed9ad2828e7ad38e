"""What others are told of who somebody is, and what they are called by it."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest

from driftdb_jupyter.access.identity import Identity
from driftdb_jupyter.client.objects.message import name_of
from driftdb_jupyter.protocol.value import Value

from ..conformance.vectors import load

VECTORS = load("users")


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["rule"] for vector in VECTORS])
def test_others_are_told_who_vouches_for_a_user(vector: dict[str, Any]) -> None:
    user = vector["user"]
    encoded = None if user is None else Value.from_json(json.dumps(user).encode())
    told = Identity(vector["source"], user=encoded).told
    if told is None:
        assert vector["told"] is None
    else:
        assert json.loads(told.as_json()) == cbor2.loads(told.as_cbor()) == vector["told"]
    assert name_of(vector["told"]) == vector["name"]


@pytest.mark.parametrize("fields", [b"{}", b' { "source" : "kernel" } '])
def test_a_user_may_be_written_in_any_way(fields: bytes) -> None:
    told = Identity("link", user=Value.from_json(fields)).told
    assert told is not None
    assert json.loads(told.as_json()) == {"source": "link"}
