"""The contract that every broker passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Raw

from driftdb_jupyter.access.policy import parse_policy
from driftdb_jupyter.access.room_access import POLICY, OutOfDate
from driftdb_jupyter.broker.broker import Broker
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import BadMessage, Conflict, QuotaExceeded
from driftdb_jupyter.protocol.messages import Action, Append, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.presence import PresenceLimits
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Applied, Room

from .brokers import CLIENT, MakeBroker, Record, kept, make, opened, push

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["memory", "batched", "synced", "redis"])
async def make_broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeBroker]:
    made: list[Broker] = []

    def make_and_note(**options: Any) -> Broker:
        made.append(make(request.param, tmp_path, **options))
        return made[-1]

    yield make_and_note
    for broker in made:
        await broker.close()


async def test_a_room_is_there_once_it_was_created(make_broker: MakeBroker) -> None:
    broker = make_broker()
    assert await broker.open("room", Record()) is None
    await broker.create("room")
    assert await broker.open("room", Record()) is not None
    assert await broker.open("other", Record()) is None


async def test_whether_a_room_is_there_is_told_without_opening_it(make_broker: MakeBroker) -> None:
    broker = make_broker()
    assert not await broker.has("room")
    await broker.create("room")
    assert await broker.has("room")
    await broker.delete("room")
    assert not await broker.has("room")


async def test_creating_a_room_again_leaves_it_as_it_is(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    sequencer = await opened(broker, record)
    push(sequencer, record)
    await record.answered(1)
    await broker.create("room")
    again = await broker.open("room", Record())
    assert again is not None
    assert again.room.seq == 1


async def test_the_audience_hears_a_push_before_the_pusher_is_answered(
    make_broker: MakeBroker,
) -> None:
    record = Record()
    sequencer = await opened(make_broker(), record)
    push(sequencer, record)
    await record.answered(1)
    push(sequencer, record)
    await record.answered(2)
    assert record.heard == [("broadcast", 1), ("answer", 1), ("broadcast", 2), ("answer", 2)]


async def test_pushes_are_broadcast_and_answered_in_order(make_broker: MakeBroker) -> None:
    record = Record(client=CLIENT)
    sequencer = await opened(make_broker(), record)
    actions: list[Action] = [Append(), Relay(), Replace(), Relay(), Append()]
    for number, action in enumerate(actions, 1):
        push(sequencer, record, action, push_id=number)
    await record.answered(5)
    for what in ("broadcast", "answer"):
        assert [seq for kind, seq in record.heard if kind == what] == [1, 2, 3, 4, 5]


async def test_a_refusal_keeps_its_turn(make_broker: MakeBroker) -> None:
    record = Record(client=CLIENT)
    sequencer = await opened(make_broker(), record)
    push(sequencer, record, push_id=1)
    push(sequencer, record, push_id=2, if_seq=7)
    push(sequencer, record, push_id=3, if_seq=1)
    await record.answered(3)
    assert [what for kind, what in record.heard if kind == "answer"] == [1, Conflict, 2]


async def test_a_refusal_is_for_the_pusher_alone(make_broker: MakeBroker) -> None:
    audience, pusher = Record(), Record()
    sequencer = await opened(make_broker(), audience)
    push(sequencer, pusher, if_seq=5)
    await pusher.answered(1)
    assert audience.heard == []
    assert pusher.heard == [("answer", Conflict)]


async def test_a_push_sent_twice_is_applied_once_and_answered_twice(
    make_broker: MakeBroker,
) -> None:
    record = Record(client=CLIENT)
    sequencer = await opened(make_broker(), record)
    push(sequencer, record, push_id=1)
    push(sequencer, record, push_id=1)
    await record.answered(2)
    push(sequencer, record, push_id=1)
    await record.answered(3)
    assert sorted(record.heard, key=str) == [*[("answer", 1)] * 3, ("broadcast", 1)]


async def test_a_room_that_was_left_is_as_it_was(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    sequencer = await opened(broker, record)
    epoch = sequencer.room.epoch
    push(sequencer, record)
    push(sequencer, record, Relay())
    await record.answered(2)
    await broker.leave("room")
    again = await broker.open("room", record)
    assert again is not None
    assert (again.room.seq, again.room.epoch) == (2, epoch)
    assert [entry.seq for entry in again.room.read("k")] == [1]


async def test_there_are_no_more_rooms_than_allowed(make_broker: MakeBroker) -> None:
    broker = make_broker(room_limit=1)
    await broker.create("a")
    with pytest.raises(QuotaExceeded, match="at most 1 rooms"):
        await broker.create("b")
    await broker.create("a")
    await broker.delete("a")
    await broker.create("b")


async def test_a_room_holds_no_more_than_its_quota(make_broker: MakeBroker) -> None:
    record = Record()
    sequencer = await opened(make_broker(quota=Quota(stream_length=1)), record)
    push(sequencer, record)
    push(sequencer, record)
    await record.answered(2)
    assert isinstance(record.answers[1], QuotaExceeded)


async def test_a_deleted_room_is_gone_and_a_new_one_of_its_name_begins_anew(
    make_broker: MakeBroker,
) -> None:
    broker, record = make_broker(), Record()
    before = await opened(broker, record)
    push(before, record)
    await record.answered(1)
    await broker.leave("room")
    assert await broker.delete("room")
    assert not await broker.delete("room")
    assert await broker.open("room", record) is None
    after = await opened(broker, record)
    assert (after.room.seq, after.room.keys) == (0, [])
    assert after.room.epoch != before.room.epoch


async def test_who_pushes_while_a_room_is_deleted_is_answered_and_brings_nothing_back(
    make_broker: MakeBroker,
) -> None:
    broker, record = make_broker(), Record(client=CLIENT)
    sequencer = await opened(broker, record)
    push(sequencer, record, push_id=1)
    deleting = asyncio.create_task(broker.delete("room"))
    for number in range(2, 5):
        await asyncio.sleep(0)
        push(sequencer, record, push_id=number)
    assert await deleting
    push(sequencer, record, push_id=5)
    await record.answered(5)
    assert [each for what, each in record.heard if what == "answer"] == [1, 2, 3, 4, 5]
    await opened(broker, record, "other")  # which is written after all of that
    assert [summary.name for summary in await broker.summaries()] == ["other"]


async def test_only_rooms_that_nobody_used_expire(make_broker: MakeBroker) -> None:
    now = 100.0
    broker = make_broker(clock=lambda: now)
    for name in ("used", "left", "late"):
        await opened(broker, Record(), name)
    await broker.leave("left")
    now = 200.0
    await broker.leave("late")
    assert await broker.expire(room_seconds=50.0, client_seconds=50.0) == ["left"]
    assert [summary.name for summary in await broker.summaries()] == ["late", "used"]


async def test_summaries_tell_of_all_rooms(make_broker: MakeBroker) -> None:
    broker, record = make_broker(clock=partial(float, 7)), Record()
    await broker.create("empty")
    for name in ("open", "left"):
        sequencer = await opened(broker, record, name)
        push(sequencer, record, text='"abc"')
        push(sequencer, record, Relay())
    await record.answered(4)
    await broker.leave("left")
    summaries = await broker.summaries()
    assert [(s.name, s.seq, s.keys, s.bytes, s.used_at) for s in summaries] == [
        ("empty", 0, 0, 0, 7.0),
        ("left", 2, 1, 5, 7.0),
        ("open", 2, 1, 5, 7.0),
    ]


async def test_a_whole_room_can_be_restored(make_broker: MakeBroker) -> None:
    source = Room(epoch="elsewhere")
    for key, value in (
        ("k", Value.from_json(b"1.0")),
        ("k", Value.from_cbor(b"\x42ab")),
        ("other", Value.from_json(b"3")),
    ):
        source.apply(Push(key, Append(), Raw(b"-")), [value])
    broker = make_broker()
    await broker.restore("room", source)
    sequencer = await broker.open("room", Record())
    assert sequencer is not None
    assert kept(sequencer.room) == kept(source)
    assert sequencer.room.read("k")[1].value.as_cbor() == b"\x42ab"
    record = Record()
    push(sequencer, record, Append())
    await record.answered(1)
    assert record.heard[-1] == ("answer", 4)
    with pytest.raises(BadMessage, match="got 'room': there is such a room"):
        await broker.restore("room", source)


async def test_a_room_can_be_put_in_the_place_of_another(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record(client=CLIENT)
    before = await opened(broker, record)
    push(before, record, text="1", push_id=1)
    await record.answered(1)
    await broker.replace("room", imported())
    assert record.heard[-1] == ("reset", None)
    after = await broker.open("room", record)
    assert after is not None
    assert kept(after.room) == kept(imported())
    assert after.room.epoch != before.room.epoch
    push(before, record, push_id=2)  # which comes too late
    await record.answered(2)
    push(after, record, push_id=1)  # again, for its client may not have heard of the ack
    await record.answered(3)
    assert isinstance(record.answers[-1], Applied)
    assert record.answers[-1].seq == 1
    assert kept(after.room) == kept(imported())
    push(after, record, push_id=3)
    await record.answered(4)
    assert isinstance(record.answers[-1], Applied)
    assert record.answers[-1].seq == after.room.seq == 3
    await broker.replace("new", imported())
    assert [summary.name for summary in await broker.summaries()] == ["new", "room"]


async def test_a_room_that_cant_be_put_there_leaves_the_other_one(make_broker: MakeBroker) -> None:
    broker, record = make_broker(room_limit=1), Record()
    sequencer = await opened(broker, record)
    await broker.replace("room", imported())
    with pytest.raises(QuotaExceeded):
        await broker.replace("one too many", imported())
    assert record.heard[-1] == ("reset", None)
    assert await broker.open("room", record) is not sequencer
    await broker.delete("room")
    await broker.create("another")


async def test_who_may_do_what_is_kept_with_the_room(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    assert await broker.access("room") is None
    assert not await broker.change_access("room", {POLICY: b"{}"})
    sequencer = await opened(broker, record)
    assert await broker.change_access("room", {POLICY: b'{"anyone":"read"}', ("link", "a"): b"1"})
    assert record.heard == [("access changed", None)]
    assert sequencer.room.access.policy is not None
    await broker.leave("room")
    assert await broker.change_access("room", {("link", "a"): None, ("link", "b"): b"2"})
    access = await broker.access("room")
    assert access is not None
    assert access.name == "room"
    assert access.of("link") == {"b": b"2"}
    again = await opened(broker, Record())
    assert again.room.access.policy == parse_policy({"anyone": "read"})
    assert again.room.access.of("link") == {"b": b"2"}


async def test_a_change_of_access_that_is_refused_changes_nothing(make_broker: MakeBroker) -> None:
    broker, record = make_broker(quota=Quota(access_bytes=100)), Record()
    await opened(broker, record)
    with pytest.raises(BadMessage, match="anyone"):
        await broker.change_access("room", {POLICY: b'{"anyone":"look"}', ("link", "a"): b"1"})
    with pytest.raises(QuotaExceeded, match="at most 100 bytes"):
        await broker.change_access("room", {("link", "a"): b"1" * 100})
    access = await broker.access("room")
    assert access is not None
    assert list(access) == []
    assert record.heard == []


async def test_a_change_from_what_is_no_longer_so_changes_nothing(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    await opened(broker, record)
    link = ("link", "a")
    assert await broker.change_access("room", {link: b"1"}, expected={link: None})
    for expected in ({link: None}, {link: b"2"}, {link: b"1", ("link", "b"): b"1"}):
        with pytest.raises(OutOfDate):
            await broker.change_access("room", {link: b"3"}, expected=expected)
    assert await broker.change_access("room", {link: None}, expected={link: b"1"})
    access = await broker.access("room")
    assert access is not None
    assert list(access) == []


async def test_a_deleted_room_takes_its_access_along(make_broker: MakeBroker) -> None:
    broker = make_broker()
    await opened(broker, Record())
    await broker.change_access("room", {POLICY: b"{}"})
    await broker.delete("room")
    assert await broker.access("room") is None
    await broker.create("room")
    access = await broker.access("room")
    assert access is not None
    assert access.policy is None


async def test_the_audience_hears_that_its_room_is_deleted(make_broker: MakeBroker) -> None:
    broker, record, other = make_broker(), Record(), Record()
    await opened(broker, record)
    await opened(broker, other, "other")
    assert await broker.delete("room")
    assert record.heard == [("deleted", None)]
    assert other.heard == []


async def test_the_audience_hears_who_comes_and_goes(make_broker: MakeBroker) -> None:
    audience, author = Record(), Author("her")
    presence = make_broker().presence(
        "room", audience, limits=PresenceLimits(count=2), grace_seconds=0.0
    )
    presence.joined("her")
    presence.set("k", author, Value.from_json(b"1"))
    presence.set("k", author, Value.from_json(b"1"))
    presence.set("l", author, Value.from_json(b"2"))
    with pytest.raises(QuotaExceeded, match="at most 2 presences"):
        presence.set("m", author, Value.from_json(b"3"))
    presence.withdraw("l", "her")
    assert [who for who, _ in presence.there("k")] == [author]
    assert not presence.leaving
    presence.left("her")
    assert presence.leaving
    presence.expire()
    assert not presence.leaving
    assert audience.heard == [
        ("present", ("k", b"1")),
        ("present", ("l", b"2")),
        ("gone", "l"),
        ("gone", "k"),
    ]


async def test_clients_that_are_there_no_more_are_forgotten_beyond_a_number(
    make_broker: MakeBroker,
) -> None:
    broker, audience = make_broker(producer_limit=10), Record()
    sequencer = await opened(broker, audience)
    for number in range(100):
        record = Record(client=f"{number:016}")
        sequencer.joined(f"{number:016}")
        push(sequencer, record, Relay(), push_id=1)
        await record.answered(1)
        if number:
            sequencer.left(f"{number:016}")
    assert len(sequencer.room.producers) <= 10
    assert "0" * 16 in sequencer.room.producers  # which is still there
    assert f"{99:016}" in sequencer.room.producers


async def test_clients_that_push_nothing_leave_nothing_behind(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record(client=CLIENT)
    sequencer = await opened(broker, record)
    sequencer.joined(CLIENT)
    push(sequencer, record)
    push(sequencer, record, push_id=1, if_seq=7)  # refused
    await record.answered(2)
    sequencer.left(CLIENT)
    assert len(sequencer.room.producers) == 0


class TestExpiry:
    DAY = 86_400.0

    async def test_a_machine_that_was_asleep_deletes_nothing(self, make_broker: MakeBroker) -> None:
        now, steady = 1_000_000.0, 0.0
        broker = make_broker(clock=lambda: now, monotonic=lambda: steady)
        await broker.create("room")
        now += 40 * self.DAY
        assert await broker.expire(room_seconds=30 * self.DAY, client_seconds=self.DAY) == []
        now += 29 * self.DAY
        steady += 29 * self.DAY
        assert await broker.expire(room_seconds=30 * self.DAY, client_seconds=self.DAY) == []
        now += 2 * self.DAY
        steady += 2 * self.DAY
        assert await broker.expire(room_seconds=30 * self.DAY, client_seconds=self.DAY) == ["room"]

    async def test_a_clock_that_is_set_forward_forgets_no_client(
        self, make_broker: MakeBroker
    ) -> None:
        now = 1_000_000.0
        record = Record(client=CLIENT)
        broker = make_broker(clock=lambda: now, monotonic=lambda: 0.0)
        sequencer = await opened(broker, record)
        sequencer.joined(CLIENT)
        push(sequencer, record, push_id=1)
        await record.answered(1)
        sequencer.left(CLIENT)
        now += 2 * self.DAY
        await broker.expire(room_seconds=0, client_seconds=self.DAY)
        push(sequencer, record, push_id=1)
        await record.answered(2)
        assert sequencer.room.seq == 1


def imported() -> Room:
    room = Room(epoch="elsewhere")
    for value in (Value.from_json(b'"new"'), Value.from_cbor(b"\x42ab")):
        room.apply(Push("new", Append(), Raw(b"-")), [value])
    return room
