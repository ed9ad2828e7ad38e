"""Tickets over HTTP: what a URL may hold in place of a credential."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from ...conformance.peer import Room, fetch, push
from ...conformance.servers import Server, standalone
from ..processes import COMMAND, environment, started

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone() as server:
        yield server


async def owned(server: Server) -> tuple[Room, dict[str, str]]:
    """A room that nobody but its owner may see, and what the owner sends."""
    made = (await fetch(server.root + "new?admin=true", method="POST")).json
    headers = {"Authorization": f"Bearer {made['admin']}"}
    room = Room(server, made["room"])
    closed = await fetch(room.url + "/access", method="PUT", body="{}", headers=headers)
    assert closed.status == 200
    return room, headers


async def ticket(room: Room, headers: dict[str, str]) -> Any:
    answer = await fetch(room.url + "/ticket", method="POST", headers=headers)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json["ticket"]


async def test_one_opens_a_socket_once(server: Server) -> None:
    room, headers = await owned(server)
    text = await ticket(room, headers)
    peer = await room.join(query=f"ticket={text}")
    await peer.send(push("k", 1, id=None))
    await peer.settle()
    with pytest.raises(HTTPClientError) as again:
        await room.join(query=f"ticket={text}")
    assert again.value.code == 401
    await room.empty()


async def test_one_opens_a_page_once(server: Server) -> None:
    room, headers = await owned(server)
    text = await ticket(room, headers)
    page = await fetch(f"{room.url}/page?ticket={text}")
    assert page.status == 200
    assert page.headers["Referrer-Policy"] == "no-referrer"
    again = await fetch(f"{room.url}/page?ticket={text}")
    assert again.status == 401
    assert again.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


async def test_one_gives_no_other(server: Server) -> None:
    room, headers = await owned(server)
    text = await ticket(room, headers)
    refused = await fetch(f"{room.url}/ticket?ticket={text}", method="POST")
    assert refused.status == 403
    assert (await fetch(f"{room.url}/page?ticket={text}")).status == 401


async def test_one_opens_no_other_room(server: Server) -> None:
    room, headers = await owned(server)
    other, _ = await owned(server)
    text = await ticket(room, headers)
    assert (await fetch(f"{other.url}?ticket={text}")).status == 401


async def test_none_is_given_to_who_may_do_nothing(server: Server) -> None:
    room, _ = await owned(server)
    for headers in ({}, {"Authorization": "Bearer owner_of_another"}):
        assert (await fetch(room.url + "/ticket", method="POST", headers=headers)).status == 403
    nowhere = server.root + "room/nowhere/ticket"
    assert (await fetch(nowhere, method="POST")).status == 404


async def test_too_many_are_refused_until_some_have_ended() -> None:
    with standalone(named_rooms=True, ticket_limit=2) as server:
        room = Room(server, "a")
        asked = [await fetch(room.url + "/ticket", method="POST") for _ in range(3)]
        assert [answer.status for answer in asked] == [200, 200, 429]
        assert int(asked[-1].headers["Retry-After"]) > 0


async def test_under_jupyter_one_is_asked_about_as_the_login_was(
    room: Room, jupyter_server: Server
) -> None:
    text = await ticket(room, jupyter_server.headers)
    peer = await room.join(query=f"ticket={text}", headers={})
    await peer.send(push("k", 1))
    await peer.settle()
    jupyter_server.rights.refused |= {"write", "read"}
    await peer.send(push("k", 2))
    await peer.hears_error("forbidden", key="k", action="append")
    with pytest.raises(HTTPClientError) as again:
        await room.join(query=f"ticket={text}", headers={})
    assert again.value.code == 401


async def test_under_jupyter_one_opens_nothing_of_jupyters(
    room: Room, jupyter_server: Server
) -> None:
    jupyter = jupyter_server.root.removesuffix("driftdb/")
    for path in ("api/contents", "api/kernels", "api/sessions", "lab", "tree"):
        text = await ticket(room, jupyter_server.headers)
        assert (await fetch(f"{jupyter}{path}?ticket={text}")).status in (302, 403, 404)


async def test_no_log_has_one(tmp_path: Path) -> None:
    options = ["--port=0", "--named-rooms", "--audit-log=audit", "--log-level=DEBUG"]
    with started([*COMMAND, "serve", *options], cwd=tmp_path, env=environment()) as process:
        room = Room(process.server, "lecture")
        texts = [await ticket(room, {}) for _ in range(3)]
        await room.join(query=f"ticket={texts[0]}")
        await room.empty()
        for query in (f"ticket={texts[1]}", f"a=1&%74icket={texts[2]}", f"ticket={texts[0]}"):
            referer = {"Referer": f"{room.url}/page?{query}"}
            await fetch(f"{room.url}/page?{query}", headers=referer)
            await fetch(f"{process.server.root}nowhere?{query}", headers=referer)
        process.end()
    logs = process.log + (tmp_path / "audit").read_text()
    assert "lecture/ticket" in logs
    assert "ticket=…" in logs
    assert not any(text in logs for text in texts)
