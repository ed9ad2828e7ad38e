"""Who of the hub did what, and was refused what, is in the audit log with the person's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from ...conformance.peer import Answer, Room, fetch, get, push
from ...conformance.servers import Server
from ..audited import Told
from .service import service

pytestmark = pytest.mark.asyncio

ROOM = "user:ada:notes"
ROLES = {"ada": "admin!user=ada", "bob": "write!user=bob", "eve": "read"}
USES = "access:services!service=driftdb"
Hub = dict[str, dict[str, Any]]


@pytest.fixture
def hub() -> Hub:
    """What a hub says of tokens: each person has one of the same name."""
    return {
        name: {
            "name": name,
            "kind": "user",
            "groups": [],
            "scopes": [USES, f"custom:driftdb:{role}"],
        }
        for name, role in ROLES.items()
    }


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    async def ask(token: str) -> dict[str, Any] | None:
        return hub.get(token)

    with service(ask, credential_check_seconds=0.05) as server:
        yield server


def of(name: str) -> dict[str, str]:
    return {"Authorization": f"token {name}"}


async def asked(room: Room, name: str, method: str, what: str, content: object = None) -> Answer:
    body = json.dumps(content) if method in ("POST", "PUT") else None
    return await fetch(f"{room.url}/{what}", method=method, body=body, headers=of(name))


async def test_what_a_person_does_to_an_own_room(server: Server, told: Told) -> None:
    room = Room(server, ROOM)
    for method, what, content in (
        ("POST", "send", push("k", 1)),
        ("PUT", "access", {"users": {"bob": "write"}}),
        ("POST", "links", {"name": "students", "grants": "read"}),
        ("DELETE", "links/students", None),
        ("DELETE", "access", None),
    ):
        assert (await asked(room, "ada", method, what, content)).status == 200
    by_ada = {"room": ROOM, "by": "ada"}
    assert told() == [
        {"event": "room_made", **by_ada},
        {"event": "policy_changed", **by_ada},
        {"event": "link_made", **by_ada, "link": "students", "role": "read"},
        {"event": "link_revoked", **by_ada, "link": "students"},
        {"event": "policy_changed", **by_ada, "removed": True},
    ]


async def test_what_persons_are_refused(server: Server, told: Told) -> None:
    room = Room(server, ROOM)
    await asked(room, "ada", "PUT", "access", {"users": {"eve": "write", "bob": "read"}})
    told()
    denied = {"event": "denied", "room": ROOM}
    key = {"key": "k", "action": "append", "reason": "you may not append this key"}
    for name in ("bob", "eve"):  # the policy gives her more than her token may
        assert (await asked(room, name, "POST", "send", push("k", 1))).status == 403
        assert told() == [{**denied, "by": name, **key}]
        for method, what in (("PUT", "access"), ("POST", "links"), ("DELETE", "tokens/7")):
            assert (await asked(room, name, method, what, {})).status == 403
            (event,) = told()
            assert (event["by"], event["action"]) == (name, "admin")
    for name, status in (("nobody", 401), (ROOM, 401)):
        assert (await asked(room, name, "GET", "figures")).status == status
        assert told() == [{**denied, "reason": "the hub knows no such token, or no longer"}]
    assert (await fetch(room.url)).status == 403
    assert told() == [{**denied, "reason": "Forbidden"}]


async def test_what_the_hub_takes_back(server: Server, hub: Hub, told: Told) -> None:
    room = Room(server, ROOM)
    await asked(room, "ada", "PUT", "access", {"users": {"eve": "read", "bob": "read"}})
    ada, bob, eve = [await room.join(headers=of(name)) for name in ("ada", "bob", "eve")]
    told()
    await eve.send(push("k", 1), {"type": "renew", "token": "bob"}, get("k"))
    await eve.settle()
    events = [(event["by"], event["action"]) for event in told()]
    assert events == [("eve", "append"), ("eve", "renew")]
    del hub["bob"]
    await bob.is_closed_with(4401)
    hub["eve"]["scopes"] = [USES]
    await eve.is_closed_with(4403)
    assert {(event["event"], event["by"]) for event in told()} == {
        ("denied", "bob"),
        ("denied", "eve"),
    }
    with pytest.raises(HTTPClientError, match="403"):
        await room.join(headers=of("eve"))
    assert [event["by"] for event in told()] == ["eve"]
    await ada.leave()
    await room.empty()


async def test_what_somebody_does_by_a_link_of_a_person_is_nobodys(
    server: Server, told: Told
) -> None:
    room = Room(server, ROOM)
    made = await asked(room, "ada", "POST", "links", {"name": "l", "grants": "read"})
    secret = made.json["url"].partition("#")[2]
    told()
    body = json.dumps({"browser": "b" * 32, "name": "ada"})
    headers = {"Authorization": f"Bearer {secret}"}
    ticket = await fetch(f"{room.url}/ticket", method="POST", body=body, headers=headers)
    peer = await room.join(query=f"ticket={ticket.json['ticket']}", headers={})
    await peer.send(push("k", 1))
    await peer.hears_error("forbidden", key="k", action="append")
    (event,) = [event for event in told() if event["event"] == "denied"]
    assert "by" not in event
    await peer.leave()
    await room.empty()
