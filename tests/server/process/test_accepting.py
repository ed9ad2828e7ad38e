"""Accepting where the system has no more descriptors."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.tcpserver import TCPServer

from driftdb_jupyter.server.process import accepting
from driftdb_jupyter.server.process.accepting import accept_patiently

from ...conformance.peer import fetch
from ..processes import COMMAND, environment, started

pytestmark = pytest.mark.asyncio
LOG = logging.getLogger(__name__)


class Greeter(TCPServer):
    """Says hello to whoever connects."""

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        await stream.write(b"hello")
        stream.close()


class Scarce(socket.socket):
    """A listening socket that fails to accept as often as it is told to."""

    failures: list[int]
    tried = 0

    def accept(self) -> Any:
        self.tried += 1
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


@pytest_asyncio.fixture
async def listening() -> AsyncIterator[tuple[Greeter, Scarce]]:
    server = Greeter()
    (bound,) = bind_sockets(0, "127.0.0.1")
    scarce = Scarce(fileno=bound.detach())
    scarce.setblocking(False)
    scarce.failures = []
    server.add_socket(scarce)
    yield server, scarce
    server.stop()


async def greeting(scarce: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(*scarce.getsockname())
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_without_descriptors_it_pauses_says_so_once_and_goes_on(
    listening: tuple[Greeter, Scarce],
    number: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accepting, "_PAUSE_SECONDS", 0.01)
    server, scarce = listening
    assert accept_patiently(server, LOG)
    scarce.failures = [number] * 5
    assert await greeting(scarce) == b"hello"
    # A turn for each pause, and two for the connection and the look for another.
    assert scarce.tried <= 5 + 2
    (line,) = caplog.messages
    assert os.strerror(number) in line


async def test_a_connection_that_was_given_up_is_passed_over(
    listening: tuple[Greeter, Scarce], caplog: pytest.LogCaptureFixture
) -> None:
    server, scarce = listening
    assert accept_patiently(server, LOG)
    scarce.failures = [errno.ECONNABORTED]
    assert await greeting(scarce) == b"hello"
    assert caplog.messages == []


async def test_it_stops_in_the_middle_of_a_pause(listening: tuple[Greeter, Scarce]) -> None:
    server, scarce = listening
    assert accept_patiently(server, LOG)
    scarce.failures = [errno.EMFILE]
    _, writer = await asyncio.open_connection(*scarce.getsockname())
    while scarce.failures:
        await asyncio.sleep(0)
    server.stop()
    assert scarce.fileno() == -1
    writer.close()


async def test_a_tornado_without_the_names_it_needs_is_left_alone() -> None:
    without: Any = object()
    assert not accept_patiently(without, LOG)


@pytest.mark.skipif(sys.platform != "linux", reason="its limit of open files is the shell's")
async def test_a_server_that_ran_out_of_descriptors_says_one_line_and_comes_back(
    tmp_path: Path,
) -> None:
    shell = "ulimit -Sn 64; ulimit -Hn 64; exec " + " ".join([*COMMAND, "serve", "--port=0"])
    with started(["bash", "-c", shell], cwd=tmp_path, env=environment()) as process:
        host, _, port = process.server.root.split("/")[2].partition(":")
        held = [socket.create_connection((host, int(port))) for _ in range(100)]
        while not any("no connection can be accepted" in line for line in process.lines):
            await asyncio.sleep(0.005)
        for connection in held:
            connection.close()
        assert (await fetch(process.server.root + "health")).status == 200
        assert process.end() == 0
    assert len([line for line in process.lines if "can be accepted" in line]) == 1
    assert len(process.lines) < 20
