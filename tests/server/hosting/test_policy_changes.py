"""A room's policy changes, and its peers may do what it says from then on, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from itertools import count
from typing import Any
from unittest.mock import Mock

import pytest
import pytest_asyncio

from driftdb_jupyter.access.credential import Guest
from driftdb_jupyter.access.grants import (
    ENDED,
    EVERYTHING,
    NOTHING,
    Grant,
    Grants,
    compile_grants,
)
from driftdb_jupyter.access.identity import GUEST
from driftdb_jupyter.access.room_access import POLICY, RoomAccess
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal
from driftdb_jupyter.protocol.frame import TEXT
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.sending.close_codes import (
    CLOSE_EXPIRED,
    CLOSE_FAULT,
    CLOSE_TOO_SLOW,
)
from driftdb_jupyter.server.sending.turns import Turns

from ..line import Line
from ..world import World, join

pytestmark = pytest.mark.asyncio

SHORT, LONG = "x" * 4000, "x" * 5000


class EndingLine(Line):
    """A line whose outbox can close the peer behind it, as a socket's does."""

    peer: Peer

    def _end(self, code: int, reason: str) -> None:
        super()._end(code, reason)
        self.peer.close(code, reason)


class Lecture:
    """A room with a policy, and its peers."""

    def __init__(self, world: World, hosted: HostedRoom, lines: list[Line]) -> None:
        self.world = world
        self.hosted = hosted
        self._lines = lines

    def come(self) -> EndingLine:
        """Let another peer join."""
        line = EndingLine(self.world.hub.flusher)
        self._lines.append(line)
        line.peer = join(self.world.hub, self.hosted, line, [], subscription_limit=1000)
        return line

    async def let(self, *anyone: object) -> None:
        """Set what anyone may do, and wait until all were told."""
        await self.change(*anyone)
        while self.hosted.mute is not None:
            await asyncio.sleep(0)

    async def change(self, *anyone: object) -> None:
        """Set what anyone may do."""
        content = json.dumps({"anyone": anyone}).encode()
        assert await self.world.hub.rooms.change_access("r", {POLICY: content})

    def values(self, key: str) -> int:
        """The number of values under a key."""
        return self.hosted.sequencer.room.stream(key).value_count


@pytest_asyncio.fixture
async def lecture(lines: list[Line]) -> Lecture:
    world = World()
    return Lecture(world, await world.room(), lines)


def send(peer: Peer, **message: object) -> None:
    assert peer.receive(TEXT, json.dumps(message).encode()) is None


def push(peer: Peer, key: str, value: object = 1) -> None:
    send(peer, type="push", key=key, value=value, action={"type": "append"})


def heard(line: Line) -> list[dict[str, Any]]:
    """What has arrived, decoded."""
    line.flusher.flush()
    data, messages = line.arrived(), []
    while data:
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        messages.append(json.loads(data[start : start + length]))
        data = data[start + length :]
    return messages


async def test_a_peer_that_is_too_slow_for_it_keeps_it_from_nobody(lecture: Lecture) -> None:
    slow, other = lecture.come(), lecture.come()
    keys = [*map(str, range(30)), "long", "last"]
    for key in keys:
        push(other.peer, key, LONG if key == "long" else SHORT)
    narrow = {"can": "read", "keys": ["open"]}
    await lecture.let(narrow, {"can": "append", "keys": ["p"]})
    for key in keys:
        send(slow.peer, type="get", key=key)
    push(other.peer, "p")
    assert lecture.values("p") == 1
    await lecture.let("read")
    assert slow.ended == [CLOSE_TOO_SLOW]
    push(other.peer, "p")
    assert lecture.values("p") == 1
    assert heard(other)[-1]["action"] == "append"
    assert not other.outbox.closed


async def test_one_that_it_ends_hears_of_no_key_any_more(lecture: Lecture) -> None:
    slow, other = lecture.come(), lecture.come()
    for key in [*map(str, range(30)), "long"]:
        push(other.peer, key, LONG if key == "long" else SHORT)
        send(slow.peer, type="get", key=key)
    assert slow.ended == [CLOSE_TOO_SLOW]
    assert lecture.world.hub.subscriptions.byte_count == 0


async def test_who_it_can_not_be_told_to_may_do_nothing_more(
    lecture: Lecture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = lecture.come(), lecture.come()
    told = Mock(side_effect=RuntimeError("on purpose"))
    monkeypatch.setattr(lecture.hosted, "presence", Mock(restrict=told))
    await lecture.let("read", {"can": "append", "keys": ["p"]})
    assert told.call_count == 2
    for line in (first, second):
        assert line.ended == [CLOSE_FAULT]
        push(line.peer, "p")
    assert lecture.values("p") == 0
    assert "What a connection may do can't be told" in caplog.text


async def test_what_was_given_in_part_comes_back_as_it_was_asked_for(lecture: Lecture) -> None:
    line, other = lecture.come(), lecture.come()
    for value in range(5):
        push(other.peer, "k", value)
    send(line.peer, type="get", key="k", seq=None, presence=True)
    send(line.peer, type="get", key="k", epoch=None, limit=2, stamps=True)
    heard(line)
    await lecture.let({"can": "read", "keys": ["open"]})
    assert [message["type"] for message in heard(line)] == ["error"]
    await lecture.let("read")
    init, presence = heard(line)
    assert (init["type"], init["more"], len(init["data"])) == ("init", True, 2)
    assert all("time" in entry for entry in init["data"]), init
    assert presence["type"] == "presence_state"


async def test_all_that_was_asked_for_of_a_key_comes_when_it_may_be_read(lecture: Lecture) -> None:
    line, other = lecture.come(), lecture.come()
    push(other.peer, "k")
    await lecture.let({"can": "read", "keys": ["open"]})
    send(line.peer, type="get", key="k")
    send(line.peer, type="get", key="k", seq=None, presence=True)
    heard(line)
    await lecture.let("read")
    assert [message["type"] for message in heard(line)] == ["init", "presence_state"]


async def test_many_keys_come_back_in_turns(lecture: Lecture) -> None:
    line = lecture.come()
    await lecture.let({"can": "read", "keys": ["open"]})
    for key in range(200):
        send(line.peer, type="get", key=str(key))
    heard(line)
    await lecture.let("read")
    told = len(heard(line))
    assert 0 < told < 200
    send(line.peer, type="unsubscribe", key="199")
    for _ in range(20):
        await lecture.world.settle()
        told += len(heard(line))
    assert told == 199


class Asked:
    """A credential that is asked each time, as Jupyter's: ``allows`` may change."""

    identity = GUEST
    expires_at: float | None = None
    steady = False

    def __init__(self) -> None:
        self.allows = EVERYTHING

    def grants(self, access: RoomAccess) -> Grants:
        return self.allows

    def may_create(self) -> bool:
        return False

    def revalidate(self) -> bool:
        return True


class OfPolicy(Asked):
    """A credential that is asked each time, and gives what the policy does."""

    def grants(self, access: RoomAccess) -> Grants:
        return EVERYTHING if access.policy is None else access.grants_for(GUEST)


@pytest.fixture
def slow(lecture: Lecture) -> Lecture:
    """A lecture in which each piece of work for many takes long."""
    lecture.world.hub.backlog.turns = Turns(clock=count().__next__)
    return lecture


async def test_many_are_told_one_after_the_other(slow: Lecture) -> None:
    lines = [slow.come() for _ in range(100)]
    await slow.change()
    ended = sum(line.outbox.closed for line in lines)
    assert ended < 50
    for line in lines:  # and none of them may do anything any more
        push(line.peer, "k")
    assert slow.values("k") == 0
    while slow.hosted.mute is not None:
        await asyncio.sleep(0)
    assert [line.outbox.closed for line in lines] == 100 * [True]


async def test_nobody_hears_more_of_a_key_who_was_not_told_yet(slow: Lecture) -> None:
    writer, *lines = [slow.come() for _ in range(20)]
    for line in lines:
        send(line.peer, type="get", key="secret", epoch=None)
        send(line.peer, type="get", key="open", epoch=None)
        send(line.peer, type="get", key="desk", seq=None, presence=True)
        heard(line)
    await slow.change({"can": "read", "keys": ["open"]}, {"can": ["append", "presence"]})
    push(writer.peer, "secret")
    push(writer.peer, "open")
    send(writer.peer, type="presence", key="desk", value="here")
    told = [[message["type"] for message in heard(line)] for line in lines]
    assert ["push"] in told
    assert all(types.count("push") == 1 for types in told), told
    assert not any("presence" in types for types in told), told
    while slow.hosted.mute is not None:
        await asyncio.sleep(0)
    for line, before in zip(lines, told, strict=True):
        after = heard(line)
        errors = [message["key"] for message in after if message["type"] == "error"]
        assert errors == ["secret"] or "error" in before


async def test_who_has_to_be_asked_is_asked_before_anything_more_is_heard(slow: Lecture) -> None:
    writer, *lines = [slow.come() for _ in range(5)]
    asked = [Asked() for _ in lines]
    for line, credential in zip(lines, asked, strict=True):
        line.peer.renew(credential)
        send(line.peer, type="get", key="k", epoch=None)
        heard(line)
        credential.allows = NOTHING
    await slow.change("write")
    push(writer.peer, "k")
    assert [line.outbox.closed for line in lines] == 4 * [True]
    assert not any(message["type"] == "push" for line in lines for message in heard(line))


async def test_however_many_have_to_be_asked_none_of_them_hears_more(lecture: Lecture) -> None:
    writer, *lines = [lecture.come() for _ in range(200)]
    for number, line in enumerate(lines):
        line.peer.author = Author(f"client {number}")
        line.peer.renew(OfPolicy())
        send(line.peer, type="get", key="secret", epoch=None)
        send(line.peer, type="presence", key="desk", value=1)
    await lecture.change({"can": ["read"], "keys": ["open"]}, {"can": ["append"]})
    while lecture.hosted.mute is not None:
        await asyncio.sleep(0)
    for line in lines:
        heard(line)
    push(writer.peer, "secret")
    assert lecture.values("secret") == 1
    assert not any(message["type"] == "push" for line in lines for message in heard(line))
    assert not any(line.outbox.closed for line in lines)


class Late(Asked):
    """A credential whose authorizer takes its time; ``answered``: how many answers it may give."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Semaphore(0)

    def grants(self, access: RoomAccess) -> Awaitable[Grants]:  # type: ignore[override]
        return self._answer(access)

    async def _answer(self, access: RoomAccess) -> Grants:
        await self.answered.acquire()
        return self.allows if access.policy is None else access.grants_for(GUEST)


async def late(lecture: Lecture, *keys: str) -> tuple[EndingLine, Late]:
    """A peer that has to be asked about, and hears of some keys."""
    line = lecture.come()
    for key in keys:
        send(line.peer, type="get", key=key, epoch=None)
    send(line.peer, type="get", key="desk", seq=None, presence=True)
    heard(line)
    credential = Late()
    credential.answered.release()
    renewing = line.peer.renew(credential)
    assert renewing is not None
    await renewing
    return line, credential


async def test_who_is_asked_about_hears_nothing_more_until_others_have_answered(
    lecture: Lecture,
) -> None:
    writer = lecture.come()
    line, credential = await late(lecture, "secret", "open", "quiet")
    await lecture.change({"can": "read", "keys": ["open"]}, {"can": ["append", "presence"]})
    for _ in range(3):
        push(writer.peer, "secret")
        push(writer.peer, "open")
        send(writer.peer, type="presence", key="desk", value="here")
        await lecture.world.settle()
        assert heard(line) == []
    assert not line.peer.may_read("open")
    credential.answered.release()
    while lecture.hosted.mute is not None:
        await asyncio.sleep(0)
    told = {message["key"]: message for message in heard(line)}
    assert told["open"]["type"] == "init"
    assert len(told["open"]["data"]) == 3
    assert told["secret"]["type"] == told["quiet"]["type"] == "error"
    push(writer.peer, "secret")
    push(writer.peer, "open")
    assert [(message["type"], message["key"]) for message in heard(line)] == [("push", "open")]


async def test_each_of_several_changes_waits_for_an_answer_of_its_own(lecture: Lecture) -> None:
    writer = lecture.come()
    line, credential = await late(lecture, "k")
    for _ in range(2):
        await lecture.change("write")
        push(writer.peer, "k")
        await lecture.world.settle()
    credential.answered.release()
    await lecture.world.settle()
    heard(line)
    push(writer.peer, "k")
    assert heard(line) == []
    credential.answered.release()
    while lecture.hosted.mute is not None:
        await asyncio.sleep(0)
    (told,) = heard(line)
    assert (told["type"], len(told["data"])) == ("init", 3)


async def test_who_is_asked_about_because_time_has_passed_hears_on_meanwhile(
    lecture: Lecture,
) -> None:
    writer = lecture.come()
    line, credential = await late(lecture, "k")
    lecture.world.hub.check_credentials()
    push(writer.peer, "k")
    assert [message["type"] for message in heard(line)] == ["push"]
    credential.answered.release()
    await lecture.world.settle()
    push(writer.peer, "k")
    assert [message["type"] for message in heard(line)] == ["push"]


class Given(Guest):
    """A credential of which it is known what it allows."""

    def __init__(self, grants: Grants) -> None:
        self._allows = grants

    def grants(self, access: RoomAccess) -> Grants:
        """Return that."""
        return self._allows


async def test_an_answer_about_the_credential_before_gives_nothing(lecture: Lecture) -> None:
    line, before = await late(lecture, "secret", "open")
    await lecture.change("write")
    await lecture.world.settle()
    narrow = compile_grants(Grant(("read",), keys=("open",)))
    line.peer.renew(Given(narrow))
    heard(line)
    asked = line.peer.is_asking
    before.answered.release()
    await lecture.world.settle()
    assert asked
    assert not line.peer.may_read("secret")
    push(lecture.come().peer, "secret", 42)
    assert heard(line) == []


async def test_an_answer_about_the_credential_before_ends_nothing(lecture: Lecture) -> None:
    line, before = await late(lecture, "open")
    before.allows = NOTHING
    await lecture.change({"can": "append"})
    await lecture.world.settle()
    assert line.peer.is_asking
    line.peer.renew(Given(EVERYTHING))
    before.answered.release()
    await lecture.world.settle()
    assert not line.outbox.closed
    assert line.peer.may_read("open")


async def test_one_before_that_has_ended_does_not_end_the_one_after(lecture: Lecture) -> None:
    line = lecture.come()
    ended = asyncio.get_running_loop().create_future()

    class Asked(Given):
        def revalidate(self) -> Awaitable[bool]:  # type: ignore[override]
            return ended

    line.peer.renew(Asked(EVERYTHING))
    asking = line.peer.revalidate()
    assert asking is not None
    following = asyncio.ensure_future(asking)
    await asyncio.sleep(0)
    line.peer.renew(Given(EVERYTHING))
    ended.set_result(False)
    await following
    assert not line.outbox.closed
    line.peer.renew(Asked(EVERYTHING))
    asking = line.peer.revalidate()
    assert asking is not None
    await asking
    assert line.outbox.closed


async def test_one_that_leaves_before_it_is_answered_keeps_nobody_waiting(
    lecture: Lecture,
) -> None:
    line, credential = await late(lecture, "k")
    await lecture.change("write")
    push(lecture.come().peer, "k")
    lecture.world.hub.leave(line.peer)
    credential.answered.release()
    while lecture.hosted.mute is not None:
        await asyncio.sleep(0)


async def test_one_that_fails_then_is_closed_alone(slow: Lecture) -> None:
    first, other = slow.come(), slow.come()
    credential = Asked()
    credential.steady = True
    first.peer.renew(credential)
    for line in (first, other):
        send(line.peer, type="get", key="k", epoch=None)
        heard(line)
    await slow.change("write")
    credential.allows = None  # type: ignore[assignment]  # which no credential returns
    push(other.peer, "k")
    assert first.ended == [CLOSE_FAULT]
    assert [message["type"] for message in heard(other)] == ["push"]


async def test_whose_credential_was_taken_back_is_told_so_whatever_it_asks_first(
    slow: Lecture,
) -> None:
    closed: list[int] = []
    lines = [slow.come() for _ in range(5)]
    for line in lines:
        credential = Asked()
        credential.steady = True
        line.peer.renew(credential)
        credential.allows = ENDED
        line.peer._close = lambda code, reason: closed.append(code)
    await slow.change("write")
    for line in lines:
        if not line.outbox.closed:
            send(line.peer, type="get", key="k")
    assert closed == 5 * [CLOSE_EXPIRED]


async def test_many_keys_are_lost_in_turns(lecture: Lecture) -> None:
    line, other = lecture.come(), lecture.come()
    for key in range(200):
        send(line.peer, type="get", key=str(key), epoch=None)
        heard(line)
    refused: list[Refusal] = []
    line.peer._refused = refused.append
    await lecture.let({"can": "read", "keys": ["open"]}, {"can": "append"})
    assert 0 < len(refused) < 200
    push(other.peer, "199")
    for _ in range(20):
        await lecture.world.settle()
        assert not any(message["type"] == "push" for message in heard(line))
    assert len(refused) == 200
