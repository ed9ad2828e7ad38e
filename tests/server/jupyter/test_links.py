"""A share link is no way into the Jupyter server: tried on every endpoint that it has."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]  # what a pattern is made of
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.routing import PathMatches
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler, websocket_connect

from ...conformance.peer import Room, fetch
from ...conformance.servers import TOKEN, Server, jupyter

pytestmark = pytest.mark.asyncio

Shown = tuple[dict[str, str], str]
"""The headers and the query of a request."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module", params=[True, False], ids=["default", "strict"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A Jupyter server; a strict one lets in nobody to handlers that don't say that they are."""
    with jupyter(base_url="/a/b/", allow_unauthenticated_access=request.param) as server:
        yield server


class Guest:
    """A room of the server, and somebody with a link to it that lets write everything."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.room = Room(server, "shared")

    async def comes(self) -> None:
        """Make the room and the link, and get a ticket."""
        answer = await fetch(
            f"{self.room.url}/links",
            method="POST",
            body=json.dumps({"grants": "write"}),
            headers=self.server.headers,
        )
        self.url = answer.json["url"]
        self.secret = self.url.partition("#")[2]
        self.answer = await fetch(
            f"{self.room.url}/ticket",
            method="POST",
            body="{}",
            headers={"Authorization": f"Bearer {self.secret}"},
        )
        self.ticket = self.answer.json["ticket"]

    def shows(self) -> Iterator[tuple[Shown, Shown]]:
        """What the guest has in each place that it can stand in, each with a made-up text there."""
        for text in (self.secret, self.ticket):
            invented = text[:5] + "A" * (len(text) - 5)
            yield from zip(_shown(self.server, text), _shown(self.server, invented), strict=True)


def _shown(server: Server, text: str) -> Iterator[Shown]:
    for scheme in ("Bearer", "token", "DriftDB", "Basic"):
        yield {"Authorization": f"{scheme} {text}"}, ""
    for name in ("token", "ticket", "password", "_xsrf"):
        yield {}, f"?{name}={text}"
    login = f"username-{re.sub(r'[^A-Za-z0-9]', '-', server.root.split('/')[2])}"
    for name in (login, "jupyterhub-session-id", "_xsrf"):
        yield {"Cookie": f"{name}={text}", "X-XSRFToken": text}, ""
    yield {"Sec-WebSocket-Protocol": f"v1.token.websocket.jupyter.org.{text}"}, ""


def endpoints(server: Server) -> Iterator[tuple[str, type]]:
    """A path of each handler of Jupyter's, and its class."""
    assert server.jupyter is not None
    for rule in _rules(server.jupyter.web_app.default_router.rules):
        if isinstance(rule.matcher, PathMatches) and "/driftdb/" not in rule.matcher.regex.pattern:
            path = sample(rule.matcher.regex.pattern)
            assert rule.matcher.regex.match(path), (rule.matcher.regex.pattern, path)
            yield path, rule.target


def _takes(handler: type, method: str) -> bool:
    """Whether a handler has a method of its own for that."""
    own = getattr(handler, method.lower(), None)
    return own is not None and own is not RequestHandler._unimplemented_method


def _rules(rules: Any) -> Iterator[Any]:
    for rule in rules:
        inner = getattr(rule.target, "rules", None)
        if inner is None:
            yield rule
        else:
            yield from _rules(inner)


def sample(pattern: str) -> str:
    """A text that fits a pattern: of each choice the first, of what may be missing one."""

    def of(parts: Any) -> str:
        return "".join(part(str(kind), value) for kind, value in parts)

    def part(kind: str, value: Any) -> str:
        if kind == "LITERAL":
            return chr(value)
        if kind == "NOT_LITERAL":
            return "y" if value == ord("x") else "x"
        if kind == "ANY":
            return "x"
        if kind == "IN":
            return within(value)
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = value
            count: int = min(max(1, least), most)
            return of(inner) * count
        if kind == "SUBPATTERN":
            return of(value[3])
        if kind == "BRANCH":
            return of(value[1][0])
        assert kind in ("AT", "ASSERT", "ASSERT_NOT"), kind
        return ""

    def within(choices: Any) -> str:
        kind, value = str(choices[0][0]), choices[0][1]
        if kind == "NEGATE":
            barred = {chr(value) for kind, value in choices[1:] if str(kind) == "LITERAL"}
            return min(set("xy1-") - barred)
        if kind == "RANGE":
            return chr(value[0])
        if kind == "CATEGORY":
            return "1" if "DIGIT" in str(value) else "x"
        return chr(value)

    return of(_parser.parse(pattern))


async def outcome(
    server: Server, method: str, path: str, headers: dict[str, str], query: str
) -> tuple[int, str]:
    """The status of an answer, and where it leads."""
    scheme, _, rest = server.root.partition("://")
    request = HTTPRequest(
        f"{scheme}://{rest.split('/')[0]}{path}{query}",
        method=method,
        headers=HTTPHeaders(headers),
        body=b"{}" if method in ("POST", "PUT", "PATCH") else None,
        follow_redirects=False,
        allow_nonstandard_methods=True,
    )
    try:
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    except HTTPStreamClosedError:  # Jupyter's own way of having no robots.txt
        return 0, ""
    return answer.code, answer.headers.get("Location", "").partition("?")[0]


async def test_no_endpoint_of_jupyter_s_answers_a_guest_as_other_than_anybody(
    server: Server,
) -> None:
    guest = Guest(server)
    await guest.comes()
    tried = list(endpoints(server))
    for known in ("kernels", "contents", "sessions", "shutdown", "events", "config", "me"):
        assert any(f"/api/{known}" in path for path, _ in tried), known
    for path, handler in tried:
        for method in METHODS:
            if not _takes(handler, method):
                continue
            asked = [
                outcome(server, method, path, *shown) for pair in guest.shows() for shown in pair
            ]
            answers = await asyncio.gather(*asked)
            assert answers[::2] == answers[1::2], (method, path)
    # All that time it would have opened the room.
    peer = await guest.room.join(query=f"ticket={guest.ticket}", headers={})
    await peer.settle()
    await guest.room.empty()


async def test_no_socket_of_jupyter_s_opens_to_a_guest(server: Server) -> None:
    guest = Guest(server)
    await guest.comes()
    sockets = [
        path
        for path, handler in endpoints(server)
        if isinstance(handler, type) and issubclass(handler, WebSocketHandler)
    ]
    assert any("channels" in path for path in sockets)
    host = server.root.split("/")[2]
    for path in sockets:
        for (headers, query), _ in guest.shows():
            with pytest.raises(HTTPClientError, match=r"302|40[0134]"):
                await websocket_connect(
                    HTTPRequest(f"ws://{host}{path}{query}", headers=HTTPHeaders(headers))
                )


async def test_nothing_of_jupyter_s_comes_with_what_a_guest_is_answered(server: Server) -> None:
    guest = Guest(server)
    await guest.comes()
    page = await fetch(f"{guest.room.url}/shared")
    assert page.status == 200
    for answer in (page, guest.answer):
        assert "Set-Cookie" not in answer.headers
        assert TOKEN.encode() not in answer.body
        assert b"xsrf" not in answer.body.lower()
    peer = await guest.room.join(
        query=f"ticket={guest.ticket}", headers={"Origin": server.root.rstrip("/")}
    )
    assert "Set-Cookie" not in peer.headers
    await guest.room.empty()
