"""Who is let in to a service of a hub, and where a login leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from driftdb_jupyter.server.hub.auth import HubLogin

from ...conformance.peer import Answer, Room, fetch
from ...conformance.servers import Server
from .service import PREFIX, service

pytestmark = pytest.mark.asyncio

EVIL = "https://evil.example"
HANDSHAKE = {
    **{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture
def asked() -> list[str]:
    """The tokens that the hub was asked about."""
    return []


@pytest.fixture
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> Iterator[Server]:
    """A service of a hub that knows one code, and one token for it: Ada's."""

    async def token_for_code(login: HubLogin, code: str, **how: Any) -> str:
        assert code == "adas-code"
        return "adas-token"

    async def ask(token: str) -> dict[str, Any] | None:
        asked.append(token)
        scopes = ["access:services!service=driftdb", "custom:driftdb:write"]
        return {"name": "ada", "kind": "user", "groups": [], "scopes": scopes}

    monkeypatch.setattr(HubLogin, "token_for_code", token_for_code)
    settings = {"request_limit_per_second": 0.001, **getattr(request, "param", {})}
    with service(ask, **settings) as server:
        yield server


async def logged_in(server: Server, page: str) -> Answer:
    """The end of the login that a page begins."""
    sent_away = await fetch(page)
    assert sent_away.status == 302
    to_hub = sent_away.headers["Location"]
    assert urlsplit(to_hub)[:3] == ("", "", "/hub/api/oauth2/authorize")
    (state,) = parse_qs(urlsplit(to_hub).query)["state"]
    callback = f"{server.root}oauth_callback?code=adas-code&state={quote(state)}"
    return await fetch(callback, headers={"Cookie": sent_away.cookies})


@pytest.mark.parametrize("path", ["", "room/class/page"])
async def test_a_login_leads_back_to_the_page_that_was_asked_for(server: Server, path: str) -> None:
    for query in ("", f"?next={quote(EVIL, '')}", "?next=//evil.example/", f"?next_url={EVIL}"):
        answer = await logged_in(server, server.root + path + query)
        assert answer.status == 302
        assert answer.headers["Location"] == PREFIX + path + query


@pytest.mark.parametrize("path", ["//evil.example" + PREFIX, "/\\evil.example" + PREFIX])
async def test_a_path_outside_of_the_prefix_begins_no_login(server: Server, path: str) -> None:
    answer = await fetch(server.root.removesuffix(PREFIX) + path)
    assert answer.status == 404
    assert "Location" not in answer.headers


async def test_a_website_has_nothing_of_a_login(server: Server) -> None:
    login = {"Cookie": (await logged_in(server, server.root)).cookies}
    for asked in ("room/class", "room/class/page", "login", ""):
        answer = await fetch(server.root + asked, headers=login | {"Origin": EVIL})
        assert answer.status == 403
    room = server.root + "room/class/connect"
    navigation = {**HANDSHAKE, **login, "Sec-Fetch-Mode": "websocket"}
    assert (await fetch(room, headers=navigation | {"Origin": EVIL})).status == 403
    own = server.root.removesuffix(PREFIX)
    assert (await fetch(server.root + "login", headers=login | {"Origin": own})).status == 204


async def test_a_login_is_nothing_without_the_token_that_its_page_has(server: Server) -> None:
    cookies = (await logged_in(server, server.root)).cookies
    xsrf = cookies.partition("_xsrf=")[2].partition(";")[0]
    assert xsrf
    asked = {"method": "POST", "body": '{"type":"ping"}'}
    of_other_page = {"Cookie": cookies, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site"}
    for wrong in ({}, {"X-XSRFToken": "wrong"}):
        refused = await fetch(
            server.root + "room/class/send", headers=of_other_page | wrong, **asked
        )
        assert refused.status == 403
    own = of_other_page | {"X-XSRFToken": xsrf}
    assert (await fetch(server.root + "room/class/send", headers=own, **asked)).status == 200


@pytest.mark.parametrize("server", [{"request_limit_burst": 30}], indirect=True)
async def test_the_hub_is_asked_no_more_often_than_an_address_may_make_requests(
    server: Server, asked: list[str]
) -> None:
    peer = await Room(server, "class").join(headers={"Authorization": "Bearer first"})
    statuses = []
    for number in range(28):
        headers = {"Cookie": f"service-driftdb={number}"}
        answer = await fetch(f"{server.root}oauth_callback?code=c&state=s", headers=headers)
        statuses.append(answer.status)
    assert set(statuses) == {403}
    await peer.send({"type": "renew", "token": "second"}, {"type": "renew", "token": "third"})
    assert (await peer.receive())["type"] == "renewed"
    await peer.hears_error("rate")
    headers = {"Cookie": "service-driftdb=late"}
    answer = await fetch(f"{server.root}oauth_callback?code=c&state=s", headers=headers)
    assert answer.status == 429
    assert answer.headers["Retry-After"]
    assert "second" in asked
    assert not {"third", "late"} & set(asked)
    await peer.leave()
