"""What brokers do when the rooms take as much of the disk as they may."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.protocol.messages import Action, Append, Delete, Relay, Replace
from driftdb_jupyter.rooms.room import Applied

from ..brokers import CLIENT, Record, make, opened, push, running

pytestmark = pytest.mark.asyncio
KEPT = pytest.mark.parametrize("kind", ["batched", "synced"])
LIMIT_BYTES = 1_000_000
LONG = '"' + "x" * 300_000 + '"'


@KEPT
async def test_what_would_take_more_is_refused_until_something_is_deleted(
    kind: str, tmp_path: Path
) -> None:
    record = Record(client=CLIENT)
    async with running(make(kind, tmp_path, disk_limit_bytes=LIMIT_BYTES)) as broker:
        room = await opened(broker, record, "one")
        for number in range(1, 5):
            push(room, record, text=LONG, push_id=number)
            await record.answered(number)
        assert all(isinstance(answer, Applied) for answer in record.answers)
        more: list[Action] = [Append(), Replace()]
        for number, action in enumerate(more, 5):
            push(room, record, action, "1", push_id=number)
            await record.answered(number)
            assert isinstance(record.answers[-1], QuotaExceeded)
            assert "disk_limit_bytes" in str(record.answers[-1])
        with pytest.raises(QuotaExceeded, match="disk_limit_bytes"):
            await broker.create("other")
        # What was acknowledged is acknowledged again, and what isn't kept takes nothing.
        push(room, record, text=LONG, push_id=4)
        push(room, record, Relay(), "1", push_id=7)
        push(room, record, Delete(), push_id=8)
        await record.answered(9)
        assert all(isinstance(answer, Applied) for answer in record.answers[-3:])
        push(room, record, text="1", push_id=9)
        await record.answered(10)
        assert isinstance(record.answers[-1], Applied)
        await broker.create("other")


async def test_the_free_pages_of_the_file_are_not_in_use(tmp_path: Path) -> None:
    path = tmp_path / "rooms.db"
    record = Record(client=CLIENT)
    async with running(JournalBroker(str(path), disk_limit_bytes=LIMIT_BYTES)) as broker:
        room = await opened(broker, record, "one")
        push(room, record, text=LONG, push_id=1)
        push(room, record, Delete(), push_id=2)
        await record.answered(2)
    journal = Journal(str(path), reading=True)
    try:
        journal.look()
        assert 0 < journal.used_bytes <= path.stat().st_size
    finally:
        journal.close()


async def test_without_one_half_of_what_is_free_is_left(tmp_path: Path) -> None:
    async with running(JournalBroker(str(tmp_path / "rooms.db"))) as broker:
        assert isinstance(broker, JournalBroker)
        assert not broker.is_full
