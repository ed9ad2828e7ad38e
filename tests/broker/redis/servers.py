"""Redis servers for tests: Debian's own, on a socket in a temporary folder."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

__all__ = ["RedisServer", "redis_program", "shared_server"]


def redis_program() -> str:
    """The path of ``redis-server``; skips the test where there is none."""
    path = shutil.which("redis-server", path=os.environ["PATH"] + ":/usr/bin:/usr/sbin")
    if path is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    return path


class RedisServer:
    """A Redis of its own, with settings of ours; started again on the same files.

    It listens on a socket in its folder, and on a port if one is given.
    """

    def __init__(self, *settings: str, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-", dir="/tmp"))
        self.path = self.folder / "socket"
        self.url = f"unix://{self.path}"
        self._settings = settings
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None
        self.path.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                redis_program(),
                *("--port", str(self._port), "--bind", "127.0.0.1"),
                *("--unixsocket", str(self.path), "--dir", str(self.folder)),
                *("--save", "", "--logfile", str(self.folder / "log"), "--daemonize", "no"),
                *self._settings,
            ],
            stdout=subprocess.DEVNULL,
        )
        while self._process.poll() is None:
            if self.path.exists():
                answer = self.ask("PING")
                if answer.startswith((b"+PONG", b"-NOAUTH")):
                    return
            time.sleep(0.01)
        raise RuntimeError((self.folder / "log").read_text())

    def ask(self, *words: str) -> bytes:
        """The first line or so of what it answers, raw; empty where it doesn't."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.path))
                parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
                connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
                return connection.recv(65536)
        except OSError:
            return b""

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """End it, and remove its files."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def shared_server() -> RedisServer:
    """A Redis for all tests of this process that leave it alone."""
    server = RedisServer()
    atexit.register(server.close)
    return server
