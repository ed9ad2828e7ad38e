"""What a journal keeps, over ends of all kinds."""

from __future__ import annotations

import asyncio
import gc
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.broker import Broker, Sequencer
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.journaled import broker as module
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.journaled.rows import RoomRows
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import QuotaExceeded, Unavailable
from driftdb_jupyter.protocol.messages import Action, Append, Compact, Delete, Push, Relay, Replace
from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied, Room

from ...rooms.found import told
from ..brokers import CLIENT, Record, kept, make, opened, push, running

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("kind", ["batched", "synced"]),
]

ANNA = Author("anna", Value.from_json(b'{"name":"Anna"}'))


async def reopened(broker: Broker, record: Record) -> Sequencer:
    sequencer = await broker.open("room", record)
    assert sequencer is not None
    return sequencer


def killed(folder: Path) -> Path:
    """What a server that is killed now leaves in its folder."""
    copy = folder / f"copy-{len(list(folder.iterdir()))}"
    copy.mkdir()
    for path in folder.glob("rooms.db*"):
        shutil.copy(path, copy)
    return copy


@pytest.fixture(autouse=True)
def _a_copy_is_the_file_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a copy stands for what a killed server left, and not for a copy of it."""
    monkeypatch.setattr("driftdb_jupyter.broker.file.lock._identity", lambda descriptor: "the same")
    monkeypatch.setattr("driftdb_jupyter.broker.file.run._state_folder", lambda: "/dev/null/none")


async def written(broker: Broker, record: Record) -> None:
    """Wait until all that was pushed before is in the journal."""
    sequencer = await reopened(broker, record)
    count = len(record.answers)
    push(sequencer, record, Append(), key="last", push_id=1_000_000)
    await record.answered(count + 1)


class TestAfterACleanEnd:
    async def test_values_numbers_and_the_epoch_are_as_they_were(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record(author=ANNA)
        async with running(make(kind, tmp_path)) as broker:
            room = (await opened(broker, record)).room
            sequencer = await reopened(broker, record)
            push(sequencer, record, Append(), '{"a":1.50}')
            push(sequencer, record, Append(), '"ä"', key="")
            push(sequencer, record, Append(), "[2]")
            push(sequencer, record, Compact(1), "0")
            push(sequencer, record, Replace(), "true", key="r")
            push(sequencer, record, Replace(), "false", key="r")
            push(sequencer, record, Append(), key="gone")
            push(sequencer, record, Delete(), key="gone")
            push(sequencer, record, Relay())
            await record.answered(9)
            before = kept(room)
        async with running(make(kind, tmp_path)) as broker:
            again = (await reopened(broker, record)).room
            assert kept(again) == before
            assert (again.seq, again.epoch, again.byte_count) == (
                room.seq,
                room.epoch,
                room.byte_count,
            )

    async def test_a_value_is_what_it_was_in_the_encoding_that_it_came_in(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record()
        item = b"\xa1aa\xd8@D\0\x01\x02\x03"
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            value = Value.from_cbor(item)
            sequencer.push(Push("cbor", Append(), Raw(item)), [value], record)
            push(sequencer, record, text="1.10", key="json")
            await record.answered(2)
            room = sequencer.room
            value.as_json()
            room.read("json")[0].value.as_cbor()
        async with running(make(kind, tmp_path)) as broker:
            room = (await reopened(broker, record)).room
            assert room.read("cbor")[0].value == Value.from_cbor(item)
            assert room.read("json")[0].value == Value.from_json(b"1.10")

    @pytest.mark.parametrize("other_key", ["k", "other"])
    async def test_a_value_takes_the_number_of_one_that_came_in_the_other_encoding(
        self, kind: str, other_key: str, tmp_path: Path
    ) -> None:
        record = Record()
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append(), '"cbor"', cbor=True)
            push(sequencer, record, Compact(1), '"json"', key=other_key)
            push(sequencer, record, Append(), '"json"')
            push(sequencer, record, Compact(2), '"cbor"', key=other_key, cbor=True)
            await record.answered(4)
            assert broker.trouble is None
            before = kept(sequencer.room)
        async with running(make(kind, tmp_path)) as broker:
            assert kept((await reopened(broker, record)).room) == before

    async def test_a_push_that_is_sent_again_is_acknowledged_with_its_number(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            actions: list[Action] = [Append(), Relay(), Replace()]
            for number, action in enumerate(actions, 1):
                push(sequencer, record, action, push_id=number)
            await record.answered(3)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await reopened(broker, record)
            record.heard.clear()
            for number in (3, 1, 2):
                push(sequencer, record, push_id=number)
            await record.answered(6)
            assert record.heard == [("answer", 3), ("answer", 1), ("answer", 2)]
            assert sequencer.room.seq == 3

    async def test_only_so_many_ids_are_remembered(self, kind: str, tmp_path: Path) -> None:
        record, other = Record(client=CLIENT), Record(client="d" * 16)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            for number in range(1, 3001):  # by turns, so that no two numbers follow each other
                push(sequencer, record, Replace(), push_id=number)
                push(sequencer, other, Replace(), push_id=number)
                if number % 500 == 0:
                    await other.answered(number)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await reopened(broker, record)
            producer = sequencer.room.producers.get(CLIENT)
            assert [producer.seq(n) for n in range(1977, 3001)] == list(range(3953, 6001, 2))
            assert producer.knows(1)
            assert producer.seq(1) is None

    async def test_a_client_that_was_forgotten_is_not_kept(self, kind: str, tmp_path: Path) -> None:
        record = Record(client=CLIENT)
        now = 40.0
        async with running(make(kind, tmp_path, clock=lambda: now)) as broker:
            sequencer = await opened(broker, record)
            sequencer.joined(CLIENT)
            push(sequencer, record, push_id=1)
            await record.answered(1)
            sequencer.left(CLIENT)
            now = 50.0
            await broker.leave("room")
            sequencer = await reopened(broker, record)
            await broker.expire(room_seconds=0, client_seconds=10.0)
            assert len(sequencer.room.producers) == 1
            await broker.expire(room_seconds=0, client_seconds=9.0)
            assert len(sequencer.room.producers) == 0
            await broker.leave("room")
            assert len((await reopened(broker, record)).room.producers) == 0

    async def test_an_append_stream_resumes_and_others_too_where_nothing_was_missed(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record()
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Relay(), key="r")
            for _ in range(3):
                push(sequencer, record, key="log")
            await record.answered(4)
        async with running(make(kind, tmp_path)) as broker:
            room = (await reopened(broker, record)).room
            entries, recovered = told(room.recover("log", epoch=room.epoch, above=2))
            assert (recovered, [entry.seq for entry in entries]) == (True, [3, 4])
            assert room.recover("r", epoch=room.epoch, above=0).recovered is False
            assert room.recover("r", epoch=room.epoch, above=4).recovered is True

    async def test_an_author_takes_the_place_of_one_of_whom_nothing_is_left(
        self, kind: str, tmp_path: Path
    ) -> None:
        for name in ("anna", "ben", "cleo", "dora"):
            record = Record(author=Author(name))
            async with running(make(kind, tmp_path)) as broker:
                push(await opened(broker, record), record, Replace())
                await record.answered(1)
            async with running(make(kind, tmp_path)) as broker:
                entry = (await reopened(broker, record)).room.read("k")[0]
                assert entry.author == record.author
        with closing(sqlite3.connect(tmp_path / "rooms.db")) as connection:
            # The first one may still be shown when the second one is written.
            assert connection.execute("SELECT count(*) FROM authors").fetchone()[0] <= 2


class TestAfterAKill:
    async def test_what_was_acknowledged_is_there_once(self, kind: str, tmp_path: Path) -> None:
        record = Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            for number in range(1, 101):
                push(sequencer, record, Append(), str(number), push_id=number)
            await record.answered(60)
            acknowledged = len(record.answers)
            copy = killed(tmp_path)
        async with running(make(kind, copy)) as broker:
            sequencer = await reopened(broker, record)
            stream = sequencer.room.read("k")
            assert len(stream) >= acknowledged
            again = Record(client=CLIENT)
            for number in range(1, 101):
                push(sequencer, again, Append(), str(number), push_id=number)
            await again.answered(100)
            texts = [bytes(entry.value.as_json()) for entry in sequencer.room.read("k")]
            assert texts == [b"%d" % number for number in range(1, 101)]

    async def test_the_epoch_changes_where_a_number_may_have_been_given_twice(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            await written(broker, record)
            push(sequencer, record, Relay())
            await record.answered(2)
            copy = killed(tmp_path)
            room = sequencer.room
        async with running(make(kind, copy)) as broker:
            again = (await reopened(broker, record)).room
            assert (again.epoch == room.epoch) == (kind == "synced")
            assert again.epoch != room.epoch or again.seq >= room.seq == 2
            epoch = again.epoch
        async with running(make(kind, copy)) as broker:
            assert (await reopened(broker, record)).room.epoch == epoch

    async def test_a_room_that_was_never_open_since_changes_its_epoch_too(
        self, kind: str, tmp_path: Path
    ) -> None:
        record = Record()
        async with running(make(kind, tmp_path)) as broker:
            room = (await opened(broker, record)).room
            await broker.leave("room")
            copy = killed(tmp_path)
        for _ in range(2):  # killed again before anybody asked for the room
            async with running(make(kind, copy)) as broker:
                copy = killed(copy)
        async with running(make(kind, copy)) as broker:
            again = (await reopened(broker, record)).room
            assert (again.epoch == room.epoch) == (kind == "synced")

    async def test_a_client_is_not_forgotten_early(self, kind: str, tmp_path: Path) -> None:
        record = Record(client=CLIENT)
        now = 10.0
        async with running(make(kind, tmp_path, clock=lambda: now)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, push_id=1)
            await record.answered(1)
            await broker.leave("room")
            sequencer = await reopened(broker, record)
            now = 1000.0
            push(sequencer, record, push_id=2)
            await record.answered(2)
            copy = killed(tmp_path)
        async with running(make(kind, copy, clock=lambda: now)) as broker:
            sequencer = await reopened(broker, record)
            await broker.expire(room_seconds=0, client_seconds=100.0)
            assert sequencer.room.producers.get(CLIENT).seq(2) == 2


async def test_a_room_that_is_left_is_freed_without_a_collection(kind: str, tmp_path: Path) -> None:
    class Holder(Record):
        sequencer: Sequencer

    async with running(make(kind, tmp_path)) as broker:
        holder = Holder()  # as a hosted room does, it holds what it is the audience of
        holder.sequencer = await opened(broker, holder)
        push(holder.sequencer, holder)
        await holder.answered(1)
        left = ref(holder.sequencer)
        gc.disable()
        try:
            await broker.leave("room")
            del holder
            assert left() is None
        finally:
            gc.enable()


async def test_a_room_that_was_left_meanwhile_is_not_touched(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftdb_jupyter.broker.journaled.broker._ROOMS_AT_ONCE", 1)
    async with running(make(kind, tmp_path)) as broker:
        assert isinstance(broker, JournalBroker)
        for name in ("kept", "left"):
            await opened(broker, Record(), name)
        touched: list[str] = []
        touching = asyncio.ensure_future(broker._do_to_all(lambda room: touched.append(room.name)))
        await asyncio.gather(touching, broker.leave("left"))
        assert touched == ["kept"]


async def test_a_room_that_nobody_uses_leaves_memory(kind: str, tmp_path: Path) -> None:
    async with running(make(kind, tmp_path)) as broker:
        assert isinstance(broker, JournalBroker)
        first = await opened(broker, Record())
        await broker.leave("room")
        assert await reopened(broker, Record()) is not first


async def test_a_room_that_is_asked_for_twice_at_once_is_one(kind: str, tmp_path: Path) -> None:
    async with running(make(kind, tmp_path)) as broker:
        await asyncio.gather(broker.create("room"), broker.create("room"))
        first, second = await asyncio.gather(
            broker.open("room", Record()), broker.open("room", Record())
        )
        assert first is second
        assert len(await broker.summaries()) == 1


async def test_a_room_that_is_left_and_opened_at_once_stays(kind: str, tmp_path: Path) -> None:
    record = Record()
    async with running(make(kind, tmp_path)) as broker:
        sequencer = await opened(broker, record)
        push(sequencer, record)
        _, again = await asyncio.gather(broker.leave("room"), broker.open("room", record))
        assert again is sequencer
        push(again, record)
        await record.answered(2)
        assert (await reopened(broker, record)).room.seq == 2


async def test_the_file_is_for_its_owner_alone(kind: str, tmp_path: Path) -> None:
    async with running(make(kind, tmp_path / "new" / "folder")) as broker:
        await broker.create("room")
        files = list((tmp_path / "new" / "folder").iterdir())
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700


async def test_a_deletion_is_no_gap_that_goes_unseen(kind: str, tmp_path: Path) -> None:
    record = Record()
    async with running(make(kind, tmp_path)) as broker:
        sequencer = await opened(broker, record)
        for action in (Append(), Append(), Delete(), Compact(1)):
            push(sequencer, record, action)
        await record.answered(4)
        room = sequencer.room
    async with running(make(kind, tmp_path)) as broker:
        again = (await reopened(broker, record)).room
        assert again.recover("k", epoch=room.epoch, above=2).recovered is False


class TestRoomsAsWholes:
    async def test_a_refused_replacement_leaves_the_room_and_those_in_it(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(1)
            monkeypatch.setattr(Journal, "commit", fails_once(Journal.commit))
            with pytest.raises(Unavailable):
                await broker.replace("room", Room(epoch="other"))
            while broker.trouble:
                await asyncio.sleep(0.01)
            push(sequencer, record, Append(), push_id=2)
            await record.answered(2)
            assert ("reset", None) not in record.heard
            before = kept(sequencer.room)
        async with running(make(kind, tmp_path)) as broker:
            assert kept((await reopened(broker, record)).room) == before

    async def test_a_room_never_has_two_sequencers_whatever_is_asked_for_at_once(
        self, kind: str, tmp_path: Path
    ) -> None:
        async with running(make(kind, tmp_path)) as broker:
            assert isinstance(broker, JournalBroker)
            for number in range(40):
                users = [Record(client=f"{user:016}") for user in range(3)]

                async def use(record: Record, number: int = number) -> object:
                    for _ in range(number % 7):
                        await asyncio.sleep(0)
                    await broker.create("room")
                    sequencer = await broker.open("room", record)
                    if sequencer is not None:
                        push(sequencer, record, Append(), push_id=1)
                        await record.answered(1)
                    return sequencer

                room = Room(epoch="imported")
                room.apply(Push("k", Append(), Raw(b"-")), [Value.from_json(b"0")])
                await asyncio.gather(
                    broker.replace("room", room),
                    *map(use, users),
                    broker.delete("room") if number % 3 == 0 else asyncio.sleep(0),
                )
                await opened(broker, Record())
                here = broker._rooms["room"].room
                held = kept(here), here.seq
                await broker.leave("room")
                again = (await reopened(broker, Record())).room
                assert (kept(again), again.seq) == held
                assert len(broker._locks) == 0
            assert broker._count == 1

    async def test_what_waits_when_a_room_is_deleted_is_answered_and_writes_nothing(
        self, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = Record(client=CLIENT, author=ANNA)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(1)
            deleting = asyncio.ensure_future(broker.delete("room"))
            for push_id in range(2, 30):
                await asyncio.sleep(0)
                push(sequencer, record, Append(), push_id=push_id)
            assert await deleting
            push(sequencer, record, Append(), push_id=30)
            await record.answered(30)
            assert all(isinstance(answer, Applied) for answer in record.answers)
        assert "given up" not in caplog.text

    async def test_one_that_is_asked_for_and_given_up_is_made_all_the_same(
        self, kind: str, tmp_path: Path
    ) -> None:
        async with running(make(kind, tmp_path, room_limit=1)) as broker:
            creating = asyncio.ensure_future(broker.create("room"))
            for _ in range(3):
                await asyncio.sleep(0)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            assert await broker.open("room", Record()) is not None
            with pytest.raises(QuotaExceeded):
                await broker.create("other")

    async def test_a_room_that_was_used_meanwhile_does_not_expire(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0
        record = Record(client=CLIENT)
        async with running(
            make(kind, tmp_path, clock=lambda: now, monotonic=lambda: now)
        ) as broker:
            await broker.create("room")
            now = 1_000.0
            unused = Journal.unused

            def used_at_once(journal: Journal, *, before: float) -> list[str]:
                names = unused(journal, before=before)
                asyncio.run_coroutine_threadsafe(use(), loop).result()
                return names

            async def use() -> None:
                push(await reopened(broker, record), record, push_id=1)
                await record.answered(1)
                await broker.leave("room")

            loop = asyncio.get_running_loop()
            monkeypatch.setattr(Journal, "unused", used_at_once)
            assert await broker.expire(room_seconds=500.0, client_seconds=500.0) == []
            assert (await reopened(broker, record)).room.seq == 1

    async def test_many_open_rooms_are_noted_as_used_a_few_in_each_commit(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0
        monkeypatch.setattr(module, "_ROOMS_AT_ONCE", 2)
        rooms_written: list[int] = []
        commit = Journal.commit

        def counted(journal: Journal, batches: Sequence[Batch]) -> None:
            rooms_written.append(sum(len(batch.rooms) for batch in batches))
            commit(journal, batches)

        async with running(
            make(kind, tmp_path, clock=lambda: now, monotonic=lambda: now)
        ) as broker:
            for number in range(6):
                await opened(broker, Record(), f"{number}")
            now = 4_000.0
            monkeypatch.setattr(Journal, "commit", counted)
            assert await broker.expire(room_seconds=1e9, client_seconds=1e9) == []
            assert sum(rooms_written) == 6
            assert max(rooms_written) == 2

    async def test_a_start_after_a_long_time_deletes_nothing(
        self, kind: str, tmp_path: Path
    ) -> None:
        day = now = 86_400.0
        seconds = {"room_seconds": 30 * day, "client_seconds": day}
        make_now = partial(make, kind, tmp_path, clock=lambda: now, monotonic=lambda: now)
        async with running(make_now()) as broker:
            await broker.create("room")
        for date in (41, 42, 83):
            now = date * day
            async with running(make_now()) as broker:
                assert await broker.expire(**seconds) == []
                now += day / 2
                assert await broker.expire(**seconds) == []
        async with running(make_now()) as broker:
            now += 28 * day
            assert await broker.expire(**seconds) == []
            now += day
            assert await broker.expire(**seconds) == ["room"]

    async def test_what_deleted_rooms_held_is_removed_at_the_next_start(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = Record()
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append())
            await record.answered(1)
            with monkeypatch.context() as patch:
                patch.setattr(Journal, "sweep", lambda journal: False)
                await broker.delete("room")
        async with running(make(kind, tmp_path)) as broker:
            assert not await broker.has("room")
            assert await broker.open("other", record) is None
            assert isinstance(broker, JournalBroker)
            assert broker._sweeping is not None
            await broker._sweeping
        with closing(sqlite3.connect(tmp_path / "rooms.db")) as connection:
            assert connection.execute("SELECT count(*) FROM entries").fetchone() == (0,)

    async def test_an_end_does_not_wait_until_all_is_removed(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Journal, "sweep", lambda journal: True)  # there is always more
        async with running(make(kind, tmp_path)) as broker:
            await broker.create("room")
            await broker.delete("room")

    async def test_authors_without_a_name_take_no_more_rows_than_there_are_entries(
        self, kind: str, tmp_path: Path
    ) -> None:
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, Record())
            for number in range(100):
                record = Record(author=Author(f"request {number}"))
                push(sequencer, record, Replace())
                await record.answered(1)
                del record
        with closing(sqlite3.connect(tmp_path / "rooms.db")) as connection:
            (count,) = connection.execute("SELECT count(*) FROM authors").fetchone()
            assert count <= 4


def fails_once(commit: Any) -> Any:
    left = [OSError(28, "No space left on device")]

    def fail(journal: Journal, batches: Sequence[Batch]) -> None:
        if left:
            raise left.pop()
        commit(journal, batches)

    return fail


async def test_others_have_turns_while_the_rows_of_a_long_room_are_made(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, value = Room(epoch="elsewhere"), Value.from_json(b"1")
    for key in "ab":
        room.apply(Push(key, Append(), Raw()), [value] * 20_000, author=ANNA)
    made: list[int] = []  # how many rows there were at each turn of the others

    def make_kept(rows: RoomRows, key: str, entries: Any, pending: set[int], batch: Batch) -> None:
        make_some(rows, key, entries, pending, batch)
        made.append(len(batch.entries))

    make_some = RoomRows._make_kept
    monkeypatch.setattr(RoomRows, "_make_kept", make_kept)
    turns: list[int] = []

    async def others() -> None:
        while True:
            turns.append(made[-1] if made else 0)
            await asyncio.sleep(0)

    async with running(make(kind, tmp_path)) as broker:
        having_turns = asyncio.ensure_future(others())
        await broker.replace("room", room)
        having_turns.cancel()
        assert turns[-1] == 40_000
        assert max(b - a for a, b in pairwise(turns)) <= 1000
        sequencer = await broker.open("room", Record())
        assert sequencer is not None
        assert [len(entries) for entries in kept(sequencer.room).values()] == [20_000, 20_000]


async def test_a_room_that_is_replaced_takes_nothing_while_what_was_written_is_freed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record()
    ended: list[bool] = []

    def emptied(rows: list[Any]) -> Steps[None]:
        ended.append(("reset", None) in record.heard)
        yield

    monkeypatch.setattr(module, "_emptied", emptied)
    async with running(make(kind, tmp_path)) as broker:
        await opened(broker, record)
        await broker.replace("room", Room(epoch="new"))
    assert ended == [True]
