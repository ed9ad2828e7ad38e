"""Requests about rooms that go wrong halfway."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.server.hosting.open_rooms import OpenRooms

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
