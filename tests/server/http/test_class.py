"""A class comes in by one share link, all at once and from one address, and nobody is refused."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterator

import pytest

from ...conformance.peer import Peer, Room, fetch, get, push
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

PHONES = 60
WRITES = 5


@pytest.fixture(params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with its default limits."""
    with standalone() if request.param == "standalone" else jupyter() as server:
        yield server


class Phone:
    """A phone whose page opens a room by a link."""

    def __init__(self, room: Room, link: str) -> None:
        self._room = room
        self._shown = {"Authorization": f"Bearer {link}"}
        self._browser = secrets.token_hex(8)
        self.client = secrets.token_hex(16)
        self.statuses: list[int] = []

    async def opens(self, name: str) -> Peer:
        """Load the page and what it is made of, and join as it does."""
        page = await self._fetch("/shared")
        for part in re.findall(rb'(?:src|href)="(?:\.\./)+(pages/[^"]+)"', page):
            self.statuses.append((await fetch(self._room.server.root + part.decode())).status)
        body = json.dumps({"browser": self._browser, "name": name})
        told = json.loads(await self._fetch("/ticket", method="POST", body=body))
        return await self._room.join(
            query=f"ticket={told['ticket']}", client=self.client, headers={}
        )

    async def _fetch(self, path: str, *, method: str = "GET", body: str | None = None) -> bytes:
        headers = self._shown if method == "POST" else {}
        answer = await fetch(self._room.url + path, method=method, body=body, headers=headers)
        self.statuses.append(answer.status)
        return answer.body


async def shared(server: Server) -> tuple[Room, str]:
    """A room, and the secret of a link to it."""
    headers = server.headers
    if server.jupyter is None:
        made = (await fetch(server.root + "new?admin=true", method="POST")).json
        room, headers = Room(server, made["room"]), {"Authorization": f"Bearer {made['admin']}"}
    else:
        room = Room(server, "class")
    terms = json.dumps({"grants": "write", "ask_name": True})
    answer = await fetch(f"{room.url}/links", method="POST", body=terms, headers=headers)
    return room, answer.json["url"].partition("#")[2]


async def test_a_class_joins_and_writes_and_reloads_at_once(server: Server) -> None:
    room, link = await shared(server)
    phones = [Phone(room, link) for _ in range(PHONES)]
    numbers = range(1, WRITES + 1)

    async def use(number: int, phone: Phone) -> None:
        for turn in range(2):
            peer = await phone.opens(f"phone {number}")
            await peer.send(get("k", seq=None, presence=True))
            await peer.send(*(push("k", number, id=turn * WRITES + each) for each in numbers))
            acks = 0
            while acks < WRITES:
                told = await peer.receive()
                assert told["type"] != "error", told
                acks += told["type"] == "ack"
            await peer.leave(1001)

    await asyncio.gather(*(use(number, phone) for number, phone in enumerate(phones)))
    assert {status for phone in phones for status in phone.statuses} == {200}
    assert len(phones[0].statuses) > 2 * 3  # with the page's own files
    access = server.complete(server.hub.rooms.access(room.name))
    assert access is not None
    held = server.hub.rooms.find(room.name)
    assert held is not None
    assert held.sequencer.room.stream("k").value_count == 2 * PHONES * WRITES
    (people,) = [len(json.loads(text)) for text in access.of("link_people").values()]
    assert people == PHONES
