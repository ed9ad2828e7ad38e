"""A primary that dies, and a replica that takes over as a real Sentinel has it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.protocol.errors import Unavailable

from ..brokers import CLIENT, Record, kept, opened, push, running
from .servers import RedisServer, redis_program

pytestmark = pytest.mark.asyncio

PASSWORD = "hush-hush"
SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
requirepass sentinels-own
sentinel monitor rooms 127.0.0.1 {primary} 1
sentinel auth-pass rooms {password}
sentinel down-after-milliseconds rooms 200
sentinel failover-timeout rooms 1000
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Watched(NamedTuple):
    """A primary and its replica, and where the Sentinel is that watches them."""

    primary: RedisServer
    replica: RedisServer
    port: int

    def place(self) -> RedisPlace:
        url = f"redis+sentinel://127.0.0.1:{self.port}/rooms"
        return RedisPlace(
            url, password=PASSWORD, sentinel_password="sentinels-own", timeout_seconds=1.0
        )

    def fail_over(self) -> bool:
        """Ask the Sentinel to have the replica take over, and return whether it does."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"AUTH sentinels-own\r\nSENTINEL FAILOVER rooms\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer == b"+OK\r\n+OK\r\n"


@pytest.fixture
def watched() -> Iterator[Watched]:
    first, second, port = free_port(), free_port(), free_port()
    secret = (
        "--requirepass",
        PASSWORD,
        "--masterauth",
        PASSWORD,
        "--repl-diskless-sync-delay",
        "0",
    )
    with ExitStack() as stack:
        primary = RedisServer(*secret, port=first)
        stack.callback(primary.close)
        replica = RedisServer(*secret, "--replicaof", f"127.0.0.1 {first}", port=second)
        stack.callback(replica.close)
        folder = Path(tempfile.mkdtemp(prefix="sentinel-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        config = folder / "sentinel.conf"
        config.write_text(
            SENTINEL.format(port=port, folder=folder, primary=first, password=PASSWORD)
        )
        sentinel = subprocess.Popen(
            [redis_program(), str(config), "--sentinel"], stdout=subprocess.DEVNULL
        )
        stack.callback(sentinel.wait)
        stack.callback(sentinel.kill)
        yield Watched(primary, replica, port)


def told(server: RedisServer, command: str, section: str) -> str:
    """What a server with a password answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.path))
        connection.sendall(f"AUTH {PASSWORD}\r\n{command} {section}\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer.decode()


@pytest.mark.parametrize("how", ["killed", pytest.param("asked", marks=pytest.mark.long)])
async def test_a_replica_takes_over_and_no_number_is_given_twice(
    watched: Watched, how: str
) -> None:
    while "state=online" not in told(watched.primary, "INFO", "replication"):
        await asyncio.sleep(0.01)
    async with (
        running(RedisBroker(watched.place())) as one,
        running(RedisBroker(watched.place())) as other,
    ):
        assert isinstance(one, RedisBroker)
        while True:
            try:
                await one.begin()
                break
            except Unavailable:  # the Sentinel has just started
                await asyncio.sleep(0.01)
        here, there = Record(client=CLIENT), Record()
        before = await opened(one, here)
        await opened(other, there)
        push(before, here, push_id=1)
        await here.answered(1)
        epoch = before.room.epoch
        if how == "killed":
            watched.primary.kill()
        else:  # the primary of before goes on, as a replica
            while not watched.fail_over():
                await asyncio.sleep(0.05)
        while not all(("reset", None) in record.heard for record in (here, there)):
            one.look()
            other.look()
            await asyncio.sleep(0.02)
        again, heard = Record(client=CLIENT), Record()
        after = await opened(one, again)
        at_other = await opened(other, heard)
        assert after.room.epoch != epoch
        assert "role:master" in told(watched.replica, "INFO", "replication")
        push(after, again, push_id=2)
        await again.answered(1)
        while at_other.room.seq < after.room.seq:
            await asyncio.sleep(0.01)
        assert kept(at_other.room) == kept(after.room)
