"""A journal that can't be used, or not at the moment: what still goes on, and what is said."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from driftdb_jupyter.broker.broker import Broker
from driftdb_jupyter.broker.durability import Durability, open_broker
from driftdb_jupyter.broker.file import filesystem, journal
from driftdb_jupyter.broker.file.journal import Journal, JournalUnusable
from driftdb_jupyter.broker.journaled import committer
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.messages import Append, Relay, Replace
from driftdb_jupyter.rooms.room import Applied

from .brokers import CLIENT, Record, kept, opened, push, running

KINDS: list[Durability] = ["batched", "synced"]
both_kinds = pytest.mark.parametrize("kind", KINDS)
LARGE = '"' + "x" * 200_000 + '"'


def open_journal(folder: Path, kind: Durability = "batched") -> JournalBroker:
    broker = open_broker(str(folder / "rooms.db"), durability=kind)
    assert isinstance(broker, JournalBroker)
    return broker


async def on_writer(broker: JournalBroker, sql: str) -> None:
    """Change the connection that writes, behind the broker's back."""

    def execute(journal: Journal) -> None:
        journal._connection.execute(sql)

    await broker._threads.write(execute)


async def works_again(broker: Broker) -> None:
    while broker.trouble:
        await asyncio.sleep(0.01)


class TestAFullDisk:
    FULL = "PRAGMA max_page_count=1"
    FREE = "PRAGMA max_page_count=1000000"

    @both_kinds
    @pytest.mark.asyncio
    async def test_what_is_to_be_kept_is_refused_and_the_rest_goes_on(
        self, kind: Durability, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = Record(client=CLIENT)
        caplog.set_level(logging.INFO)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            push(sequencer, record, Relay(), push_id=1)
            push(sequencer, record, Append(), push_id=2)
            await record.answered(2)
            await on_writer(broker, self.FULL)
            push(sequencer, record, Append(), LARGE, push_id=3)
            while broker.trouble is None:
                await asyncio.sleep(0)
            assert "rooms.db can't be written" in broker.trouble
            push(sequencer, record, Relay(), push_id=4)
            push(sequencer, record, Append(), push_id=2)  # it is known
            push(sequencer, record, Append(), push_id=5)
            with pytest.raises(Unavailable, match="can't be written"):
                await broker.create("other")
            assert [e.seq for e in sequencer.room.read("k")][:1] == [2]
            await on_writer(broker, self.FREE)
            await works_again(broker)
            said = [m for m in caplog.messages if "written" in m]
            assert said == [
                f"The journal {broker.journal} can't be written (database or disk is full); "
                "writes that have to be kept are refused until it can be",
                f"The journal {broker.journal} can be written again",
            ]
            await record.answered(6)
            push(sequencer, record, Append(), push_id=6)
            await record.answered(7)
            outcomes = [a.seq if isinstance(a, Applied) else type(a) for a in record.answers]
            # What was applied before anybody knew waits in batched, and in synced it was nothing.
            if kind == "batched":
                assert outcomes == [1, 2, 4, Unavailable, 3, 2, 5]
            else:
                assert outcomes == [1, 2, Unavailable, 3, 2, Unavailable, 4]
            await broker.create("other")
            before = kept(sequencer.room)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert kept((await opened(broker, record)).room) == before

    @pytest.mark.asyncio
    async def test_with_space_for_a_try_alone_is_told_of_less_and_less_often(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(committer, "_FIRST_PAUSE_SECONDS", 0.001)
        record = Record(client=CLIENT)
        async with running(open_journal(tmp_path, "synced")) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            pauses = []
            await on_writer(broker, self.FULL)
            for number in range(1, 5):
                push(sequencer, record, Append(), LARGE, push_id=number)
                await record.answered(number)
                pauses.append(broker._committer._pause)
                await works_again(broker)
            assert pauses == [0.002, 0.004, 0.008, 0.016]
            await on_writer(broker, self.FREE)
            push(sequencer, record, Append(), LARGE, push_id=5)
            await record.answered(5)
            assert broker._committer._pause == 0.001

    @both_kinds
    @pytest.mark.asyncio
    async def test_pushes_that_were_refused_may_come_again(
        self, kind: Durability, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            await on_writer(broker, self.FULL)
            for number in range(1, 4):
                push(sequencer, record, Append(), LARGE, push_id=number)
                await asyncio.sleep(0)
            while broker.trouble is None:
                await asyncio.sleep(0)
            await on_writer(broker, self.FREE)
            await works_again(broker)
            for number in range(1, 4):
                push(sequencer, record, Append(), LARGE, push_id=number)
            await record.answered(6)
            assert len(sequencer.room.read("k")) == 3
            assert [a.seq for a in record.answers[-3:] if isinstance(a, Applied)] == [1, 2, 3]

    @both_kinds
    @pytest.mark.asyncio
    async def test_who_first_wrote_then_is_known_after_a_crash(
        self, kind: Durability, tmp_path: Path
    ) -> None:
        anna = Record(client=CLIENT, author=Author("anna"))
        async with running(open_journal(tmp_path, kind)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, anna)
            await on_writer(broker, self.FULL)
            push(sequencer, anna, Append(), LARGE, push_id=1)
            while broker.trouble is None:
                await asyncio.sleep(0)
            await on_writer(broker, self.FREE)
            await works_again(broker)
            push(sequencer, anna, Append(), push_id=2)
            await anna.answered(2)
            with closing(sqlite3.connect(tmp_path / "rooms.db")) as connection:
                clients = connection.execute("SELECT client FROM producers").fetchall()
                assert clients == [(CLIENT,)]
                assert connection.execute("SELECT client FROM authors").fetchall() == [("anna",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    @both_kinds
    @pytest.mark.asyncio
    async def test_a_room_stays_in_memory_until_it_is_written(
        self, kind: Durability, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            await on_writer(broker, self.FULL)
            push(sequencer, record, Append(), LARGE)
            while broker.trouble is None:
                await asyncio.sleep(0)
            await broker.leave("room")
            assert await broker.open("room", record) is sequencer
            before = kept(sequencer.room)
            await broker.leave("room")
            await on_writer(broker, self.FREE)
            await works_again(broker)
            await broker._committer.wait_until_written()  # its end, too
            again = await broker.open("room", record)
            assert again is not None
            assert again is not sequencer
            assert kept(again.room) == before

    @both_kinds
    @pytest.mark.asyncio
    async def test_a_room_that_cant_be_deleted_stays_with_all_that_was_pushed_meanwhile(
        self, kind: Durability, tmp_path: Path
    ) -> None:
        record = Record(client=CLIENT)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert isinstance(broker, JournalBroker)
            sequencer = await opened(broker, record)
            await on_writer(broker, "PRAGMA query_only=1")
            deleting = asyncio.create_task(broker.delete("room"))
            await asyncio.sleep(0)
            push(sequencer, record, Append(), push_id=1)
            with pytest.raises(Unavailable):
                await deleting
            await on_writer(broker, "PRAGMA query_only=0")
            push(sequencer, record, Append(), push_id=2)
            await record.answered(2)
            await works_again(broker)
            push(sequencer, record, Append(), push_id=3)
            await record.answered(3)
            assert isinstance(record.answers[-1], Applied)
            before = kept(sequencer.room)
        async with running(open_journal(tmp_path, kind)) as broker:
            assert kept((await opened(broker, record)).room) == before

    @both_kinds
    @pytest.mark.asyncio
    async def test_an_end_that_loses_something_is_said_and_changes_the_epoch(
        self, kind: Durability, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = Record(client=CLIENT)
        broker = open_journal(tmp_path, kind)
        sequencer = await opened(broker, record)
        push(sequencer, record, push_id=1)
        await record.answered(1)
        await on_writer(broker, self.FULL)
        push(sequencer, record, Append(), LARGE, push_id=2)
        await broker.close()
        assert ("The last changes are lost" in caplog.text) == (kind == "batched")
        async with running(open_journal(tmp_path, kind)) as again:
            room = (await opened(again, record)).room
            assert [entry.seq for entry in room.read("k")] == [1]
            assert (room.epoch == sequencer.room.epoch) == (kind == "synced")

    @both_kinds
    @pytest.mark.asyncio
    async def test_an_end_that_loses_only_ids_of_relays_is_said(
        self, kind: Durability, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = Record(client=CLIENT)
        broker = open_journal(tmp_path, kind)
        sequencer = await opened(broker, record)
        push(sequencer, record, push_id=1)
        await record.answered(1)
        push(sequencer, record, Relay(), push_id=2)
        await record.answered(2)
        await on_writer(broker, "PRAGMA query_only=1")
        await broker.close()
        assert broker.loses
        lost = "The last changes are lost" if kind == "batched" else "The ids of the last relays"
        assert lost in caplog.text

    @both_kinds
    @pytest.mark.asyncio
    async def test_an_end_that_loses_no_push_is_not_said(
        self, kind: Durability, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = Record(client=CLIENT)
        broker = open_journal(tmp_path, kind)
        sequencer = await opened(broker, record)
        push(sequencer, record, push_id=1)
        await record.answered(1)
        await on_writer(broker, "PRAGMA query_only=1")
        await broker.close()
        assert not broker.loses
        assert "lost" not in caplog.text


@both_kinds
@pytest.mark.asyncio
async def test_an_end_that_cant_be_noted_is_an_end_all_the_same(
    kind: Durability, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = Record(client=CLIENT)
    async with running(open_journal(tmp_path, kind)) as broker:
        sequencer = await opened(broker, record)
        push(sequencer, record, Append(), push_id=1)
        await record.answered(1)
        epoch = sequencer.room.epoch
        run = tmp_path / "rooms.db.run"
        run.unlink()
        run.mkdir()  # in the way, as a folder that can only be read is
    assert "rooms.db" in caplog.text
    run.rmdir()
    async with running(open_journal(tmp_path, kind)) as broker:
        room = (await opened(broker, record)).room
        assert room.epoch != epoch
        assert len(room.read("k")) == 1


@both_kinds
@pytest.mark.asyncio
async def test_a_file_that_can_only_be_read_is_read(
    kind: Durability, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record()
    async with running(open_journal(tmp_path, kind)) as broker:
        push(await opened(broker, record), record)
        await record.answered(1)
    monkeypatch.setattr(journal, "_writable", lambda path: False)  # root may write anything
    async with running(open_journal(tmp_path, kind)) as broker:
        assert "readonly" in str(broker.trouble)
        sequencer = await broker.open("room", record)
        assert sequencer is not None
        assert [entry.seq for entry in sequencer.room.read("k")] == [1]
        push(sequencer, record, Replace())
        assert isinstance(record.answers[1], Unavailable)
        assert [s.name for s in await broker.summaries()] == ["room"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no database at all" * 100, "is damaged"),
        (b"SQLite format 3\0" + b"\xff" * 8000, "is damaged"),
    ],
)
def test_a_damaged_file_is_left_alone(
    content: bytes, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rooms.db"
    path.write_bytes(content)
    broker = open_broker(str(path))
    assert isinstance(broker, MemoryBroker)
    assert str(path) in caplog.text
    assert str(tmp_path) not in str(broker.trouble)
    assert why in str(broker.trouble)
    assert "move it away" in str(broker.trouble)
    assert path.read_bytes() == content


@pytest.mark.asyncio
async def test_a_room_whose_values_are_damaged_is_unavailable(tmp_path: Path) -> None:
    record = Record()
    async with running(open_journal(tmp_path)) as broker:
        sequencer = await opened(broker, record)
        for number in range(200):
            push(sequencer, record, Append(), f'"{number}{"x" * 1000}"')
        await opened(broker, record, "other")
    path = tmp_path / "rooms.db"
    content = bytearray(path.read_bytes())
    for page in range(20, 30):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    async with running(open_journal(tmp_path)) as broker:
        assert isinstance(broker, JournalBroker)
        with pytest.raises(Unavailable, match="malformed"):
            await broker.open("room", record)
        assert await broker.open("other", record) is not None
        assert await broker.check() != []


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database_is_left_as_it_is(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "rooms.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE cats (name)")
    before = path.read_bytes()
    broker = open_broker(str(path))
    assert isinstance(broker, MemoryBroker)
    assert "got another database" in str(broker.trouble)
    assert path.read_bytes() == before
    assert not (tmp_path / "rooms.db-wal").exists()


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    Journal(str(tmp_path / "rooms.db")).close()
    with sqlite3.connect(tmp_path / "rooms.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    broker = open_broker(str(tmp_path / "rooms.db"))
    assert isinstance(broker, MemoryBroker)
    assert "or older, got version 99" in str(broker.trouble)
    assert "update this server" in str(broker.trouble)


def test_the_first_server_on_a_file_keeps_it(tmp_path: Path) -> None:
    path = str(tmp_path / "rooms.db")
    hold = (
        "import sys; from driftdb_jupyter.broker.durability import open_broker\n"
        f"broker = open_broker({path!r}); print(broker.trouble, flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "None\n"
        second = open_broker(path)
        assert isinstance(second, MemoryBroker)
        assert "another server has the journal rooms.db" in str(second.trouble)
        first.kill()
    third = open_broker(path)
    assert isinstance(third, JournalBroker)
    asyncio.run(third.close())


def test_a_folder_that_cant_be_made_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    broker = open_broker(str(tmp_path / "file" / "rooms.db"))
    assert isinstance(broker, MemoryBroker)
    assert "the journal rooms.db can't be opened: its folder is a file" in str(broker.trouble)
    assert str(tmp_path) not in str(broker.trouble)
    with pytest.raises(JournalUnusable, match="can't be opened"):
        open_broker(str(tmp_path / "file" / "rooms.db"), allow_memory=False)


class TestANetworkFileSystem:
    def test_is_known_by_what_is_mounted(self, tmp_path: Path) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(
            "/dev/sda / ext4 rw 0 0\n"
            "server:/home /home nfs4 rw 0 0\n"
            "tmpfs /home/local tmpfs rw 0 0\n"
            "me@there: /mnt/with\\040space fuse.sshfs rw 0 0\n"
        )
        remote = {
            path: filesystem.is_remote(path, mounts=str(mounts))
            for path in ("/x", "/home", "/home/a/b", "/homes", "/home/local/a", "/mnt/with space/a")
        }
        assert [path for path, is_so in remote.items() if is_so] == [
            "/home",
            "/home/a/b",
            "/mnt/with space/a",
        ]

    def test_is_none_where_nobody_can_say(self, tmp_path: Path) -> None:
        assert not filesystem.is_remote("/x", mounts=str(tmp_path / "missing"))

    @both_kinds
    @pytest.mark.asyncio
    async def test_the_journal_works_there_without_shared_memory(
        self,
        kind: Durability,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(journal, "is_remote", lambda path: True)
        record = Record(client=CLIENT)
        for turn in (1, 2):
            async with running(open_journal(tmp_path, kind)) as broker:
                assert broker.trouble is None
                sequencer = await opened(broker, record)
                push(sequencer, record, push_id=turn)
                await record.answered(turn)
                assert len(sequencer.room.read("k")) == turn
                names = {os.path.splitext(name)[1] for name in os.listdir(tmp_path)}
                assert ".db-shm" not in names
                assert ".db-wal" not in names
        assert "mode truncate" in caplog.text
