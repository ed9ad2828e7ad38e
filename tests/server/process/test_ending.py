"""The end of a server: whatever would hold it up for ever is given up, and the log says so."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
from pathlib import Path

import pytest

from driftdb_jupyter.server.process.ending import Deadline, within

from ..processes import COMMAND, environment, started

LOG = logging.getLogger("driftdb_jupyter.ending")

# Faults that a configuration file puts into a server, and what it says before it ends all the same.
FAULTS = {
    "a room that is never left": (
        "from driftdb_jupyter.server.hosting.open_rooms import OpenRooms\n"
        "OpenRooms.settle = lambda self: asyncio.sleep(3600)\n",
        0,
        "leaving rooms took longer than",
    ),
    "a broker that never closes": (
        "from driftdb_jupyter.broker.journaled.broker import JournalBroker\n"
        "JournalBroker.close = lambda self: asyncio.sleep(3600)\n",
        0,
        "keeping what is to be kept took longer than",
    ),
    "connections that refuse to be cancelled": (
        "from tornado.httpserver import HTTPServer\n"
        "async def close(self):\n"
        "    for _ in range(2):\n"
        "        try:\n"
        "            await asyncio.sleep(3600)\n"
        "        except asyncio.CancelledError:\n"
        "            pass\n"
        "HTTPServer.close_all_connections = close\n",
        1,
        "closing connections took longer than",
    ),
    "a disk that doesn't answer": (
        "from driftdb_jupyter.broker.file.journal import Journal\n"
        "Journal.end = lambda self: time.sleep(3600)\n",
        1,
        "is cut off; at work are .*thread driftdb-journal_0 in",
    ),
    "a call that holds the loop": (
        "from driftdb_jupyter.server.hosting.reclaim import Reclaimer\n"
        "Reclaimer.stop = lambda self: time.sleep(3600)\n",
        1,
        "is cut off; at work are thread MainThread in",
    ),
    "a thread of the loop's own": (
        "from driftdb_jupyter.server.hosting.reclaim import Reclaimer\n"
        "def stop(self):\n"
        "    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)\n"
        "Reclaimer.stop = stop\n",
        1,
        "is cut off; at work are .*thread asyncio_",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_ends_whatever_it_waits_for(fault: str, tmp_path: Path) -> None:
    code, status, said = FAULTS[fault]
    patience = "c.DriftDB.stop_timeout_seconds = 1\n"
    (tmp_path / "faulty.py").write_text(f"import asyncio, time\n{code}{patience}")
    command = [*COMMAND, "serve", "--port=0", "--data=rooms", "--config=faulty.py"]
    with started(command, cwd=tmp_path, env=environment(), session=True) as process:
        assert process.end(signal.SIGTERM) == status
    assert re.search(said, process.log)


def test_a_server_that_nothing_holds_up_ends_without_a_word(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--data=rooms"]
    with started(command, cwd=tmp_path, env=environment(), session=True) as process:
        assert process.end(signal.SIGTERM) == 0
    assert process.lines[-1].endswith("Stopping: SIGTERM\n")


@pytest.mark.asyncio
async def test_an_error_is_not_swallowed() -> None:
    async def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        await within(60, fail(), "writing", LOG)


@pytest.mark.asyncio
async def test_a_deadline_tells_what_is_at_work_and_ends_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    statuses: list[int] = []
    ended, held = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def end(status: int) -> None:
        statuses.append(status)
        loop.call_soon_threadsafe(ended.set)

    holding = threading.Thread(target=held.wait, name="holding")
    holding.start()
    try:
        Deadline(LOG, seconds=0.01, end=end).begin()
        await ended.wait()
    finally:
        held.set()
        holding.join()
    assert statuses == [1]
    assert "thread holding in wait" in caplog.text
    assert "task test_a_deadline_tells" in caplog.text


@pytest.mark.asyncio
async def test_a_log_that_nobody_takes_holds_up_no_end() -> None:
    loop, ended, held = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            held.wait()

    log = logging.Logger("full")
    log.addHandler(Full())
    try:
        end = loop.call_soon_threadsafe
        Deadline(log, seconds=0.01, end=lambda status: end(ended.set)).begin()
        await ended.wait()
    finally:
        held.set()
