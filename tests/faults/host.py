"""The standalone server in a process of its own, to be killed and started again in its place."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from ..conformance.peer import fetch
from ..server.processes import COMMAND, Process, environment, started

__all__ = ["Host", "hosting"]


class Host:
    """``driftdb serve`` on a port that stays its own; classes of it are served otherwise.

    ``options`` are its command line's, ``env`` more for its environment. ``url`` is its root, and
    all that it logged, in all its lives, is in ``log``.
    """

    def __init__(self, folder: Path, options: Sequence[str], env: Mapping[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url, command = self._served(port, folder)
        self._command = [*command, *options]
        self._environment = environment(**env)
        self._folder = folder
        self._running = ExitStack()
        self._process: Process | None = None
        self.log = ""

    def _served(self, port: int, folder: Path) -> tuple[str, list[str]]:
        """The root of the rooms, and the command that serves them there."""
        told = "--StandaloneServer.health_details=True"
        return f"http://127.0.0.1:{port}/", [*COMMAND, "serve", f"--port={port}", told]

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        process = started(self._command, cwd=self._folder, env=self._environment)
        self._process = await asyncio.to_thread(self._running.enter_context, process)

    async def end(self, number: int = signal.SIGKILL) -> None:
        """Send a signal (by default it is killed), and wait until it is dead."""
        assert self._process is not None
        await asyncio.to_thread(self._process.end, number)
        await asyncio.to_thread(self._running.close)
        self.log += self._process.log
        self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal that it lives on with."""
        assert self._process is not None
        self._process.process.send_signal(number)

    async def restart(self) -> None:
        """Kill it, and start it again."""
        await self.end()
        await self.start()

    @property
    def memory_bytes(self) -> int:
        """How much memory the process has, its RSS."""
        assert self._process is not None
        return int(psutil.Process(self._process.process.pid).memory_info().rss)

    @property
    def process_id(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.process.pid

    async def new_room(self) -> str:
        """The URL of a new room."""
        assert self._process is not None
        answer = await fetch(f"{self._process.server.root}new", method="POST")
        return f"{self._process.server.root}room/{answer.json['room']}"

    async def health(self) -> Any:
        """What it says of itself."""
        assert self._process is not None
        return (await fetch(f"{self._process.server.root}health")).json

    async def has_peers(self, count: int) -> None:
        """Wait until it has no more peers than that."""
        while (await self.health())["peers"] > count:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def hosting(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    later: bool = False,
    kind: type[Host] = Host,
) -> AsyncIterator[Host]:
    """A server that runs, until the end of the test; ``later``: once the test starts it."""
    host = kind(folder, options, env or {})
    async with AsyncExitStack() as stack:
        if not later:
            await host.start()
        stack.callback(host._running.close)
        yield host
