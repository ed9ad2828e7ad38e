"""``/room/ID/links``: the owner of a room makes share links, lists them and takes them back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import HTTPClientError

from driftdb_jupyter.server.limits.people import People
from driftdb_jupyter.server.settings import DriftDB

from .owned import Owned, owned
from .peer import Answer, Peer, Room, fetch, get, init, push
from .servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

STUDENTS = {"grants": {"can": "read", "keys": ["slider"]}, "name": "students"}


class Shared(Owned):
    """A room whose links a test asks for as its owner."""

    async def links(
        self,
        method: str = "GET",
        content: object = None,
        *,
        link: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask for the links as the owner, make one, or take one back."""
        return await fetch(
            f"{self.url}/links{link and '/'}{link}",
            method=method,
            body=json.dumps(content) if method == "POST" else None,
            headers=self.owner if headers is None else headers,
        )

    async def make(self, **content: Any) -> dict[str, Any]:
        """Make a link, as the owner."""
        answer = await self.links("POST", STUDENTS | content)
        assert answer.status == 200, answer.body
        made: dict[str, Any] = answer.json
        return made


@pytest.fixture(scope="module", params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    unlimited: dict[str, Any] = {"access_change_limit_per_second": 0.0}
    made = jupyter(rooms=unlimited) if request.param == "jupyter" else standalone(**unlimited)
    with made as server:
        yield server


@pytest_asyncio.fixture
async def room(server: Server) -> AsyncIterator[Shared]:
    async with owned(server, Shared) as room:
        yield room


async def test_the_owner_is_told_the_url_of_a_new_link_once(room: Shared) -> None:
    made = await room.make()
    secret = made["url"].partition("#")[2]
    assert made["url"].startswith(room.url + "/shared#link_")
    assert made["name"] == "students"
    assert made["grants"] == [{"can": ["read"], "keys": ["slider"]}]
    answer = await room.links()
    assert [link["id"] for link in answer.json] == [made["id"]]
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in answer.body.decode()


async def test_the_room_keeps_no_secret_of_a_link(room: Shared) -> None:
    secret = (await room.make())["url"].partition("#")[2]
    access = room.server.complete(room.server.hub.rooms.access(room.name))
    assert access is not None
    kept = b"".join([*map(str.encode, sum(access.items(), ())), *access.items().values()])
    assert b"students" in kept
    assert secret.encode() not in kept
    assert secret.removeprefix("link_").encode() not in kept


async def test_a_link_ends_after_a_day_unless_it_says_otherwise(room: Shared) -> None:
    day = await room.make()
    assert day["expires_at"] - day["made_at"] == pytest.approx(24 * 60 * 60)
    short = await room.make(lifetime_seconds=60)
    assert short["expires_at"] - short["made_at"] == pytest.approx(60)
    assert (await room.make(lifetime_seconds=None))["expires_at"] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a link as an object"),
        ({}, "expected grants of a link"),
        ({"grants": "admin"}, "without admin"),
        ({"grants": [{"can": ["read", "admin"]}]}, "without admin"),
        ({"grants": "look"}, "expected grants to be of read"),
        ({"grants": "read", "lifetime_seconds": 0}, "expected lifetime_seconds"),
        ({"grants": "read", "lifetime_seconds": True}, "expected lifetime_seconds"),
        ({"grants": "read", "people_limit": 1.5}, "expected people_limit"),
        ({"grants": "read", "people_limit": 100_000}, "expected people_limit"),
        ({"grants": "read", "name": "a\nb"}, "expected name"),
        ({"grants": "read", "ask_name": "yes"}, "expected ask_name"),
        ({"grants": "read", "uses": 3}, "expected grants, name"),
    ],
)
async def test_a_link_that_is_none_is_refused(room: Shared, content: object, message: str) -> None:
    answer = await room.links("POST", content)
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
    assert message in answer.json["message"]
    assert (await room.links()).json == []


async def test_others_neither_see_nor_make_nor_revoke_links(room: Shared) -> None:
    made = await room.make()
    for method, link in (("GET", ""), ("POST", ""), ("DELETE", made["id"])):
        answer = await room.links(method, STUDENTS, link=link, headers=room.server.headers)
        assert answer.status == 403
        assert b"students" not in answer.body
    assert len((await room.links()).json) == 1


async def test_a_link_is_taken_back_by_its_id_or_all_of_a_name(room: Shared) -> None:
    first = await room.make()
    await room.make()
    await room.make(name="guests")
    assert (await room.links("DELETE", link=first["id"])).json == 1
    assert (await room.links("DELETE", link="students")).json == 1
    assert (await room.links("DELETE", link="students")).json == 0
    assert [link["name"] for link in (await room.links()).json] == ["guests"]


@dataclass
class Visitor:
    """Somebody's browser that was given the URL of a link."""

    room: Room
    url: str
    browser: str = "a browser"

    @property
    def secret(self) -> str:
        return self.url.partition("#")[2]

    async def ask(self, **content: Any) -> Answer:
        """Ask for a ticket."""
        return await fetch(
            f"{self.room.url}/ticket",
            method="POST",
            body=json.dumps({"browser": self.browser, **content}),
            headers={"Authorization": f"Bearer {self.secret}"},
        )

    async def ticket(self, **content: Any) -> str:
        """Get a ticket."""
        answer = await self.ask(**content)
        assert answer.status == 200, answer.body
        ticket: str = answer.json["ticket"]
        return ticket

    async def enter(self, **content: Any) -> Peer:
        """Open a socket by a ticket."""
        ticket = await self.ticket(**content)
        return await self.room.join(query=f"ticket={ticket}", headers={})


async def test_who_has_the_link_may_do_what_it_gives_and_nothing_else(room: Shared) -> None:
    owner = await room.join(headers=room.owner)
    await owner.send(push("slider", 1, "replace"), push("secret", 2, "replace"))
    await owner.settle()
    guest = await Visitor(room, (await room.make())["url"]).enter()
    await guest.send(get("slider", seq=0))
    assert await guest.receive() == init("slider", {1: 1})
    await guest.send(get("secret", seq=0))
    assert await guest.receive() == init("secret")
    await guest.send(push("slider", 3, "replace", id=1))
    refused = await guest.receive()
    assert (refused["code"], refused["action"]) == ("forbidden", "replace")


async def test_a_link_gives_no_more_where_the_policy_gives_more_to_anyone(room: Shared) -> None:
    policy = json.dumps({"anyone": "write"})
    await fetch(f"{room.url}/access", method="PUT", body=policy, headers=room.owner)
    guest = await Visitor(room, (await room.make())["url"]).enter()
    await guest.send(push("other", 3, "replace", id=1))
    assert (await guest.receive())["code"] == "forbidden"


async def test_taking_a_link_back_puts_out_who_is_in_by_it_alone(room: Shared) -> None:
    made, other = await room.make(), await room.make(name="others")
    guest = await Visitor(room, made["url"]).enter()
    stays = await Visitor(room, other["url"]).enter()
    assert (await room.links("DELETE", link=made["id"])).json == 1
    await guest.is_closed_with(4403)
    await stays.settle()
    assert (await Visitor(room, made["url"]).ask()).status == 403


async def test_the_secret_itself_opens_nothing_but_a_ticket(room: Shared) -> None:
    made = await room.make(grants="write")
    shown = {"Authorization": f"Bearer {Visitor(room, made['url']).secret}"}
    for method, what in (
        ("GET", ""),
        ("GET", "/figures"),
        ("GET", "/access"),
        ("GET", "/links"),
        ("POST", "/send"),
        ("GET", "/page"),
        ("GET", "/inspect"),
    ):
        body = json.dumps(push("slider", 1)) if method == "POST" else None
        answer = await fetch(f"{room.url}{what}", method=method, body=body, headers=shown)
        assert answer.status == 403, what
    with pytest.raises(HTTPClientError, match="403"):
        await room.join(headers=shown)
    answer = await fetch(room.server.root + "new", method="POST", headers=shown)
    assert answer.status == 403


async def test_a_link_opens_its_own_room_alone(room: Shared) -> None:
    made = await room.make(grants="write")
    elsewhere = await fetch(room.server.root + "new", method="POST", headers=room.owner)
    other = Room(room.server, elsewhere.json["room"])
    assert (await Visitor(other, made["url"]).ask()).status == 403
    ticket = await Visitor(room, made["url"]).ticket()
    with pytest.raises(HTTPClientError, match="401"):
        await other.join(query=f"ticket={ticket}", headers={})


async def test_a_bad_link_tells_not_whether_there_is_a_room(room: Shared) -> None:
    url = "#link_" + "A" * 32
    there = await Visitor(room, url).ask()
    nowhere = await Visitor(Room(room.server, "A" * 32), url).ask()
    assert (there.status, there.body) == (nowhere.status, nowhere.body) == (403, there.body)


async def test_a_browser_counts_once_and_a_link_for_two_lets_in_two(room: Shared) -> None:
    made = await room.make(people_limit=2)
    first = await Visitor(room, made["url"], "first").enter()
    await Visitor(room, made["url"], "first").enter()
    await Visitor(room, made["url"], "second").enter()
    third = await Visitor(room, made["url"], "third").ask()
    assert (third.status, third.json["code"]) == (429, "quota")
    (link,) = (await room.links()).json
    assert (link["people"], link["people_here"], link["connections"]) == (2, 2, 3)
    await first.leave()
    await Visitor(room, made["url"], "first").ticket()


async def test_of_many_who_come_at_once_as_many_are_let_in_as_may(room: Shared) -> None:
    made = await room.make(people_limit=30)
    asking = [Visitor(room, made["url"], f"browser {number}").ask() for number in range(50)]
    statuses = [answer.status for answer in await asyncio.gather(*asking)]
    assert sorted(statuses) == [200] * 30 + [429] * 20
    assert (await room.links()).json[0]["people"] == 30


async def test_who_comes_by_a_link_is_shown_as_a_guest_with_a_name(room: Shared) -> None:
    made = await room.make(grants="read", ask_name=True)
    visitor = Visitor(room, made["url"])
    unnamed = await visitor.ask(name=" \u202e\n ")
    assert (unnamed.status, unnamed.json["action"]) == (403, "name")
    ada = await visitor.enter(name="Ada")
    other = await room.join(headers=room.owner)
    await other.send(get("presence", seq=None, presence=True))
    await other.receive()
    await ada.send({"type": "presence", "key": "presence", "value": {"name": "Bob"}})
    await ada.settle()
    told = await other.receive()
    assert told["user"] == {
        "name": "Ada",
        "display_name": "Ada (guest)",
        "guest": True,
        "source": "link",
    }


async def test_a_link_that_has_expired_lets_nobody_in_and_puts_out_who_is(room: Shared) -> None:
    made = await room.make(lifetime_seconds=1.5)
    guest = await Visitor(room, made["url"]).enter()
    await guest.is_closed_with(4401)
    assert (await Visitor(room, made["url"]).ask()).status == 403
    assert (await room.links()).json[0]["expired"]


async def test_a_link_has_no_more_connections_than_allowed(
    room: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.server.hub, "people", People(DriftDB(link_peer_limit=2)))
    made, other = await room.make(), await room.make()
    for browser in ("first", "second"):
        await Visitor(room, made["url"], browser).enter()
    with pytest.raises(HTTPClientError, match="429"):
        await Visitor(room, made["url"], "third").enter()
    await Visitor(room, other["url"], "third").enter()
