"""The end of a process delivers all that was written, however it ends.

``DRIFTDB_TEST_PYTHONS`` names more interpreters to try, separated by ``:``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import driftdb_jupyter
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room

from .fakes import FakeServer
from .served import come_true
from .written import PROLOGUE, check_that_all_arrived

PYTHONS = [sys.executable, *filter(None, os.environ.get("DRIFTDB_TEST_PYTHONS", "").split(":"))]
SECONDS = 240

ENDS = {
    "script": "kept = write()",
    "nothing is held": "write()",
    "sys.exit": "kept = write(); sys.exit(0)",
    "exception": "kept = write(); raise ZeroDivisionError",
    "asyncio.run": """
        async def main():
            write()
        asyncio.run(main())
    """,
    "asyncio.run that waits": """
        async def main():
            kept = write()
            kept[3].observe(lambda change: None)
            await asyncio.sleep(0)
        asyncio.run(main())
    """,
    "observed before asyncio.run": """
        kept = write()
        kept[2].observe(lambda change: None)
        asyncio.run(asyncio.sleep(0.01))
    """,
    "another thread": """
        thread = threading.Thread(target=lambda: kept.append(write()))
        kept = []
        thread.start()
        thread.join()
    """,
    "a thread that goes on after the main one": """
        room(sys.argv[1]).close()  # it connects once more when the main thread is at its end
        thread = threading.Thread(target=lambda: (threading.main_thread().join(), write()))
        thread.start()
    """,
    "a hook of atexit": """
        room(sys.argv[1]).close()
        atexit.register(write)
    """,
    "SIGTERM handled": """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        kept = write()
        os.kill(os.getpid(), signal.SIGTERM)
    """,
    "Ctrl-C": "kept = write(); signal.raise_signal(signal.SIGINT)",
}


def run(python: str, end: str, room_url: str, **environ: str) -> subprocess.CompletedProcess[str]:
    program = PROLOGUE + dedent(ENDS.get(end, end))
    root = str(Path(driftdb_jupyter.__file__).parents[1])
    return subprocess.run(
        [python, "-c", program, room_url],
        env=os.environ | {"PYTHONPATH": root} | environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: Path(path).parts[-3])
def test_all_that_was_written_arrives(mine: Room, python: str, end: str) -> None:
    ended = run(python, end, mine.url, DRIFTDB_FLUSH_SECONDS="200")
    assert "may be lost" not in ended.stderr
    check_that_all_arrived(mine, ended.stderr)


def test_processes_that_end_at_once_lose_none_of_their_updates(mine: Room) -> None:
    program = """
        here = room(sys.argv[1])
        counter = SharedState("shared", 0, room=here)
        for _ in range(100):
            counter.update(lambda value: value + 1)
    """
    root = str(Path(driftdb_jupyter.__file__).parents[1])
    environ = os.environ | {"PYTHONPATH": root, "DRIFTDB_FLUSH_SECONDS": "200"}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + dedent(program), mine.url],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [child.communicate(timeout=SECONDS)[1] for child in children] == [""] * 3
    counter = SharedState("shared", room=mine)
    come_true(mine, lambda: counter.value == 300)


def test_what_did_not_arrive_is_counted(server: FakeServer) -> None:
    program = """
        here = room("a", url=sys.argv[1])
        counter = SharedState("k", 0, room=here)
        here.flush()
        counter.set(-1).result()
        for _ in range(30):
            counter.update(lambda value: value + 1)
    """
    receive = server.room.receive

    def deaf(peer: object, frame: str | bytes) -> None:
        receive(peer, frame)  # type: ignore[arg-type]
        if server.room.value("k") == (-1, 2):
            server.room.silent = True

    server.room.receive = deaf  # type: ignore[method-assign]
    ended = run(sys.executable, program, server.url, DRIFTDB_FLUSH_SECONDS="0.2")
    assert "did not acknowledge all writes within 0.2 s" in ended.stderr
    assert "(30 may be lost)" in ended.stderr
