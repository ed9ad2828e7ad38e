"""``/room/ID/access``: the owner says who may do what, and everybody finds out at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import HTTPClientError

from driftdb_jupyter.access.credential import Guest
from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.protocol.value import LONG_BYTES, Value
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.http.gathered import Gathered
from driftdb_jupyter.server.limits.room_rates import RoomRates

from .owned import Owned, owned
from .peer import Answer, fetch, get, init, push, pushed
from .servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

STUDENT = {"anyone": ["read", {"can": ["append", "relay"], "prefixes": ["poll/"]}]}
POLL = {
    "anyone": [
        {"can": ["append", "relay"], "prefixes": ["poll/"]},
        {"can": "read", "prefixes": ["poll/"]},
    ]
}


class Ruled(Owned):
    """A room whose policy a test asks for as its owner."""

    async def access(
        self, method: str = "GET", policy: object = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask for the policy, as the owner, or set it."""
        return await fetch(
            f"{self.url}/access",
            method=method,
            body=json.dumps(policy) if method == "PUT" else None,
            headers=self.owner if headers is None else headers,
        )

    @property
    def outside(self) -> int:
        """The status for who may do nothing in it: where names can be guessed, as for no room."""
        return 403 if self.server.jupyter is None else 404

    async def let(self, policy: object) -> None:
        """Set the policy, as the owner."""
        answer = await self.access("PUT", policy)
        assert (answer.status, answer.json) == (200, None)


@pytest.fixture(scope="module", params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = jupyter(rooms={"debug_allowed": True}) if request.param == "jupyter" else standalone()
    with made as server:
        yield server


@pytest_asyncio.fixture
async def room(server: Server) -> AsyncIterator[Ruled]:
    async with owned(server, Ruled) as room:
        yield room


async def test_a_room_has_no_policy_until_its_owner_gives_it_one(room: Ruled) -> None:
    assert (await room.access()).json is None
    await room.let(STUDENT)
    told = await room.access()
    assert told.json == STUDENT | {"users": {}, "groups": {}}
    assert told.headers["Cache-Control"] == "no-store"
    assert (await room.access("DELETE")).status == 200
    assert (await room.access()).json is None
    await room.let(STUDENT)
    await room.let(None)
    assert (await room.access()).json is None


async def test_others_neither_see_nor_set_it(room: Ruled) -> None:
    for policy in (None, STUDENT, {}):
        await room.let(policy)
        for method in ("GET", "PUT", "DELETE"):
            answer = await room.access(method, {}, headers=room.server.headers)
            assert answer.status == (403 if policy != {} else room.outside)
            assert b"anyone" not in answer.body
        assert (await room.access()).json == (
            None if policy is None else {"anyone": [], "users": {}, "groups": {}} | policy
        )


async def test_one_that_is_none_is_refused_and_changes_nothing(room: Ruled) -> None:
    await room.let(STUDENT)
    answer = await room.access("PUT", {"anyone": "look"})
    assert answer.status == 400
    assert answer.json["code"] == "bad_message"
    assert "expected anyone to be of read" in answer.json["message"]
    long = await room.access("PUT", {"anyone": [{"can": "read", "keys": ["k" * 300_000]}]})
    assert (long.status, long.json["code"]) == (413, "too_large")
    assert (await room.access()).json["anyone"] == STUDENT["anyone"]


async def test_it_may_be_set_only_so_often(room: Ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.server.hub, "access_changes", RoomRates(0.01, 2))
    assert [(await room.access(method, STUDENT)).status for method in ("PUT", "DELETE")] == [
        200
    ] * 2
    for method in ("PUT", "DELETE"):
        refused = await room.access(method, STUDENT)
        assert (refused.status, refused.json["code"]) == (429, "rate")
        assert 0 < int(refused.headers["Retry-After"]) <= 100
    for method, path in (("POST", "links"), ("DELETE", "links/none"), ("DELETE", "tokens")):
        body = '{"grants":"read"}' if method == "POST" else None
        url = f"{room.url}/{path}"
        assert (await fetch(url, method=method, body=body, headers=room.owner)).status == 429
    assert (await room.access()).json is None


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [("PUT", "access", STUDENT), ("POST", "links", {"grants": "read"})],
)
async def test_who_is_no_owner_any_more_once_a_body_has_come_changes_nothing(
    room: Ruled, monkeypatch: pytest.MonkeyPatch, method: str, path: str, content: object
) -> None:
    await room.join(headers=room.owner)  # which keeps it open
    hosted = room.server.hub.rooms.find(room.name)
    assert hosted is not None
    kept = hosted.sequencer.room
    whole = Gathered.whole_body

    def taken_meanwhile(request: Any) -> bytes:
        kept.change_access({POLICY: b"{}"})
        request.credential = Guest()
        return whole(request)

    monkeypatch.setattr(Gathered, "whole_body", taken_meanwhile)
    refused = await fetch(
        f"{room.url}/{path}", method=method, body=json.dumps(content), headers=room.owner
    )
    assert refused.status == 403
    assert (kept.access.of("policy"), kept.access.of("link")) == ({"": b"{}"}, {})


async def test_who_may_do_nothing_stays_outside(room: Ruled) -> None:
    await room.let({})
    headers = room.server.headers
    assert (await fetch(room.url, headers=headers)).status == room.outside
    assert (await fetch(f"{room.url}/figures", headers=headers)).status == room.outside
    for message in (get("k"), push("k", 1), {"type": "keys", "prefix": ""}, {"type": "ping"}):
        assert (await room.post(message)).status == room.outside
    for query in (None, "debug=true"):
        with pytest.raises(HTTPClientError) as refused:
            await room.join(query=query)
        assert refused.value.code == room.outside
    owner = await room.join(headers=room.owner)
    await owner.send(get("k"))
    await owner.hears(init("k"))


async def test_who_may_do_nothing_any_more_is_closed_with_4403(room: Ruled) -> None:
    peer, owner = await room.join(), await room.join(headers=room.owner)
    await peer.settle()
    await room.let({})
    await peer.is_closed_with(4403)
    await peer.leave()
    await owner.settle()


async def test_grants_are_given_and_taken_away_while_it_is_open(room: Ruled) -> None:
    peer, owner = await room.join(), await room.join(headers=room.owner)
    await owner.send(push("answers", "a"))
    await owner.settle()
    await peer.send(get("answers"), get("poll/1"))
    await peer.hears(init("answers", {1: "a"}), init("poll/1"))
    await room.let(POLL)
    await owner.send(push("answers", "b"))
    await owner.settle()
    await peer.hears_nothing()
    await peer.send(push("poll/1", 1))
    await peer.hears(pushed("poll/1", 1, 3))
    await peer.send(push("poll/1", 2, "replace"))
    await peer.hears_error("forbidden", key="poll/1", action="replace")
    await room.let({"anyone": "read"})
    await peer.hears(init("answers", {1: "a", 2: "b"}))
    await peer.send(push("poll/1", 1))
    await peer.hears_error("forbidden", key="poll/1", action="append")


async def test_over_http_it_is_the_same(room: Ruled) -> None:
    owner = await room.join(headers=room.owner)
    await owner.send(push("answers", "a"), push("poll/1", 1))
    await owner.settle()
    await room.let(POLL)
    assert (await room.post(get("answers"))).json == init("answers")
    assert (await room.post(get("poll/1"))).json == init("poll/1", {2: 1})
    refused = await room.post(get("answers", epoch=None))
    assert (refused.status, refused.json["key"]) == (403, "answers")
    refused = await room.post(push("poll/1", 2, "replace"))
    assert refused.status == 403
    assert (refused.json["code"], refused.json["key"], refused.json["action"]) == (
        "forbidden",
        "poll/1",
        "replace",
    )
    assert list((await room.post({"type": "keys", "prefix": ""})).json["keys"]) == ["poll/1"]
    assert (await room.post(push("poll/1", 2))).status == 200
    who = get("answers", seq=None, presence=True)
    assert (await room.post(who)).json["clients"] == {}


async def test_a_long_push_over_http_whose_right_is_taken_meanwhile_is_refused(
    room: Ruled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(hosted: HostedRoom, key: str, values: Sequence[Value]) -> Steps[None]:
        hosted.sequencer.room.change_access({POLICY: json.dumps(POLL).encode()})
        yield

    monkeypatch.setattr(HostedRoom, "prepare", prepare)
    refused = await room.post(push("answers", "x" * LONG_BYTES))
    assert (refused.status, refused.json["action"]) == (403, "append")
    answers = await fetch(
        f"{room.url}/send", method="POST", body=json.dumps(get("answers")), headers=room.owner
    )
    assert answers.json == init("answers")


async def test_a_watcher_is_shown_what_it_may_read(room: Ruled) -> None:
    owner = await room.join(headers=room.owner)
    await owner.send(push("answers", "a"), push("poll/1", 1))
    await owner.settle()
    await room.let(POLL)
    watcher = await room.join(query="debug=true")
    await watcher.hears(init("poll/1", {2: 1}))
    await owner.send(push("answers", "b"), push("answers", "c", "relay"), push("poll/1", 2))
    await watcher.hears(init("poll/1", {2: 1, 5: 2}))
    await room.let({"anyone": [{"can": "read", "keys": ["answers"]}]})
    await owner.send(push("poll/1", 3), push("answers", "d"))
    heard: Any = await watcher.receive()
    assert heard["key"] == "answers"


async def test_recovery_tells_nothing_of_what_may_not_be_read(room: Ruled) -> None:
    peer, owner = await room.join(), await room.join(headers=room.owner)
    await peer.send(get("answers", seq=0, epoch=None))
    epoch = (await peer.receive())["epoch"]
    await owner.send(push("answers", "a"))
    await peer.hears(pushed("answers", "a", 1))
    await room.let(POLL)
    await peer.hears_error("forbidden", key="answers", action="read")
    await owner.send(push("answers", "b", "relay"))
    await owner.settle()
    again = await room.join()
    await again.send(get("answers", seq=1, epoch=epoch))
    await again.hears_error("forbidden", key="answers", action="read")
    await again.hears(init("answers", epoch=epoch, recovered=False, seq=0))


async def test_the_figures_are_for_who_may_read_all_of_it(room: Ruled) -> None:
    url, headers = f"{room.url}/figures", room.server.headers
    await room.let({"anyone": "read"})
    assert (await fetch(url, headers=headers)).status == 200
    await room.let(POLL)
    assert (await fetch(url, headers=headers)).status == 403
    assert (await fetch(url, headers=room.owner)).status == 200


async def test_who_may_not_be_present_any_more_is_not_shown(room: Ruled) -> None:
    await room.let({"anyone": ["read", "presence"]})
    peer, owner = await room.join(client="p" * 16), await room.join(headers=room.owner)
    await owner.send(get("here", seq=None, presence=True))
    state: Any = await owner.receive()
    assert state["clients"] == {}
    await peer.send({"type": "presence", "key": "here", "value": 1})
    assert (await owner.receive())["value"] == 1
    await room.let({"anyone": "read"})
    assert (await owner.receive())["value"] is None
    await peer.send({"type": "presence", "key": "here", "value": 1})
    await peer.hears_error("forbidden", key="here", action="presence")
    await room.let({"anyone": ["read", "presence"]})
    await peer.send({"type": "presence", "key": "here", "value": 1})
    assert (await owner.receive())["value"] == 1
    await room.let({})
    assert (await owner.receive())["value"] is None  # at once, without a grace
    await peer.is_closed_with(4403)
    await peer.leave()
