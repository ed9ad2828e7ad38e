"""What is said where a server can't be reached."""

from __future__ import annotations

import pytest
from tornado.httpclient import HTTPError

from driftdb_jupyter.client.transport.errors import explain
from driftdb_jupyter.client.transport.location import Location
from driftdb_jupyter.protocol.errors import Forbidden

PLACE = Location(server="http://lab.example/", room="r")


@pytest.mark.parametrize("reason", ["Host name not allowed", "Origin not allowed"])
def test_a_server_that_does_not_know_its_name_is_not_said_to_want_a_login(reason: str) -> None:
    error = explain(HTTPError(403, reason), PLACE)
    assert isinstance(error, Forbidden)
    assert f"may not be opened: {reason} (HTTP 403)" in str(error)
    assert "login" not in str(error)


@pytest.mark.parametrize("reason", [None, "Forbidden"])
def test_any_other_refusal_asks_for_one(reason: str | None) -> None:
    assert "wants a login" in str(explain(HTTPError(403, reason), PLACE))
