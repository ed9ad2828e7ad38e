"""Two processes of a hub's service that share their rooms through Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse

from ...conformance.peer import Room, fetch, push, pushed
from ...conformance.servers import Server
from .service import service

pytestmark = pytest.mark.asyncio

ADA = {"Authorization": "token ada"}
BOB = {"Authorization": "token bob"}


@pytest.fixture
def rooms() -> Iterator[list[Room]]:
    """A room of Ada's, at each of them."""

    async def ask(token: str) -> dict[str, Any] | None:
        role = "admin!user=ada" if token == "ada" else "write"
        scopes = ["access:services!service=driftdb", f"custom:driftdb:{role}"]
        return {"name": token, "kind": "user", "groups": [], "scopes": scopes}

    with ExitStack() as stack:
        servers: list[Server] = [
            stack.enter_context(service(ask, redis_prefix="services:", person_peer_limit=1))
            for _ in range(2)
        ]
        yield [Room(server, "user:ada:notes") for server in servers]


async def put(room: Room, what: str, content: object, method: str = "PUT") -> None:
    body = json.dumps(content)
    answer = await fetch(f"{room.url}/{what}", method=method, body=body, headers=ADA)
    assert answer.status == 200


async def refusal(room: Room) -> HTTPResponse | None:
    """What one more is refused with, once the other service, just started, is known to this."""
    while True:
        try:
            more = await room.join(headers=ADA)
        except HTTPClientError as error:
            return error.response
        await more.leave()


async def test_a_person_has_the_same_rights_and_limits_at_both(rooms: list[Room]) -> None:
    one, other = rooms
    await put(one, "send", push("k", 1), "POST")
    await put(one, "access", {"users": {"bob": "write"}})
    here, there = await one.join(headers=ADA), await other.join(headers=BOB)
    for peer in (here, there):
        await peer.subscribe("chat")
    await there.send(push("chat", "hello"))
    for peer in (here, there):
        await peer.hears(pushed("chat", "hello", 2))
    refused = await asyncio.wait_for(refusal(other), 60)
    assert refused is not None
    assert refused.body is not None
    assert b"at most 1 connections of one person" in refused.body
    await put(other, "access", {"users": {}})
    await there.is_closed_with(4403)
    for room in rooms:
        await room.empty()
