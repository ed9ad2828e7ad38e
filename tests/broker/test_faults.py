"""Commits that fail, errors that never pass and callbacks that raise: whom they concern."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from driftdb_jupyter.broker.broker import Broker, Sequencer
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.journaled import draft
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.journaled.committer import passes
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal, Unavailable
from driftdb_jupyter.protocol.messages import Append, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied

from .brokers import CLIENT, Record, kept, make, opened, push, running
from .journaled.test_broker import killed

pytestmark = pytest.mark.asyncio
both_kinds = pytest.mark.parametrize("kind", ["batched", "synced"])
FULL = OSError(28, "No space left on device")
ANNA = Author("anna", Value.from_json(b'{"name":"Anna"}'))


class Disk:
    """What the next commits fail with; ``error`` says so of some batches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Callable[[Sequence[Batch]], Exception | None] = lambda batches: None
        real = Journal.commit

        def commit(journal: Journal, batches: Sequence[Batch]) -> None:
            error = self.error(batches)
            if error is not None:
                raise error
            real(journal, batches)

        monkeypatch.setattr(Journal, "commit", commit)

    def fail(self, error: Exception, *, times: int = 1_000_000) -> None:
        left = times

        def one(batches: Sequence[Batch]) -> Exception | None:
            nonlocal left
            left -= 1
            return error if left >= 0 else None

        self.error = one

    def refuse(self, number: int, error: Exception) -> None:
        """Fail with every commit that a room of that number has to do with."""
        self.error = lambda batches: (
            error if any(batch.room == number for batch in batches) else None
        )

    def work(self) -> None:
        self.error = lambda batches: None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def number_of(sequencer: Sequencer) -> int:
    number: int = sequencer.rows.number  # type: ignore[attr-defined]
    return number


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "rooms.db")) as connection:
        return connection.execute(query).fetchall()


async def works_again(broker: Broker) -> None:
    while broker.trouble:
        await asyncio.sleep(0.01)


async def trouble(broker: Broker) -> None:
    while not broker.trouble:
        await asyncio.sleep(0)


class TestACommitThatFailed:
    @both_kinds
    async def test_leaves_no_mark_of_what_was_not_written(
        self, kind: str, disk: Disk, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT, author=ANNA)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            disk.fail(FULL, times=1)
            push(sequencer, record, Append(), push_id=1)
            await trouble(broker)
            await works_again(broker)
            push(sequencer, record, Append(), push_id=1)  # clients send it again
            await record.answered(2)
            copy = killed(tmp_path)
        assert rows(copy, "SELECT count(*) FROM ids") == [(1,)]
        assert rows(copy, "SELECT count(*) FROM producers JOIN ids ON producer = producers.id") == [
            (1,)
        ]
        async with running(make(kind, copy)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(3)
            (entry,) = sequencer.room.read("k")
            assert entry.author == ANNA

    async def test_takes_back_what_it_made_clients_forget(self, disk: Disk, tmp_path: Path) -> None:
        record = Record(client=CLIENT)
        async with running(make("synced", tmp_path)) as broker:
            sequencer = await opened(broker, record)
            for push_id in range(1, 1_001):
                push(sequencer, record, Replace(), push_id=push_id)
            await record.answered(1_000)
            disk.fail(FULL, times=1)
            for push_id in range(1_001, 4_001):  # more than are remembered at once
                push(sequencer, record, Append(), push_id=push_id)
            await record.answered(4_000)
            assert {type(answer) for answer in record.answers[1_000:]} == {Unavailable}
            await works_again(broker)
            for push_id in range(1_001, 4_001):
                push(sequencer, record, Append(), push_id=push_id)
            await record.answered(7_000)
            assert len(sequencer.room.read("k")) == 3_001

    async def test_keeps_the_ids_of_relays_that_were_broadcast(
        self, disk: Disk, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(make("synced", tmp_path)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Relay())  # has numbers reserved
            await record.answered(1)
            push(sequencer, record, Relay(), push_id=1)
            disk.fail(FULL, times=1)
            push(sequencer, record, Append(), push_id=2)
            await record.answered(3)
            await works_again(broker)
        async with running(make("synced", tmp_path)) as broker:
            producer = (await opened(broker, record)).room.producers.get(CLIENT)
            assert producer.knows(1)
            assert not producer.knows(2)

    @both_kinds
    async def test_makes_no_room(self, kind: str, disk: Disk, tmp_path: Path) -> None:
        async with running(make(kind, tmp_path, room_limit=1)) as broker:
            disk.fail(FULL, times=1)
            with pytest.raises(Unavailable):
                await broker.create("refused")
            await works_again(broker)
            assert await broker.summaries() == []
            await broker.create("room")
            assert await broker.delete("room")
            await broker.create("another")

    async def test_lets_what_gathers_not_grow_with_every_try(
        self, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(draft, "_MOST_RUNS", 100)
        record, other = Record(client=CLIENT), Record(client="d" * 16)
        async with running(make("batched", tmp_path)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            disk.fail(FULL)
            push(sequencer, record, Append(), push_id=1)
            await trouble(broker)
            for number in range(2, 502):  # by turns, so that no two numbers follow each other
                push(sequencer, record, Relay(), push_id=number)
                push(sequencer, other, Relay(), push_id=number)
                if number % 100 == 0:
                    await broker._committer.wait_until_written()  # which tries once more
            (batch,) = filter(None, broker._committer._in_flight.values())
            assert len(batch.ids) == 1
            gathered = sequencer._draft  # type: ignore[attr-defined]
            assert sum(map(len, gathered.relay_ids.values())) <= 100
            disk.work()
            await works_again(broker)
        async with running(make("batched", tmp_path)) as broker:
            producers = (await opened(broker, record)).room.producers
            for client in (CLIENT, "d" * 16):
                assert all(producers.get(client).knows(number) for number in range(2, 502))

    async def test_keeps_no_relay_from_being_acknowledged(self, disk: Disk, tmp_path: Path) -> None:
        record = Record(client=CLIENT)
        async with running(make("batched", tmp_path)) as broker:
            sequencer = await opened(broker, record)
            disk.fail(FULL)
            push(sequencer, record, Append(), push_id=1)
            push(sequencer, record, Relay(), push_id=2)  # before anybody knew
            await trouble(broker)
            await record.answered(1)
            push(sequencer, record, Relay(), push_id=3)
            assert record.heard[-3:] == [("answer", 2), ("broadcast", 3), ("answer", 3)]
            disk.work()
            await record.answered(3)
            assert record.heard[-1] == ("answer", 1)


class TestAnErrorThatNeverPasses:
    @pytest.mark.parametrize(
        "error",
        [
            sqlite3.IntegrityError("NOT NULL constraint failed: entries.value"),
            sqlite3.DatabaseError("database disk image is malformed"),
            OverflowError("Python int too large to convert to SQLite INTEGER"),
            TypeError("a mistake of ours"),
        ],
        ids=lambda error: type(error).__name__,
    )
    @both_kinds
    async def test_ends_the_room_that_it_is_of_and_no_other(
        self,
        kind: str,
        error: Exception,
        disk: Disk,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        now = 1_000.0
        bad, good = Record(client=CLIENT), Record(client="g" * 16)
        async with running(make(kind, tmp_path, clock=lambda: now)) as broker:
            guilty = await opened(broker, bad, "bad")
            push(guilty, bad, Append(), "1", push_id=1)
            await bad.answered(1)
            epoch = guilty.room.epoch
            others = [await opened(broker, good, name) for name in "abcde"]
            disk.refuse(number_of(guilty), error)
            for sequencer in (*others[:3], guilty, *others[3:]):
                record = bad if sequencer is guilty else good
                push(sequencer, record, Append(), "2", push_id=2)
            await good.answered(5)
            await bad.answered(2)
            assert all(isinstance(answer, Applied) for answer in good.answers)
            assert isinstance(bad.answers[1], Unavailable)
            assert bad.heard[-1] == ("out of service", None)
            assert ("out of service", None) not in good.heard
            assert "1 of the rooms can't be kept" in str(broker.trouble)
            assert any(each.exc_info is not None for each in caplog.records)
            for push_id in (2, 3):  # what its connections still send
                push(guilty, bad, Append(), "3", push_id=push_id)
                assert isinstance(bad.answers[-1], Unavailable)
            with pytest.raises(Unavailable, match="out of service"):
                await broker.open("bad", bad)
            await broker.create("new")
            disk.work()
            now += 60.0
            again = await opened(broker, bad, "bad")
            assert broker.trouble is None
            assert [entry.value.as_json() for entry in again.room.read("k")] == [b"1"]
            assert again.room.epoch != epoch
            push(again, bad, Append(), "2", push_id=2)
            await bad.answered(5)
            before = kept(again.room)
        async with running(make(kind, tmp_path)) as broker:
            assert kept((await opened(broker, bad, "bad")).room) == before

    @both_kinds
    async def test_that_is_the_files_is_trouble_for_all_until_it_passes(
        self, kind: str, disk: Disk, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, record)
            disk.fail(sqlite3.DatabaseError("file is not a database"))
            push(sequencer, record, Append(), push_id=1)
            await trouble(broker)
            assert "not a database" in str(broker.trouble)
            assert ("out of service", None) not in record.heard
            disk.work()
            await works_again(broker)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(2)
            assert len(sequencer.room.read("k")) == 1

    async def test_refuses_a_room_that_cant_be_written(self, disk: Disk, tmp_path: Path) -> None:
        async with running(make("batched", tmp_path)) as broker:
            assert isinstance(broker, JournalBroker)
            error = sqlite3.IntegrityError("CHECK constraint failed")
            disk.error = lambda batches: error if any(b.created for b in batches) else None
            with pytest.raises(Unavailable, match="IntegrityError"):
                await broker.create("room")
            disk.work()
            await broker.create("room")
            assert broker._count == 1

    async def test_in_making_the_rows_is_one_of_the_room(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = Record(client=CLIENT), Record(client="g" * 16)
        async with running(make("batched", tmp_path)) as broker:
            guilty, other = await opened(broker, bad, "bad"), await opened(broker, good, "good")

            def make_rows(*arguments: object, **options: object) -> Batch:
                raise ZeroDivisionError

            monkeypatch.setattr(guilty, "_make_rows", make_rows)
            push(guilty, bad, push_id=1)
            push(other, good, push_id=1)
            await good.answered(1)
            await bad.answered(1)
            assert isinstance(bad.answers[0], Unavailable)
            assert bad.heard[-1] == ("out of service", None)

    @pytest.mark.parametrize(
        ("error", "is_so"),
        [
            (FULL, True),
            (sqlite3.OperationalError("database or disk is full"), True),
            (sqlite3.IntegrityError("FOREIGN KEY constraint failed"), False),
            (sqlite3.DatabaseError("database disk image is malformed"), False),
            (MemoryError(), False),
        ],
    )
    async def test_is_told_from_a_disks(self, error: Exception, is_so: bool) -> None:
        assert passes(error) is is_so

    async def test_may_be_an_operational_error_all_the_same(self) -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            with pytest.raises(sqlite3.OperationalError) as raised:
                connection.execute("INSERT INTO missing VALUES (1)")
            if hasattr(raised.value, "sqlite_errorcode"):  # from Python 3.11 on
                assert not passes(raised.value)


class Clumsy(Record):
    """Fails whenever it hears something."""

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        super().answer(push, outcome)
        raise RuntimeError("a mistake of one connection")

    def broadcast(self, applied: Applied) -> None:
        super().broadcast(applied)
        raise RuntimeError("a mistake of one room")

    def deleted(self) -> None:
        super().deleted()
        raise RuntimeError("a mistake of one room")


class TestACallbackThatRaises:
    @both_kinds
    async def test_costs_nobody_else_an_answer(
        self, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        clumsy, good = Clumsy(client=CLIENT), Record(client="g" * 16)
        async with running(make(kind, tmp_path)) as broker:
            bad = await opened(broker, clumsy, "bad")
            sequencer = await opened(broker, good, "good")
            push(bad, clumsy, push_id=1)
            push(bad, good, push_id=1)
            push(sequencer, good, push_id=1)
            await good.answered(2)
            await broker.leave("good")  # which waits for what is being written
            assert await broker.delete("bad")
            assert "a mistake of one connection" in caplog.text
            assert "a mistake of one room" in caplog.text
            await broker.create("other")

    @both_kinds
    async def test_in_a_broadcast_keeps_no_push_from_being_applied_once(
        self, kind: str, tmp_path: Path
    ) -> None:
        audience, record = Clumsy(), Record(client=CLIENT)
        async with running(make(kind, tmp_path)) as broker:
            sequencer = await opened(broker, audience)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(1)
            copy = killed(tmp_path)
        async with running(make(kind, copy)) as broker:
            sequencer = await opened(broker, record)
            push(sequencer, record, Append(), push_id=1)
            await record.answered(2)
            assert len(sequencer.room.read("k")) == 1
