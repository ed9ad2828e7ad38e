"""Tokens that others mint by the same rules (the npm package's) are taken here."""

from __future__ import annotations

from typing import Any

import pytest

from driftdb_jupyter.access.tokens.keys import parse_keys
from driftdb_jupyter.access.tokens.verifier import Verifier

from ...conformance.vectors import load

CASES = [pytest.param(case, id=case["rule"]) for case in load("tokens")]


@pytest.mark.parametrize("case", CASES)
def test_a_token_of_the_vectors_is_taken(case: dict[str, Any]) -> None:
    options = case["options"]
    verifier = Verifier(audience=options.get("audience", ""), issuer=options.get("issuer", ""))
    keys = parse_keys(options["key"].encode())
    claims, _ = verifier.verify(case["token"], keys, now=options["issuedAt"] + 1)
    assert claims.room == options.get("room")
    assert claims.room_prefix == options.get("roomPrefix")
    assert (claims.subject, claims.name) == (options.get("subject"), options.get("name"))
    assert claims.groups == frozenset(options.get("groups", ()))
    assert claims.id == options["id"]
    assert claims.expires_at == options["issuedAt"] + options.get("expiresSeconds", 3600)
    assert "read" in claims.grants[0].can
