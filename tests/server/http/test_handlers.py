"""Requests about rooms that go wrong halfway."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.protocol.value import LONG_BYTES
from driftdb_jupyter.server.hosting.open_rooms import OpenRooms
from driftdb_jupyter.server.http import handlers
from driftdb_jupyter.server.sending.turns import T, Turns

from ...conformance.peer import fetch
from ...conformance.servers import standalone

pytestmark = pytest.mark.asyncio


async def test_a_room_whose_owner_cannot_be_kept_is_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(self: OpenRooms, name: str, change: object) -> bool:
        raise QuotaExceeded("no memory is left")

    monkeypatch.setattr(OpenRooms, "change_access", refuse)
    with standalone() as server:
        answer = await fetch(server.root + "new?admin=true", method="POST")
        assert answer.json["code"] == "quota"
        assert server._hub is not None
        assert await server._hub.broker.summaries() == []


async def test_the_client_of_a_long_message_is_looked_for_in_a_turn_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0
    found_in: list[int] = []

    async def take(self: Turns, work: Steps[T]) -> T:
        nonlocal steps
        try:
            while True:
                next(work)
                steps += 1
        except StopIteration as end:
            result: T = end.value
            return result

    def client_in(body: bytes) -> str:
        found_in.append(steps)
        return "c" * 16

    monkeypatch.setattr(Turns, "take", take)
    monkeypatch.setattr(handlers, "_client_in", client_in)
    message = '{"type":"push","key":"k","id":1,"action":{"type":"append"},"value":"%s"}'
    with standalone(named_rooms=True) as server:
        url = server.root + "room/r/send"
        answer = await fetch(url, method="POST", body=message % ("x" * LONG_BYTES))
    assert answer.json == {"type": "ack", "id": 1, "seq": 1}
    assert found_in[0] > 1


async def test_the_client_of_a_message_that_is_too_long_is_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = Mock()
    monkeypatch.setattr(handlers, "_client_in", looked)
    with standalone(named_rooms=True, message_limit_bytes=100_000) as server:
        url = server.root + "room/r/send"
        answer = await fetch(url, method="POST", body='{"client":"%s"}' % ("x" * 150_000))
    assert answer.json["code"] == "too_large"
    looked.assert_not_called()
