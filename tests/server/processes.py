"""Servers as people start them: processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import driftdb_jupyter

from ..conformance.servers import Server

__all__ = ["COMMAND", "Process", "environment", "started"]

COMMAND = [sys.executable, "-m", "driftdb_jupyter.cli"]
_TIMEOUT_SECONDS = 120


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that can import this package, without Jupyter's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "DRIFTDB"))
    }
    source = str(Path(driftdb_jupyter.__file__).parents[1])
    return kept | {"PYTHONPATH": source, "JUPYTER_NO_CONFIG": "1"} | more


@dataclass
class Process:
    """A server in a process, as far as it has come: what it logged, and how it ended."""

    server: Server
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def end(
        self, number: int = signal.SIGTERM, *, patience_seconds: float = _TIMEOUT_SECONDS
    ) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(patience_seconds)

    @property
    def log(self) -> str:
        """All that it said; once it has ended."""
        return "".join(self.lines)


@contextmanager
def started(
    command: list[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None = None,
    session: bool = False,
) -> Iterator[Process]:
    """Start a server, and go on when it says where its rooms are.

    ``stdin``: a descriptor that it is to read from. ``session``: it has no terminal, whatever runs
    the tests.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if session else stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=session,
    )
    running = Process(Server("", process.terminate), process)
    told = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            running.lines.append(line)
            if where := re.search(r"[Rr]ooms are at (\S+)", line):
                running.server.root = where[1]
                told.set()
        told.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert told.wait(_TIMEOUT_SECONDS), running.log
        assert running.server.root, running.log
        yield running
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()
