"""Who others are told has written."""

from __future__ import annotations

import re

from driftdb_jupyter.access.identity import Identity
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.hosting.author import author

SECRET = "a-secret-of-a-client"


def test_a_client_has_one_public_id_that_says_nothing_of_its_secret() -> None:
    one = author(SECRET)
    assert author(SECRET) == one
    assert author(SECRET + "!").client != one.client
    assert re.fullmatch("[A-Za-z0-9_-]{22,}", one.client)  # 128 bits at least
    assert SECRET not in one.client


def test_without_a_secret_there_is_an_id_for_each_connection() -> None:
    assert len({author(None).client for _ in range(100)}) == 100


def test_the_user_is_the_authentications() -> None:
    anna = Identity("token", "anna", user=Value.from_json(b'{"name":"Anna"}'))
    told = author(SECRET, anna).user
    assert told is not None
    assert told.as_json() == b'{"name":"Anna","source":"token"}'
    assert author(None).user is None
