"""What is said where a server can't be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPError

from driftdb_jupyter.client.transport.errors import explain
from driftdb_jupyter.client.transport.location import Location, locate
from driftdb_jupyter.protocol.errors import Forbidden

PLACE = Location(server="http://lab.example/", room="r")


def test_where_no_room_is_known_yet_there_is_none_to_try_again() -> None:
    assert "call .retry() on the room" in str(explain(ConnectionRefusedError(), PLACE))
    no_room = Location(server="http://lab.example/")
    assert "retry" not in str(explain(ConnectionRefusedError(), no_room))


@pytest.mark.parametrize("reason", ["Host name not allowed", "Origin not allowed"])
def test_a_server_that_does_not_know_its_name_is_not_said_to_want_a_login(reason: str) -> None:
    error = explain(HTTPError(403, reason), PLACE)
    assert isinstance(error, Forbidden)
    assert f"may not be opened: {reason} (HTTP 403)" in str(error)
    assert "login" not in str(error)


@pytest.mark.parametrize("reason", [None, "Forbidden"])
def test_any_other_refusal_asks_for_one(reason: str | None) -> None:
    assert "wants a login" in str(explain(HTTPError(403, reason), PLACE))


@pytest.mark.parametrize(
    ("place", "environ", "told"),
    [
        ({"url": "http://h/room/r"}, {}, "wants a login (HTTP 401). Set DRIFTDB_TOKEN"),
        (
            {"url": "http://h/room/r", "token": lambda: "t"},
            {},
            "what the function given as token= returned (HTTP 401). Have it return a token",
        ),
        (
            {"url": "http://h/room/r", "token": "t"},
            {},
            "what was given as token= (HTTP 401). It may have ended",
        ),
        ({"url": "http://h/room/r?token=t"}, {}, "the token or password in its URL (HTTP 401)"),
        ({"url": "http://me:t@h/room/r"}, {}, "the token or password in its URL (HTTP 401)"),
        (
            {"url": "http://h/room/r/shared#link_abc"},
            {},
            "the share link (HTTP 401). It may have ended, or was taken back",
        ),
        (
            {"room": "r"},
            {"DRIFTDB_TOKEN": "t", "DRIFTDB_URL": "http://h/"},
            "what stands in DRIFTDB_TOKEN (HTTP",
        ),
        (
            {"room": "r"},
            {"DRIFTDB_URL": "http://h/", "DRIFTDB_SECRET": "s"},
            "what it gave this kernel when it started that (HTTP 401). Restart the kernel",
        ),
    ],
)
def test_a_credential_that_is_not_taken_is_named_with_what_to_do(
    place: dict[str, Any], environ: dict[str, str], told: str
) -> None:
    error = explain(HTTPError(401, "Unauthorized"), locate(environ=environ, **place))
    assert isinstance(error, Forbidden)
    assert told in str(error)
    assert ("DRIFTDB_TOKEN" in str(error)) == ("DRIFTDB_TOKEN" in told)


def test_the_file_of_a_token_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    location = locate(
        "r", environ={"DRIFTDB_URL": "http://h/", "DRIFTDB_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert "what stands in the file of DRIFTDB_TOKEN_FILE" in str(explain(HTTPError(401), location))
