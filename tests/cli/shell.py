"""The command as people type it: a process with arguments and an environment."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..server.processes import COMMAND, environment

__all__ = ["Shell"]

_TIMEOUT_SECONDS = 120


class Shell:
    """A shell in which ``DRIFTDB_ROOM`` is set, and whatever else."""

    def __init__(self, room_url: str, **variables: str) -> None:
        self.room_url = room_url
        self.environment = environment(DRIFTDB_ROOM=room_url, **variables)

    def run(self, *arguments: str, text: str | bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command to its end; what it printed is in UTF-8."""
        given = text.encode() if isinstance(text, str) else text
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=given,
            capture_output=True,
            env=self.environment,
            timeout=_TIMEOUT_SECONDS,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def prints(self, *arguments: str, text: str | bytes = b"") -> str:
        """What a command prints that ends well and complains of nothing."""
        done = self.run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def on_a_terminal(self, *arguments: str, status: int = 0, **variables: str) -> str:
        """What a command that ends with a status prints on a terminal of 80 columns."""
        terminal, inside = pty.openpty()
        with open(terminal, "rb") as shown:
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                stdin=inside,
                stdout=inside,
                stderr=inside,
                env={**self.environment, "COLUMNS": "80", "TERM": "xterm", **variables},
            )
            os.close(inside)
            pieces = []
            with suppress(OSError):  # EIO: the other side is closed
                while piece := shown.read1(65536):
                    pieces.append(piece)
            assert process.wait(_TIMEOUT_SECONDS) == status
        return b"".join(pieces).decode()

    def script(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash, in which ``driftdb`` is the command; it must leave no traceback."""
        done = subprocess.run(
            ["bash", "-c", f'driftdb() {{ {shlex.join(COMMAND)} "$@"; }}; {line}'],
            capture_output=True,
            env=self.environment,
            encoding="utf-8",
            timeout=_TIMEOUT_SECONDS,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    @contextmanager
    def started(self, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            bufsize=0,
            **options,
        )
        try:
            with process:
                yield process
        finally:
            process.kill()
