"""Each grant, link, revocation and denial is in the audit log, by whichever way it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from driftdb_jupyter import create_token

from ...conformance.peer import Room, fetch, get, push
from ...conformance.servers import Server, jupyter, standalone
from ..audited import Told

pytestmark = pytest.mark.asyncio

KEY = "the secret that this server and its friends have"
ADMINISTRATOR = {"Authorization": "DriftDB " + "s" * 22}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    keys = tmp_path / "key"
    keys.write_text(KEY)
    keys.chmod(0o600)
    with standalone(named_rooms=True, secret="s" * 22, token_keys_file=str(keys)) as server:
        yield server


def ada(room: str = "r", **options: Any) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {create_token(room, key=KEY, subject='ada', **options)}",
        "Content-Type": "application/json",
    }


async def ask(
    server: Server, method: str, path: str, content: object = None, **options: Any
) -> Any:
    body = json.dumps(content) if method in ("PUT", "POST") else None
    answer = await fetch(server.root + path, method=method, body=body, **options)
    return answer.json if answer.status == 200 else answer.status


async def test_what_an_owner_does_over_http(server: Server, told: Told) -> None:
    owner = {"headers": ada(role="admin")}
    await ask(server, "PUT", "room/r/access", {"users": {"bob": "read"}}, **owner)
    await ask(server, "DELETE", "room/r/access", **owner)
    await ask(server, "POST", "room/r/links", {"name": "students", "grants": "read"}, **owner)
    await ask(server, "DELETE", "room/r/links/students", **owner)
    await ask(server, "DELETE", "room/r/tokens/17", **owner)
    by_ada = {"room": "r", "by": "ada"}
    assert told() == [
        {"event": "room_made", **by_ada},
        {"event": "policy_changed", **by_ada},
        {"event": "policy_changed", **by_ada, "removed": True},
        {"event": "link_made", **by_ada, "link": "students", "role": "read"},
        {"event": "link_revoked", **by_ada, "link": "students"},
        {"event": "token_revoked", **by_ada, "token_id": "17"},
    ]
    made = await ask(server, "POST", "new?admin=true")
    assert made["admin"]
    assert [event["event"] for event in told()] == ["room_made", "owner_made"]


async def test_what_the_operator_does(server: Server, told: Told) -> None:
    owner = {"headers": ADMINISTRATOR}
    exported = '{"driftdb":1,"room":"r","seq":0}\n'
    await fetch(server.root + "admin/rooms/r", method="PUT", body=exported, **owner)
    await ask(server, "PUT", "admin/rooms/r/access", {"anyone": "read"}, **owner)
    await ask(server, "POST", "admin/rooms/r/links", {"name": "l", "grants": "read"}, **owner)
    await ask(server, "DELETE", "admin/rooms/r/links/l", **owner)
    await ask(server, "DELETE", "admin/rooms/r/tokens/17", **owner)
    await ask(server, "DELETE", "admin/rooms/r/owners", **owner)
    again = f"{server.root}admin/rooms/r?replace=true&owners=true"
    await fetch(again, method="PUT", body=exported, **owner)
    await ask(server, "DELETE", "admin/rooms/r", **owner)
    by_operator = {"room": "r", "by": "operator"}
    assert told() == [
        {"event": "room_imported", **by_operator},
        {"event": "policy_changed", **by_operator},
        {"event": "link_made", **by_operator, "link": "l", "role": "read"},
        {"event": "link_revoked", **by_operator, "link": "l"},
        {"event": "token_revoked", **by_operator, "token_id": "17"},
        {"event": "owners_forgotten", **by_operator},
        {"event": "room_imported", **by_operator, "replaced": True, "owners": True},
        {"event": "room_deleted", **by_operator},
    ]
    assert await ask(server, "GET", "admin/rooms", headers={"Authorization": "DriftDB x"}) == 403
    (denied,) = told()
    assert (denied["event"], denied["action"]) == ("denied", "administer")


async def test_what_is_denied_over_http(server: Server, told: Told) -> None:
    await ask(server, "PUT", "room/r/access", {"users": {"ada": "read"}}, headers=ada(role="admin"))
    told()
    weak = ada()
    for asked in ("room/r", "room/r/connect", "room/r/figures"):
        headers = {} if asked != "room/r/connect" else {"Upgrade": "websocket"}
        assert await ask(server, "GET", asked, headers=headers) == 403
        assert [(event["event"], event["room"]) for event in told()] == [("denied", "r")], asked
        trace = await fetch(server.root + asked, method="TRACE")
        assert trace.status == 405
        assert told() == []
    stale = ada()["Authorization"][:-4] + "AAAA"
    assert await ask(server, "GET", "room/r", headers={"Authorization": stale}) == 401
    assert await ask(server, "GET", "room/r?ticket=used") == 401
    assert [event["event"] for event in told()] == ["denied", "denied"]
    assert await ask(server, "GET", "room/r", headers={"Origin": "https://evil.example"}) == 403
    assert "evil.example" in told()[0]["reason"]
    assert await ask(server, "POST", "room/r/send", push("k", 1), headers=weak) == 403
    key = {"event": "denied", "room": "r", "by": "ada", "key": "k"}
    assert told() == [{**key, "action": "append", "reason": "you may not append this key"}]
    for method, path in (("PUT", "access"), ("POST", "links"), ("DELETE", "tokens/17")):
        assert await ask(server, method, f"room/r/{path}", {}, headers=weak) == 403
        (denied,) = told()
        assert (denied["by"], denied["action"]) == ("ada", "admin")


async def test_what_is_denied_in_a_connection(server: Server, told: Told) -> None:
    by_ada = {"event": "denied", "room": "r", "by": "ada"}
    policy = {"users": {"ada": {"can": ["read"], "keys": ["seen"]}}}
    await ask(server, "PUT", "room/r/access", policy, headers=ada(role="admin"))
    room = Room(server, "r")
    peer = await room.join(headers=ada())
    told()
    await peer.send(push("seen", 1), get("hidden"), {"type": "renew", "token": "none"})
    await peer.settle()
    assert [(event.get("key"), event["action"]) for event in told()] == [
        ("seen", "append"),
        ("hidden", "read"),  # though the answer is as of an empty key
        (None, "renew"),
    ]
    await ask(server, "PUT", "room/r/access", {}, headers=ada(role="admin"))
    await peer.is_closed_with(4403)
    why = "You have no permission to read this room."
    assert told()[-1] == {**by_ada, "action": "read", "reason": why}
    with pytest.raises(HTTPClientError, match="403"):
        await room.join(headers=ada())
    assert told() == [{**by_ada, "reason": "Forbidden"}]
    revoked = await room.join(headers=ada(role="read", token_id="17"))
    await ask(server, "DELETE", "room/r/tokens/17", headers=ada(role="admin"))
    await revoked.is_closed_with(4401)
    assert [event["event"] for event in told()] == ["token_revoked", "denied"]
    await room.empty()


async def test_what_is_denied_under_jupyter(told: Told) -> None:
    with jupyter() as server:
        room = Room(server, "r")
        assert (await fetch(room.url, headers={})).status == 403
        assert [event["event"] for event in told()] == ["denied"]
        assert (await room.post(push("k", 1))).status == 200
        told()
        server.rights.refused.add("write")
        assert (await room.post(push("k", 1))).status == 403
        (denied,) = told()
        assert denied["action"] == "append"
        assert denied["by"]
