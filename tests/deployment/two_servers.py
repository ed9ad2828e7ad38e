"""The example of ``deploy/two-servers`` as its one command starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import psutil  # type: ignore[import-untyped]

from ..broker.redis.servers import redis_program
from ..conformance.servers import Server
from ..server.processes import Process, environment

__all__ = ["EXAMPLE", "two_servers"]

EXAMPLE = Path(__file__).parents[2] / "deploy" / "two-servers"


@contextmanager
def two_servers(folder: Path) -> Iterator[Process]:
    """Start two servers, a Redis and nginx; gives the command, with the root behind nginx."""
    redis_program()  # skips where there is none
    (folder / "bin").mkdir()
    command = folder / "bin" / "driftdb"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m driftdb_jupyter.cli "$@"\n')
    command.chmod(0o700)
    port = 20_000 + os.getpid() % 4_000 * 3  # of three, below those that the system gives
    env = environment(PORT=str(port), PATH=f"{command.parent}:{os.environ['PATH']}")
    root, said = f"http://127.0.0.1:{port}/", folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [EXAMPLE / "start", folder / "data"],
            env=env,
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        # nginx sends nobody to a server that has not begun yet.
        while not all(_answers(f"http://127.0.0.1:{port + place}/") for place in range(3)):
            assert process.poll() is None, said.read_text()
            time.sleep(0.02)
        yield Process(Server(root, process.terminate), process)
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(60) == 0, said.read_text()
        assert not any(child.is_running() for child in children)


def _answers(root: str) -> bool:
    try:
        with urlopen(f"{root}health", timeout=10):
            return True
    except (OSError, HTTPException):
        return False
