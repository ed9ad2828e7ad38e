"""Hostile URLs: they lead nowhere else, reach no file, and add no header or line of a log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ...conformance.peer import fetch
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=["jupyter", "standalone"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "standalone":
        with standalone(named_rooms=True) as server:
            yield server
    else:
        with jupyter() as server:
            yield server


@pytest.mark.parametrize(
    "path",
    [
        *("/evil.example", "//evil.example/%2e%2e", "\\evil.example", "%2f%2fevil.example"),
        *("room//evil.example", "room/a/page//evil.example", "https:%2f%2fevil.example"),
    ],
)
async def test_no_url_leads_to_another_website(server: Server, path: str) -> None:
    answer = await fetch(server.root + path, headers=server.headers)
    location = answer.headers.get("Location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "name",
    [
        *("..%2fsettings.py", "%2e%2e%2fsettings.py", "..%5csettings.py", "%2fetc%2fpasswd"),
        *("..%252fsettings.py", "room-%00.js", "page.html", "../settings.py", "."),
    ],
)
async def test_no_name_reaches_a_file_that_is_none_of_the_pages(server: Server, name: str) -> None:
    answer = await fetch(f"{server.root}pages/{name}", headers=server.headers)
    assert answer.status in (400, 403, 404)
    assert b"import" not in answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize("break_", ["%0d%0a", "%0a", "%0d", "%E5%98%8A%E5%98%8D", "%c2%85"])
async def test_no_name_adds_a_header(server: Server, break_: str) -> None:
    for path in ("room/a{}X-Evil:1", "room/a{}X-Evil:1/page", "pages/a{}X-Evil:1", "a{}X-Evil:1"):
        url = server.root + path.format(break_)
        answer = await fetch(url, headers=server.headers)
        assert "X-Evil" not in answer.headers


async def test_no_browser_guesses_what_an_answer_is(server: Server) -> None:
    for path in ("room/a", "room/a/page", "room/a/figures", "driftdb.js", "health", "pages/none"):
        answer = await fetch(server.root + path, headers=server.headers)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_cache_keeps_what_only_some_may_have(server: Server, method: str) -> None:
    headers = server.headers
    if server.jupyter is None:
        made = (await fetch(server.root + "new?admin=true", method="POST")).json
        room, headers = made["room"], {"Authorization": f"Bearer {made['admin']}"}
    else:
        room = "kept"
    paths = ("", "/access", "/links", "/figures", "/page") if method == "GET" else ("/links",)
    for path in paths:
        body = None if method == "GET" else '{"grants":"read"}'
        url = f"{server.root}room/{room}{path}"
        answer = await fetch(url, method=method, body=body, headers=headers)
        assert (answer.status, answer.headers.get("Cache-Control")) == (200, "no-store"), path


async def test_pages_go_into_no_frame_of_others_and_tell_nobody_where_they_are(
    server: Server,
) -> None:
    for path in ("room/a/page", "room/a/inspect", "room/%07/page"):
        answer = await fetch(server.root + path, headers=server.headers)
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
