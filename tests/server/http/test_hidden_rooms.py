"""A room that somebody may do nothing in is answered as one that isn't there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.server.hub.auth import HubLogin
from driftdb_jupyter.server.hub.service import HubService

from ...conformance.peer import fetch
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

NAMES = ("hidden-room", "missing-rom")  # of the same length
HANDSHAKE = {
    **{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
PATHS = [
    *("", "/send", "/connect", "/access", "/ticket", "/tokens", "/tokens/t", "/links", "/links/l"),
    *("/page", "/page?key=k", "/inspect", "/shared", "/figures", "/none", "?ticket=t"),
    *("/connect?debug=true", "/connect?cbor=true", "/send?client=ccccccccccccccccc"),
]
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
MESSAGES: list[dict[str, Any]] = [
    {"type": "ping"},
    {"type": "get", "key": "k", "seq": 0},
    {"type": "get", "key": "k", "seq": None, "presence": True},
    {"type": "keys"},
    {"type": "can", "key": "k"},
    {"type": "push", "key": "k", "value": 1, "action": {"type": "append"}},
    {"type": "push", "key": "k", "value": 1, "action": {"type": "relay"}, "if_seq": 0},
    {"type": "unsubscribe", "key": "k"},
    {"type": "nonsense"},
]
SCOPES = {
    "nobody": [],
    "reader": ["custom:driftdb:read"],
    "of another": ["custom:driftdb:read!user=ben", "custom:driftdb:read!group=lab"],
}
SERVICE_POLICIES: dict[str, Any] = {
    "nothing": {},
    "append": {"*": {"anyone": "append"}},
    "read": {"*": {"anyone": "read"}},
    "write": {"*": {"anyone": "write"}},
}


def service(monkeypatch: pytest.MonkeyPatch, rooms: Any, scopes: list[str]) -> HubService:
    """A service of a hub that knows Ada's token, with these scopes."""

    async def ask(login: HubLogin, token: str) -> dict[str, Any] | None:
        access = ["access:services!service=driftdb"]
        return {"name": "ada", "kind": "user", "groups": [], "scopes": access + scopes}

    monkeypatch.setattr(HubLogin, "ask", ask)
    for name, value in {
        "JUPYTERHUB_API_TOKEN": "of-the-service",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
        "JUPYTERHUB_CLIENT_ID": "service-driftdb",
        "JUPYTERHUB_SERVICE_NAME": "driftdb",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/driftdb/",
    }.items():
        monkeypatch.setenv(name, value)
    made = HubService(rooms=rooms)
    made.prepare("")
    return made


@pytest.fixture(
    params=[
        *("hub, nothing, reader", "hub, append, nobody", "hub, append, of another"),
        *("hub, read, reader", "hub, read, of another", "hub, write, of another"),
        *("jupyter", "named rooms, create token", "named rooms, tokens"),
    ]
)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server, with the headers of somebody who may do nothing in the hidden room."""
    kind, *rest = request.param.split(", ")
    rates: dict[str, Any] = {"request_limit_per_second": 0.0}
    with ExitStack() as stack:
        if kind == "hub":
            policy, who = SERVICE_POLICIES[rest[0]], SCOPES[rest[1]]
            made = service(monkeypatch, policy, who)
            served = standalone(base_url="/services/driftdb/", service=made, **rates)
            server = stack.enter_context(served)
            server.headers["Authorization"] = "Bearer adas-token"
        elif kind == "jupyter":
            server = stack.enter_context(jupyter(rooms=rates))
            server.rights.refused = {"write"}
        else:
            server = stack.enter_context(
                standalone(
                    named_rooms=kind == "named rooms",
                    create_token="secret" if "create token" in rest else None,
                    tokens_required="tokens" in rest,
                    **rates,
                )
            )
        yield server


async def answered(
    server: Server, name: str, method: str, path: str, body: object
) -> tuple[int, dict[str, str], bytes]:
    """All that an answer says, with the room's name taken out."""
    headers = dict(server.headers)
    if path.startswith("/connect"):
        headers |= HANDSHAKE
    content = None if body is None else json.dumps(body)
    answer = await fetch(
        f"{server.root}room/{name}{path}", method=method, headers=headers, body=content
    )
    told = {key: value for key, value in answer.headers.items() if key not in ("Date", "Etag")}
    if "Set-Cookie" in told:  # of Jupyter: who comes with a token is somebody new each time
        told["Set-Cookie"] = told["Set-Cookie"].partition("=")[0]
    return answer.status, told, answer.body.replace(name.encode(), b"NAME")


async def test_every_answer_is_that_of_a_room_that_is_missing(server: Server) -> None:
    hub = server.hub

    async def hide() -> None:
        await hub.rooms.create(NAMES[0])
        await hub.rooms.change_access(NAMES[0], {POLICY: b'{"users":{"somebody":"read"}}'})

    server.complete(hide())
    told: list[str] = []
    for path in PATHS:
        for method in METHODS:
            bodies: list[Any] = [None]
            if method == "POST" and path.startswith("/send"):
                bodies = MESSAGES
            elif method in ("POST", "PUT"):
                bodies = [{"grants": "read"}]
            for body in bodies:
                one, other = [await answered(server, name, method, path, body) for name in NAMES]
                if one != other:
                    told.append(f"{method} {path} {body}: {one[0]} {other[0]}")
    assert not told, "\n".join(told)
