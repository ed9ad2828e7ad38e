"""Several brokers that share rooms through Redis, in one process."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Raw

from driftdb_jupyter.access.room_access import POLICY, OutOfDate
from driftdb_jupyter.broker.redis import open_rooms
from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.broker.redis.record import Pushes, encode_body
from driftdb_jupyter.broker.redis.record import Record as LogRecord
from driftdb_jupyter.broker.redis.replica import HistoryLost
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.broker.redis.snapshot import write_snapshot
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import QuotaExceeded, Unavailable
from driftdb_jupyter.protocol.messages import (
    Action,
    Append,
    Compact,
    Delete,
    Push,
    Relay,
    Replace,
)
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.presence import PresenceLimits
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Applied, Room

from ..brokers import CLIENT, Record, kept, opened, push, running
from .servers import RedisServer, shared_server

pytestmark = pytest.mark.asyncio

_prefixes = (f"test-{number}:" for number in itertools.count())

MakeBroker = Callable[..., RedisBroker]


@pytest_asyncio.fixture
async def make_broker() -> AsyncIterator[MakeBroker]:
    """Brokers that share the rooms of one Redis; with ``server`` of that one."""
    prefix, made = next(_prefixes), []

    def make(server: RedisServer | None = None, **options: Any) -> RedisBroker:
        place = RedisPlace((server or shared_server()).url, timeout_seconds=1.0)
        made.append(RedisBroker(place, prefix=prefix, **options))
        return made[-1]

    yield make
    for broker in made:
        await broker.close()


@asynccontextmanager
async def own_server(*settings: str) -> AsyncIterator[RedisServer]:
    server = await asyncio.to_thread(RedisServer, *settings)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.close)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true of a broker that nobody tells of it."""

    async def look() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(look(), 20)


async def beats(*brokers: RedisBroker) -> None:
    """Have brokers look twice, as they do every second."""
    for _ in range(2):
        for broker in brokers:
            broker.look()
            assert broker._beating is not None
            await broker._beating


async def test_a_push_is_heard_at_all_and_answered_where_it_came(make_broker: MakeBroker) -> None:
    here, there = Record(client=CLIENT), Record()
    at_one = await opened(make_broker(), here)
    at_other = await opened(make_broker(), there)
    push(at_one, here, push_id=1)
    await here.answered(1)
    await until(lambda: bool(there.heard))
    assert here.heard == [("broadcast", 1), ("answer", 1)]
    assert there.heard == [("broadcast", 1)]
    assert at_one.room.epoch == at_other.room.epoch


async def test_a_push_sent_again_to_another_server_is_applied_once(make_broker: MakeBroker) -> None:
    here, there = Record(client=CLIENT), Record(client=CLIENT)
    push(await opened(make_broker(), here), here, push_id=1)
    push(await opened(make_broker(), there), there, push_id=1)
    await here.answered(1)
    await there.answered(1)
    assert [
        record.answers[0].seq for record in (here, there) if isinstance(record.answers[0], Applied)
    ] == [1, 1]


async def test_a_client_that_knows_more_is_answered_once_that_is_known_here(
    make_broker: MakeBroker,
) -> None:
    one, other = make_broker(), make_broker()
    here, there = Record(client=CLIENT), Record()
    at_one, at_other = await opened(one, here), await opened(other, there)
    deaf(other)
    push(at_one, here, push_id=1)
    await here.answered(1)
    assert at_other.room.seq == 0
    assert at_other.behind(at_one.room.epoch, 0) is None
    behind = at_other.behind(at_one.room.epoch, 1)
    assert behind is not None
    assert await behind
    assert at_other.room.seq == 1
    unknown = at_other.behind(at_one.room.epoch, 2)
    assert unknown is not None
    assert not await unknown


async def test_of_a_room_that_nobody_is_in_nothing_is_kept(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    presence = broker.presence("room", record, limits=PresenceLimits(), grace_seconds=1)
    assert await broker.open("room", record) is None
    assert "room" in broker._presences
    presence.close()
    await until(lambda: "room" not in broker._presences)


async def test_a_room_in_which_nothing_happens_is_not_told_of(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record(client=CLIENT)
    busy, idle = [await opened(broker, record, name) for name in ("busy", "idle")]
    push(busy, record, push_id=1)
    await record.answered(1)
    assert list(broker._rooms._changed) == [busy]
    await beats(broker)
    assert not broker._rooms._changed
    assert [each.seq for each in await broker.summaries()] == [1, 0]
    assert idle.room.seq == 0


async def test_a_room_that_is_deleted_elsewhere_ends(make_broker: MakeBroker) -> None:
    one, record = make_broker(), Record()
    await opened(one, record)
    assert await make_broker().delete("room")
    await until(lambda: bool(record.heard))
    assert record.heard == [("deleted", None)]
    assert await one.open("room", record) is None


async def test_a_deletion_that_was_not_heard_is_found_out(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, record = make_broker(), Record()
    await opened(one, record)
    monkeypatch.setattr(one._rooms, "_heard", lambda channel, message: None)
    assert one._rooms._listener is not None
    monkeypatch.setattr(one._rooms._listener, "_heard", lambda channel, message: None)
    await make_broker().delete("room")
    await beats(one)
    await until(lambda: bool(record.heard))
    assert record.heard == [("deleted", None)]


async def test_a_room_that_is_replaced_elsewhere_is_read_anew(make_broker: MakeBroker) -> None:
    one, record = make_broker(), Record()
    before = await opened(one, record)
    source = Room(epoch="elsewhere")
    source.apply(Push("k", Append(), Raw(b"-")), [Value.from_json(b'"new"')])
    await make_broker().replace("room", source)
    await until(lambda: bool(record.heard))
    assert record.heard == [("reset", None)]
    after = await one.open("room", Record())
    assert after is not None
    assert kept(after.room) == kept(source)
    assert after.room.epoch != before.room.epoch


async def test_a_change_of_access_is_heard_at_all(make_broker: MakeBroker) -> None:
    one, record = make_broker(), Record()
    sequencer = await opened(one, record)
    assert await make_broker().change_access("room", {POLICY: b'{"anyone":"read"}'})
    await until(lambda: bool(record.heard))
    assert record.heard == [("access changed", None)]
    assert sequencer.room.access.policy is not None


async def test_of_two_who_change_from_the_same_the_later_is_told(make_broker: MakeBroker) -> None:
    one, other = make_broker(), make_broker()
    for broker in (one, other):
        await opened(broker, Record())
    link = ("link", "a")
    changes = [
        broker.change_access("room", {link: content}, expected={link: None})
        for broker, content in ((one, b"1"), (other, b"2"))
    ]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {bool, OutOfDate}
    winner = b"1" if outcomes[0] is True else b"2"
    for broker in (one, other):
        access = await broker.access("room")  # whoever was told has the new one
        assert access is not None
        if broker is (other if outcomes[0] is True else one):
            assert access.get(*link) == winner


async def test_messages_that_are_lost_are_read_from_the_log(make_broker: MakeBroker) -> None:
    random, one, other = Random(7), make_broker(), make_broker()
    here, there = Record(), Record()
    at_one, at_other = await opened(one, here), await opened(other, there)
    assert other._rooms._listener is not None
    heard = other._rooms._listener._heard
    other._rooms._listener._heard = lambda channel, message: (
        heard(channel, message) if random.random() < 0.5 else None
    )
    for number in range(100):
        push(at_one, here, Relay() if number % 2 else Append())
        await here.answered(number + 1)
    await beats(other)
    await until(lambda: at_other.room.seq == 100)
    assert there.heard == [("broadcast", seq) for seq in range(1, 101)]


async def test_replicas_end_equal_whatever_is_pushed_where(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rooms, "_SNAPSHOT_BYTES", 2000)
    monkeypatch.setattr(open_rooms, "_LEFT_SNAPSHOT_BYTES", 500)
    random = Random(11)
    brokers = [make_broker(quota=Quota(stream_length=20)) for _ in range(3)]
    records = [Record(client=f"{number}" * 16, author=Author(f"a{number}")) for number in range(3)]
    sequencers = [await opened(b, r) for b, r in zip(brokers, records, strict=True)]
    counts = [0, 0, 0]
    for _ in range(400):
        place = random.randrange(3)
        if random.random() < 0.03:
            await brokers[place].leave("room")
            sequencers[place] = await opened(brokers[place], records[place])
        actions: list[Action] = [Append(), Append(5), Replace(), Relay(), Delete()]
        actions.append(Compact(max(1, sequencers[place].room.seq - random.randrange(5))))
        counts[place] += 1
        push(
            sequencers[place],
            records[place],
            random.choice(actions),
            str(random.randrange(10**9)) * random.randrange(1, 9),
            key=random.choice("klm"),
            push_id=max(1, counts[place] - random.choice([0, 0, 1])),
            cbor=random.random() < 0.3,
        )
        if random.random() < 0.2:
            await records[place].answered(counts[place])
    for record, count in zip(records, counts, strict=True):
        await record.answered(count)
    replicas = [each for each in sequencers if isinstance(each, RedisSequencer)]
    await until(lambda: len({replica.number for replica in replicas}) == 1)
    rooms = [sequencer.room for sequencer in sequencers]
    fresh = await opened(make_broker(), Record())
    for room in (*rooms, fresh.room):
        assert kept(room) == kept(rooms[0])
        assert (room.seq, room.byte_count) == (rooms[0].seq, rooms[0].byte_count)
        assert {c: p.runs() for c, p in room.producers.items()} == {
            c: p.runs() for c, p in rooms[0].producers.items()
        }


async def test_who_comes_to_a_server_that_reads_the_room_recovers_what_it_missed(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rooms, "_LEFT_SNAPSHOT_BYTES", 0)
    one, record = make_broker(), Record()
    sequencer = await opened(one, record)
    for number in range(10):
        push(sequencer, record, Relay())
        await record.answered(number + 1)
    epoch = sequencer.room.epoch
    await one.leave("room")  # and the log before the snapshot may go
    again = await opened(make_broker(), Record())
    found = again.room.recover("k", epoch=epoch, above=4)
    assert found.recovered
    assert [entry.seq for entries in found.lists for entry in entries] == [5, 6, 7, 8, 9, 10]


async def test_the_log_before_the_last_snapshot_but_one_goes(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rooms, "_SNAPSHOT_BYTES", 1000)
    record = Record()
    broker = make_broker()
    sequencer = await opened(broker, record)
    for number in range(200):
        push(sequencer, record, Replace(), '"' + "x" * 200 + '"')
        await record.answered(number + 1)
    length = await broker._store.ask("XLEN", broker._store.keys.of("room").log)
    assert length < 100
    assert isinstance(sequencer, RedisSequencer)
    assert sequencer.snapshot_bytes > 0


async def test_other_limits_are_not_taken_as_long_as_others_hold(
    make_broker: MakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = make_broker(quota=Quota(stream_length=1)), make_broker()
    here, there = Record(), Record()
    await opened(one, here)
    await beats(one)
    at_other = await opened(other, there)
    assert "have other limits of rooms" in caplog.text
    push(at_other, there)
    push(at_other, there)
    await there.answered(2)
    assert isinstance(there.answers[1], QuotaExceeded)


def deaf(broker: RedisBroker) -> Callable[[], None]:
    """Have a broker hear nothing of what is published, until what this returns is called."""
    listener = broker._rooms._listener
    assert listener is not None
    heard = listener._heard
    listener._heard = lambda channel, message: None

    def hear() -> None:
        listener._heard = heard

    return hear


async def test_what_was_published_while_the_connection_was_away_is_read(
    make_broker: MakeBroker,
) -> None:
    one, other, here, there = make_broker(), make_broker(), Record(), Record()
    at_one, _ = await opened(one, here), await opened(other, there)
    hear = deaf(other)
    push(at_one, here)
    await here.answered(1)
    assert there.heard == []
    hear()
    assert other._rooms._listener is not None
    other._rooms._listener.drop_connection()
    await until(lambda: bool(there.heard))
    assert there.heard == [("broadcast", 1)]


async def test_what_is_sent_again_because_the_reply_was_lost_is_taken_once(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, record = make_broker(), Record()
    sequencer = await opened(broker, record)
    push(sequencer, record, Relay())
    await record.answered(1)
    deaf(broker)
    courier = broker._rooms._courier
    assert courier is not None
    assert courier._connection is not None
    read = courier._connection.read_response

    async def lost() -> None:
        await read()
        raise ConnectionError

    monkeypatch.setattr(courier._connection, "read_response", lost)
    push(sequencer, record, Relay())
    await record.answered(2)
    assert record.heard[2:] == [("broadcast", 2), ("answer", 2)]
    push(sequencer, record, Relay())
    await record.answered(3)
    assert sequencer.room.seq == 3


async def test_an_older_snapshot_doesnt_take_the_place_of_a_newer_one(
    make_broker: MakeBroker,
) -> None:
    broker, record = make_broker(), Record()
    sequencer = await opened(broker, record)
    assert isinstance(sequencer, RedisSequencer)
    push(sequencer, record)
    await record.answered(1)
    older = list(write_snapshot(sequencer.room, sequencer.head(), {}))
    number = sequencer.number
    push(sequencer, record)
    await record.answered(2)
    await broker._rooms.write_snapshot(sequencer)
    written = await broker._store.write_pieces(sequencer.keys, iter(older))
    reply = await broker._store.do(
        *("room", "snapshot", sequencer.id, number, written.piece_count), written=written.key
    )
    assert reply == [b"late"]
    fresh = await opened(make_broker(), Record())
    assert fresh.room.seq == 2


async def test_a_server_without_memory_decides_as_the_others_do(make_broker: MakeBroker) -> None:
    one, other = make_broker(), make_broker(memory=MemoryBudget(8 * 1024))
    here, there = Record(), Record()
    at_one, at_other = await opened(one, here), await opened(other, there)
    for number in range(10):
        push(at_one, here, text='"' + "x" * 4000 + '"')
        await here.answered(number + 1)
    await until(lambda: len(there.heard) == 10)
    assert kept(at_one.room) == kept(at_other.room)
    push(at_other, there, text='"' + "x" * 4000 + '"')
    await there.answered(1)
    assert isinstance(there.answers[0], QuotaExceeded)  # which is its own to say, beforehand


async def test_nothing_of_an_older_generation_is_taken(make_broker: MakeBroker) -> None:
    one, other, record = make_broker(), make_broker(), Record(client=CLIENT)
    sequencer = await opened(one, record)
    await opened(other, Record())
    other._store.doubt()
    await until(lambda: not other._store.is_doubting)
    push(sequencer, record, push_id=1)
    await record.answered(1)
    assert ("reset", None) in record.heard
    assert isinstance(record.answers[0], Unavailable)
    again = await opened(other, Record())
    assert again.room.seq == 0
    assert again.room.epoch != sequencer.room.epoch


async def test_another_history_is_noticed_though_its_numbers_go_on(make_broker: MakeBroker) -> None:
    broker, record = make_broker(), Record()
    sequencer = await opened(broker, record)
    assert isinstance(sequencer, RedisSequencer)
    push(sequencer, record)
    await record.answered(1)
    number, time = sequencer.number, sequencer.time
    body = encode_body(Pushes([], []))
    follows = LogRecord.parse(b"%d %d %d " % (number + 1, time + 9, time) + body)
    sequencer.take(follows)
    other = LogRecord.parse(b"%d %d %d " % (number + 2, time + 20, time + 10) + body)
    with pytest.raises(HistoryLost):
        sequencer.take(other)


class TestPresence:
    LIMITS = PresenceLimits(count=10)

    async def test_all_hear_who_comes_and_goes(self, make_broker: MakeBroker) -> None:
        one, other = make_broker(), make_broker()
        here, there = Record(), Record()
        at_one = one.presence("room", here, limits=self.LIMITS, grace_seconds=0.0)
        at_other = other.presence("room", there, limits=self.LIMITS, grace_seconds=0.0)
        await opened(one, here)
        await opened(other, there)
        at_one.joined("her")
        at_one.set("k", Author("her"), Value.from_json(b"1"))
        await until(lambda: bool(there.heard))
        assert there.heard == [("present", ("k", b"1"))]
        assert [author.client for author, _ in at_other.there("k")] == ["her"]
        at_one.left("her")
        at_one.expire()
        await until(lambda: len(there.heard) > 1)
        assert there.heard[1:] == [("gone", "k")]

    async def test_who_opens_the_room_later_is_told_who_is_there(
        self, make_broker: MakeBroker
    ) -> None:
        one, other, here = make_broker(), make_broker(), Record()
        at_one = one.presence("room", here, limits=self.LIMITS, grace_seconds=0.0)
        await opened(one, here)
        at_one.joined("her")
        at_one.set("k", Author("her"), Value.from_json(b"1"))
        await until(lambda: (telling := one._presences._telling) is not None and telling.done())
        at_other = other.presence("room", Record(), limits=self.LIMITS, grace_seconds=0.0)
        await opened(other, Record())
        assert [author.client for author, _ in at_other.there("k")] == ["her"]

    async def test_a_client_that_goes_to_another_server_is_never_gone(
        self, make_broker: MakeBroker
    ) -> None:
        one, other = make_broker(), make_broker()
        here, there = Record(), Record()
        at_one = one.presence("room", here, limits=self.LIMITS, grace_seconds=0.0)
        at_other = other.presence("room", there, limits=self.LIMITS, grace_seconds=0.0)
        await opened(one, here)
        await opened(other, there)
        at_one.joined("her")
        at_one.set("k", Author("her"), Value.from_json(b"1"))
        await until(lambda: bool(there.heard))
        at_one.left("her")
        at_other.joined("her")
        await until(lambda: bool(at_one.servers()))
        at_one.expire()
        assert [author.client for author, _ in at_one.there("k")] == ["her"]
        assert [author.client for author, _ in at_other.there("k")] == ["her"]
        assert here.heard == there.heard == [("present", ("k", b"1"))]

    async def test_the_people_of_a_dead_server_go_when_its_lease_ends(
        self, make_broker: MakeBroker
    ) -> None:
        now = 1000.0
        one, other = make_broker(clock=lambda: now), make_broker(clock=lambda: now)
        there = Record()
        at_one = one.presence("room", Record(), limits=self.LIMITS, grace_seconds=0.0)
        other.presence("room", there, limits=self.LIMITS, grace_seconds=0.0)
        await opened(one, Record())
        await opened(other, there)
        await beats(one, other)
        at_one.joined("her")
        at_one.set("k", Author("her"), Value.from_json(b"1"))
        await until(lambda: bool(there.heard))
        await beats(other)
        assert there.heard == [("present", ("k", b"1"))]
        now += 60.0  # in which the first gave no sign of life
        await beats(other)
        assert there.heard == [("present", ("k", b"1")), ("gone", "k")]
        await beats(one)  # it was only slow
        await until(lambda: len(there.heard) > 2)
        assert there.heard[2:] == [("present", ("k", b"1"))]


async def test_rooms_that_cant_be_read_are_told_and_read_no_further(
    make_broker: MakeBroker,
) -> None:
    broker, record = make_broker(), Record()
    for name in ("whole", "torn", "gone"):
        sequencer = await opened(broker, record, name)
        for _ in range(2):
            push(sequencer, record)
            await record.answered(len(record.answers) + 1)
        await broker.leave(name)
    assert await broker.check() == []
    keys = broker._store.keys
    await broker._store.ask("XDEL", keys.of("torn").log, "2-0")
    await broker._store.ask("DEL", keys.of("gone").facts)
    assert await broker.check() == [
        "room 'gone' is listed, and isn't there",
        "room 'torn' can't be read: what Redis has of it doesn't fit together",
    ]
    with pytest.raises(Unavailable, match="doesn't fit together"):
        await broker.open("torn", record)
    await broker.delete("torn")


async def test_how_far_behind_it_may_be_is_told(make_broker: MakeBroker) -> None:
    now = 0.0
    broker = make_broker(monotonic=lambda: now)
    await opened(broker, Record())
    await beats(broker)
    now = 2.0
    assert broker.shared.behind_seconds == 0.0  # it has just looked
    now = 10.0
    assert broker.shared.behind_seconds == 10.0
    await beats(broker)
    assert broker.shared.behind_seconds == 0.0


async def test_a_room_is_suspect_until_what_was_not_heard_is_read(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    one, other = make_broker(), make_broker(monotonic=lambda: now)
    record = Record(client=CLIENT)
    sequencer = await opened(one, record)
    at_other = await opened(other, Record())
    await beats(other)
    assert other._rooms._listener is not None
    monkeypatch.setattr(other._rooms._listener, "_heard", lambda channel, message: None)
    push(sequencer, record, push_id=1)
    await record.answered(1)
    ask, failures = other._store.ask, 0

    async def failing(*command: Any) -> Any:
        nonlocal failures
        if command[0] == "HMGET" and command[2:] == ("id", "number") and failures < 5:
            failures += 1
            raise Unavailable("Redis does not answer")
        return await ask(*command)

    monkeypatch.setattr(other._store, "ask", failing)
    await beats(other)
    now = 10.0
    await beats(other)
    assert other.shared.behind_seconds == 10.0
    while at_other.room.seq < 1:
        await beats(other)
    assert failures == 5
    await beats(other)
    assert other.shared.behind_seconds == 0.0


async def test_what_was_noted_and_never_written_keeps_no_server_behind(
    make_broker: MakeBroker,
) -> None:
    now = 0.0
    broker = make_broker(monotonic=lambda: now)
    await opened(broker, Record())
    keys = broker._store.keys
    await broker._store.ask("ZADD", keys.changes, int(time.time() * 1e6) + 10_000_000, "room")
    for seconds in (1.0, 2.0, 10.0):
        now = seconds
        await beats(broker)
    assert broker.shared.behind_seconds == 0.0


async def hosts(broker: RedisBroker) -> set[bytes]:
    """Return the servers that Redis believes to have the room open."""
    return set(await broker._store.ask("SMEMBERS", f"{broker._store.keys.prefix}room:room:users"))


async def until_left(broker: RedisBroker) -> None:
    """Have a broker look until Redis believes no more that the room is open there."""
    for _ in range(100):
        if not await hosts(broker):
            return
        await beats(broker)
    raise AssertionError("Redis still believes that the room is open")


async def test_a_room_that_a_server_was_made_to_let_go_of_expires(make_broker: MakeBroker) -> None:
    now = 1_000_000.0
    one, other = make_broker(clock=lambda: now), make_broker(clock=lambda: now)
    sequencer = await opened(one, Record())
    assert isinstance(sequencer, RedisSequencer)
    one._rooms.end(sequencer, open_rooms.RESET)
    await until_left(one)
    no_memory = make_broker(clock=lambda: now, memory=MemoryBudget(1))
    with pytest.raises(Unavailable):
        await no_memory.open("room", Record())
    await until_left(no_memory)
    now += 1_000.0
    await beats(one, no_memory, other)
    assert await other.expire(room_seconds=100.0, client_seconds=100.0) == ["room"]


async def test_a_room_that_could_not_be_read_expires(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_broker()
    await opened(broker, Record())
    await broker.leave("room")
    ask = broker._store.ask

    async def failing(*command: Any) -> Any:
        if command[0] == "XRANGE":
            raise Unavailable("Redis does not answer")
        return await ask(*command)

    monkeypatch.setattr(broker._store, "ask", failing)
    with pytest.raises(Unavailable):
        await broker.open("room", Record())
    assert await hosts(broker) == {broker._store.server.encode()}
    await until_left(broker)


async def test_a_room_that_was_left_while_redis_did_not_answer_expires(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_broker()
    await opened(broker, Record())
    do = broker._store.do

    async def failing(name: str | None, operation: str, *parts: Any, **options: Any) -> Any:
        if operation == "leave":
            raise Unavailable("Redis does not answer")
        return await do(name, operation, *parts, **options)

    monkeypatch.setattr(broker._store, "do", failing)
    await broker.leave("room")
    await beats(broker)
    assert await hosts(broker) == {broker._store.server.encode()}
    monkeypatch.setattr(broker._store, "do", do)
    await until_left(broker)


async def test_a_room_that_is_open_again_is_not_left(make_broker: MakeBroker) -> None:
    broker = make_broker()
    sequencer = await opened(broker, Record())
    assert isinstance(sequencer, RedisSequencer)
    broker._rooms.end(sequencer, open_rooms.RESET)
    await opened(broker, Record())
    await beats(broker, broker)
    assert await hosts(broker) == {broker._store.server.encode()}


async def test_to_check_and_copy_a_room_is_not_to_use_it(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    broker, record = make_broker(), Record(client=CLIENT)
    push(await opened(broker, record), record)
    await record.answered(1)
    await broker.leave("room")
    keys = broker._store.keys

    async def state() -> list[Any]:
        name = broker._store.keys.of("room")
        return await broker._store.ask_all(
            ("ZRANGE", keys.rooms, 0, -1, "WITHSCORES"),
            ("HGETALL", name.facts),
            ("XRANGE", name.log, "-", "+"),
            ("SMEMBERS", f"{keys.prefix}room:room:users"),
        )

    before = await state()
    other = make_broker(quota=Quota(stream_length=1))
    await broker._store.do(None, "doubt", "another generation")
    assert await other.check() == []
    await other.backup(str(tmp_path / "copy.db"), progress=lambda done, total: None)
    assert await state() == before


async def test_a_server_whose_clock_is_wrong_lets_nothing_expire(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = make_broker()
    await right.create("room")
    record = Record(client=CLIENT)
    push(await opened(right, record), record, push_id=1)
    await record.answered(1)
    by_redis, days = time.time(), 24 * 60 * 60.0
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: by_redis + 31 * days)
        wrong = make_broker()
        again = Record(client=CLIENT)
        sequencer = await opened(wrong, again)
        await beats(right, wrong)
        for broker in (wrong, right):
            expired = await broker.expire(room_seconds=30 * days, client_seconds=days)
            assert expired == []
        (summary,) = await wrong.summaries()
        assert summary.used_at < by_redis + days
    push(sequencer, again, push_id=1)
    await again.answered(1)
    assert isinstance(sequencer, RedisSequencer)
    assert [number for number, _, _ in kept(sequencer.room)["k"]] == [1]


async def test_all_servers_that_live_count_together(make_broker: MakeBroker) -> None:
    one, other = make_broker(), make_broker()
    await beats(one, other)
    assert await one.shared.count("ada", 2, limit=3)
    assert await other.shared.count("ada", 1, limit=3)
    assert not await other.shared.count("ada", 2, limit=3)
    one.shared.recount("ada", 1)
    await beats(one, other)
    assert await other.shared.count("ada", 2, limit=3)
    one.shared.recount("ada", 0)
    await beats(one)
    assert await other.shared.count("ada", 3, limit=3)
    assert not await one.shared.count("ada", 1, limit=3)
    await other.close()  # what a server counts goes with it
    assert await one.shared.count("ada", 3, limit=3)


@pytest.mark.parametrize("meanwhile", [0, 2])
@pytest.mark.parametrize("told_before", [False, True])
async def test_what_is_counted_while_redis_is_asked_holds_in_the_end(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch, meanwhile: int, told_before: bool
) -> None:
    broker, other = make_broker(), make_broker()
    await beats(broker, other)
    do, asked, may_go_on = broker._store.do, asyncio.Event(), asyncio.Event()

    async def slowly(*question: Any, **options: Any) -> Any:
        if question[1] == "count":
            asked.set()
            await may_go_on.wait()
        return await do(*question, **options)

    monkeypatch.setattr(broker._store, "do", slowly)
    counting = asyncio.ensure_future(broker.shared.count("ada", 1, limit=3))
    await asked.wait()
    broker.shared.recount("ada", meanwhile)
    if told_before:
        await broker.shared.tell_counts()
    may_go_on.set()
    assert await counting
    await broker.shared.tell_counts()
    assert await other.shared.count("ada", 3 - meanwhile, limit=3)
    assert not await other.shared.count("ada", 4 - meanwhile, limit=3)


async def test_what_is_counted_while_nobody_is_told_is_told_later(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, other = make_broker(), make_broker()
    await beats(broker, other)
    with monkeypatch.context() as patch:
        patch.setattr(broker._store, "closing", "Redis is away")
        with pytest.raises(Unavailable):
            await broker.shared.count("ada", 2, limit=3)
    await broker.shared.tell_counts()
    assert not await other.shared.count("ada", 2, limit=3)


class TestTrouble:
    async def test_without_redis_reads_go_on_and_pushes_wait(self, make_broker: MakeBroker) -> None:
        async with own_server("--appendonly", "yes", "--appendfsync", "always") as server:
            broker, record = make_broker(server), Record(client=CLIENT)
            sequencer = await opened(broker, record)
            push(sequencer, record, push_id=1)
            await record.answered(1)
            await asyncio.to_thread(server.kill)
            push(sequencer, record, push_id=2)
            assert [entry.seq for entry in sequencer.room.read("k")] == [1]
            await until(lambda: broker._rooms.failing is not None)
            push(sequencer, record, push_id=3)
            assert isinstance(record.answers[1], Unavailable)
            push(sequencer, record, push_id=1)  # which is known
            assert isinstance(record.answers[2], Applied)
            await asyncio.to_thread(server.start)
            await record.answered(4)
            assert ("reset", None) in record.heard  # it can't be known that nothing was lost
            again = await opened(broker, record)
            assert again.room.read("k")[0].seq == 1
            await beats(broker)
            await until(lambda: broker.trouble is None)

    async def test_a_room_that_was_flushed_away_ends(self, make_broker: MakeBroker) -> None:
        async with own_server() as server:
            broker, record = make_broker(server), Record()
            await opened(broker, record)
            server.ask("FLUSHALL")
            await beats(broker)
            assert record.heard == [("reset", None)]
            assert await broker.open("room", record) is None

    async def test_a_history_that_lacks_what_was_applied_begins_another_epoch(
        self, make_broker: MakeBroker
    ) -> None:
        one, other = make_broker(), make_broker()
        here, there = Record(), Record()
        at_one = await opened(one, here)
        epoch = at_one.room.epoch
        push(at_one, here)
        await here.answered(1)
        # As a replica that lagged would have it, which takes over without a new connection.
        keys = one._store.keys.of("room")
        before = [b"%d" % number for number in (1, 0)]
        first = (await one._store.ask("XRANGE", keys.log, "1-0", "1-0"))[0][1][1].split(b" ")
        await one._store.ask("XTRIM", keys.log, "MAXLEN", 1)
        await one._store.ask("XDEL", keys.log, "2-0")
        await one._store.ask("XSETID", keys.log, "1-0")
        await one._store.ask("HSET", keys.facts, "number", before[0], "time", first[1])
        await one._store.ask("DEL", keys.log)
        line = b" ".join(first)
        await one._store.ask("XADD", keys.log, "1-0", "r", line)
        at_other = await opened(other, there)
        assert at_other.room.seq == 0
        push(at_other, there, text='"another"')
        await there.answered(1)
        await until(lambda: ("reset", None) in here.heard)
        after = [await broker.open("room", Record()) for broker in (one, other)]
        assert after[0] is not None
        assert after[1] is not None
        assert kept(after[0].room) == kept(after[1].room)
        assert after[0].room.epoch == after[1].room.epoch != epoch

    async def test_a_full_redis_refuses_and_loses_nothing(self, make_broker: MakeBroker) -> None:
        async with own_server("--maxmemory-policy", "noeviction") as server:
            broker, record = make_broker(server), Record(client=CLIENT)
            sequencer = await opened(broker, record)
            push(sequencer, record, push_id=1)
            await record.answered(1)
            server.ask("CONFIG", "SET", "maxmemory", "1")
            push(sequencer, record, push_id=2)
            await record.answered(2)
            assert isinstance(record.answers[1], Unavailable)
            assert "full" in str(record.answers[1])
            server.ask("CONFIG", "SET", "maxmemory", "0")
            push(sequencer, record, push_id=3)
            await record.answered(3)
            assert isinstance(record.answers[2], Applied)
            assert record.answers[2].seq == 2

    @pytest.mark.parametrize(
        ("settings", "password", "message"),
        [
            (("--requirepass", "right"), "wrong", "refuses the user or the password"),
            (("--requirepass", "right"), None, "refuses the user or the password"),
        ],
    )
    async def test_what_keeps_it_from_redis_is_said(
        self, settings: tuple[str, ...], password: str | None, message: str
    ) -> None:
        async with own_server(*settings) as server:
            broker = RedisBroker(RedisPlace(server.url, password=password, timeout_seconds=1.0))
            with pytest.raises(Unavailable, match=message):
                await broker.begin()
            await broker.close()

    async def test_a_user_with_the_rights_of_the_documentation_can_do_all(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "scaling.md").read_text("utf-8")
        rule = next(line for line in page.splitlines() if line.startswith("ACL SETUSER"))
        async with own_server() as server:
            assert server.ask(*rule.split()) == b"+OK\r\n"
            place = RedisPlace(server.url.replace("unix://", "unix://rooms@"), password="PASSWORD")
            async with running(RedisBroker(place)) as broker:
                assert isinstance(broker, RedisBroker)
                record = Record(client=CLIENT)
                presence = broker.presence(
                    "room", record, limits=PresenceLimits(), grace_seconds=0.0
                )
                sequencer = await opened(broker, record)
                push(sequencer, record, push_id=1)
                await record.answered(1)
                presence.joined("her")
                presence.set("k", Author("her"), Value.from_json(b"1"))
                assert isinstance(sequencer, RedisSequencer)
                await broker._rooms.write_snapshot(sequencer)
                assert await broker.change_access("room", {("link", "a"): b"1"})
                assert await broker.change_access("room", {("link", "a"): None})
                assert await broker.shared.replace("a", b"", b"1")
                assert await broker.shared.read("a") == b"1"
                await broker.shared.lend("b", b"2", seconds=1.0)
                assert await broker.shared.take("b") == b"2"
                assert await broker.shared.count("c", 1, limit=1)
                broker.shared.recount("c", 0)
                await beats(broker)
                assert broker.trouble is None
                await broker.leave("room")
                assert len(await broker.summaries()) == 1
                await broker.replace("room", Room(epoch="elsewhere"))
                assert await broker.expire(room_seconds=1e9, client_seconds=1e9) == []
                assert await broker.delete("room")

    async def test_scripts_that_were_flushed_are_loaded_again(
        self, make_broker: MakeBroker
    ) -> None:
        async with own_server() as server:
            broker, record = make_broker(server), Record(client=CLIENT)
            sequencer = await opened(broker, record)
            server.ask("SCRIPT", "FLUSH")
            push(sequencer, record, push_id=1)
            await record.answered(1)
            server.ask("SCRIPT", "FLUSH")
            assert await broker.delete("room")
