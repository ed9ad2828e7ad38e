"""Logins by the hub that browsers begin."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application, RequestHandler

from driftdb_jupyter.server.hub.auth import HubLogin


class Connection:
    """The connection of a request that nobody sent."""

    def set_close_callback(self, callback: object) -> None:
        pass


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> HubLogin:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-driftdb")
    return HubLogin(api_url="http://127.0.0.1:1/hub/api", base_url="/services/driftdb/")


def begin(login: HubLogin, path: str) -> str:
    """Begin a login at a page; returns its state."""
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", path, "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "hub.example"}),
        connection=Connection(),  # type: ignore[arg-type]
    )
    request.remote_ip = "127.0.0.1"
    return login.set_state_cookie(RequestHandler(Application(cookie_secret="x" * 32), request))


def test_one_leads_back_to_its_page(login: HubLogin) -> None:
    path = "/services/driftdb/room/r/page?key=k"
    assert login.get_next_url(begin(login, path)) == path
    assert login.get_next_url(begin(login, path + "x" * 2000)) == "/services/driftdb/"


def test_of_too_many_that_were_begun_the_oldest_are_forgotten(login: HubLogin) -> None:
    login.limit = 2
    states = [begin(login, f"/services/driftdb/room/{number}/page") for number in range(3)]
    assert [login.get_next_url(state) for state in states] == [
        "/services/driftdb/",
        "/services/driftdb/room/1/page",
        "/services/driftdb/room/2/page",
    ]
