"""Several servers that share rooms through Redis: each of them, and Redis, killed under load."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from ..broker.redis.servers import RedisServer
from . import invariants
from .client import Client, joined, last_words
from .host import Host, hosting
from .load import KEYS, acknowledged, all_is_well, new_seed, pushing
from .proxy import proxying
from .wire import ABNORMAL

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(900)]

_PATIENCE_SECONDS = 60


class RoamingClient(Client):
    """A client that comes to another server, any of them, with each connection."""

    def __init__(self, urls: Sequence[str], *, name: str, random: Random, cbor: bool) -> None:
        self._urls = urls
        super().__init__(urls[0], name=name, keys=KEYS, random=random, cbor=cbor)

    @property
    def url(self) -> str:
        """The room at a server."""
        return self._random.choice(self._urls)

    @url.setter
    def url(self, url: str) -> None:
        pass


@contextmanager
def redis(*settings: str, port: int = 0) -> Iterator[RedisServer]:
    """A Redis for one test."""
    server = RedisServer(*settings, port=port)
    try:
        yield server
    finally:
        server.close()


@asynccontextmanager
async def servers(folder: Path, *urls: str) -> AsyncIterator[list[Host]]:
    """Servers that share the rooms of a Redis, each with the URL by which it reaches it."""
    options = (
        "--DriftDB.redis_timeout_seconds=1",
        # It covers all that happens here.
        "--DriftDB.recovery_window_count=10000000",
        f"--DriftDB.recovery_window_bytes={2**30}",
    )
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(hosting(folder, f"--redis={url}", *options))
            for url in urls
        ]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Team(NamedTuple):
    """Clients in one room of several servers, each with any of them.

    ``urls``: the room at each server.
    """

    hosts: Sequence[Host]
    urls: Sequence[str]
    clients: Sequence[Client]

    async def is_well(self) -> None:
        """Wait until all are at rest, and look whether each server has what they wrote."""
        for url in self.urls:
            await all_is_well(self.clients, url)


@asynccontextmanager
async def team_of(
    folder: Path, random: Random, *redis_urls: str, count: int = 4
) -> AsyncIterator[Team]:
    """Some clients, of whom every other one speaks CBOR, in a new room."""
    async with servers(folder, *redis_urls) as hosts:
        url = await hosts[-1].new_room()
        urls = [url.replace(hosts[-1].url, host.url) for host in hosts]
        clients = [
            RoamingClient(
                urls, name=f"client-{number}", random=Random(random.random()), cbor=number % 2 == 1
            )
            for number in range(count)
        ]
        async with joined(*clients):
            yield Team(hosts, urls, clients)
        assert not any("Traceback" in host.log for host in hosts)


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
async def test_servers_that_are_killed_in_turn_lose_and_double_nothing(
    tmp_path: Path, kills: int
) -> None:
    random = new_seed()
    with redis() as shared:
        async with team_of(tmp_path, random, shared.url, shared.url) as team:
            async with pushing(team.clients):
                for number in range(kills):
                    await acknowledged(team.clients, random.randint(1, 50))
                    await team.hosts[number % 2].restart()
                await acknowledged(team.clients, 10)
            await team.is_well()
            starts = [len(r.lives) for c in team.clients for r in c.replicas.values()]
            assert starts == [1] * len(starts)  # all were recovered, always


@pytest.mark.parametrize("fsync", ["always", pytest.param("everysec", marks=pytest.mark.long)])
async def test_a_redis_that_writes_all_down_loses_nothing_when_it_is_killed(
    tmp_path: Path, fsync: str
) -> None:
    random = new_seed()
    with redis("--appendonly", "yes", "--appendfsync", fsync) as shared:
        async with team_of(tmp_path, random, shared.url, shared.url) as team:
            async with pushing(team.clients):
                for _ in range(2):
                    await acknowledged(team.clients, random.randint(1, 20))
                    await asyncio.to_thread(shared.kill)
                    await asyncio.to_thread(shared.start)
                await acknowledged(team.clients, 10)
            await team.is_well()


_TINY = "pubsub 32kb 16kb 1"
_USUAL = "pubsub 32mb 8mb 60"


@pytest.mark.long
async def test_what_is_done_to_redis_under_load_loses_nothing(tmp_path: Path) -> None:
    """Each again and again for a second: what spoils it, and what mends it again."""
    random = new_seed()
    with redis() as shared:
        async with team_of(tmp_path, random, shared.url, shared.url) as team:
            async with pushing(team.clients):
                for spoil, mend in [
                    (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
                    (("CLIENT", "KILL", "TYPE", "normal"), ("PING",)),
                    (("CLIENT", "KILL", "TYPE", "pubsub"), ("PING",)),
                    (("SCRIPT", "FLUSH"), ("PING",)),
                    (
                        ("ACL", "SETUSER", "default", "-hset"),
                        ("ACL", "SETUSER", "default", "+hset"),
                    ),
                    (
                        ("CONFIG", "SET", "min-replicas-to-write", "1"),
                        ("CONFIG", "SET", "min-replicas-to-write", "0"),
                    ),
                    (
                        ("CONFIG", "SET", "client-output-buffer-limit", _TINY),
                        ("CONFIG", "SET", "client-output-buffer-limit", _USUAL),
                    ),
                ]:
                    await acknowledged(team.clients, 10)
                    for _ in range(10):
                        assert not shared.ask(*spoil).startswith(b"-")
                        await asyncio.sleep(0.1)
                    assert not shared.ask(*mend).startswith(b"-")
                await acknowledged(team.clients, 10)
            await team.is_well()


@pytest.mark.parametrize("seconds", [2, pytest.param(120, marks=pytest.mark.long)])
async def test_a_bad_network_between_a_server_and_redis_loses_nothing(
    tmp_path: Path, seconds: float
) -> None:
    random = new_seed()
    port = free_port()
    with redis(port=port) as shared:
        url = f"redis://127.0.0.1:{port}"
        async with (
            proxying(url, seed=random.randrange(2**32), calm=True) as network,
            team_of(tmp_path, random, network.at(url), url) as team,
        ):
            network.storm()  # a server that can't reach Redis at its start says so, and ends
            async with pushing(team.clients):
                await asyncio.sleep(seconds)
            network.calm()
            await team.is_well()
            print(f"{seconds} s: {network.strikes}")
        assert shared.ask("PING")


async def all_have_begun_anew(team: Team) -> None:
    """Wait until all are at rest, and look whether all have the same, in another epoch."""
    clients = team.clients
    await asyncio.wait_for(last_words(*clients), _PATIENCE_SECONDS)
    held = [await invariants.truth(url, list(KEYS)) for url in team.urls]
    assert held[0] == held[1]
    invariants.nothing_doubled(clients, held[0])
    invariants.nothing_missed(clients, acknowledged_may_be_lost=True)
    invariants.every_replica_is_equal(clients, held[0])
    epochs = {r.lives[-1].epoch for c in clients for r in c.replicas.values()}
    assert len(epochs) == 1
    assert all(len(r.lives) > 1 for c in clients for r in c.replicas.values())


async def test_when_redis_has_lost_something_all_begin_another_epoch(tmp_path: Path) -> None:
    random = new_seed()
    with redis() as shared:
        async with team_of(tmp_path, random, shared.url, shared.url) as team:
            clients = team.clients
            async with pushing(clients):
                await acknowledged(clients, 10)
                assert shared.ask("SAVE") == b"+OK\r\n"
                await acknowledged(clients, 20)
                await asyncio.to_thread(shared.kill)
                await asyncio.to_thread(shared.start)
                await acknowledged(clients, 20)
            await all_have_begun_anew(team)


@pytest.mark.parametrize("goes_on", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_a_replica_that_lags_takes_over_by_hand_and_no_number_is_given_twice(
    tmp_path: Path, goes_on: bool
) -> None:
    """The servers know an address that moves; ``goes_on``: the old primary is not ended."""
    random = new_seed()
    ports = free_port(), free_port()
    urls = [f"redis://127.0.0.1:{port}" for port in ports]
    with redis(port=ports[0]) as primary, redis(port=ports[1]) as replica:
        async with proxying(urls[0]) as address, proxying(urls[0]) as to_replica:
            replica.ask("REPLICAOF", "127.0.0.1", str(to_replica.port))
            while b"master_link_status:up" not in replica.ask("INFO", "replication"):
                await asyncio.sleep(0.01)
            at = address.at(urls[0])
            async with team_of(tmp_path, random, at, at) as team:
                async with pushing(team.clients):
                    await acknowledged(team.clients, 10)
                    for link in to_replica.links:
                        link.down.stalled = True
                    await acknowledged(team.clients, 20)  # of which the replica hears nothing
                    replica.ask("REPLICAOF", "NO", "ONE")
                    address.move(urls[1])
                    if not goes_on:
                        await asyncio.to_thread(primary.kill)
                    else:
                        while any(
                            len(r.lives) < 2 for c in team.clients for r in c.replicas.values()
                        ):
                            await asyncio.sleep(0.05)
                    await acknowledged(team.clients, 20)
                await all_have_begun_anew(team)


@pytest.mark.parametrize("count", [pytest.param(500, marks=pytest.mark.long)])
async def test_servers_that_restart_one_after_the_other_refuse_nobody(
    tmp_path: Path, count: int
) -> None:
    """Three servers, and clients of whom some write, while each server is stopped and started."""
    random = new_seed()
    with redis() as shared:
        async with team_of(tmp_path, random, *[shared.url] * 3, count=count) as team:
            for client in team.clients:
                await client.until(lambda c=client: c.is_live)  # type: ignore[misc]
            writers = team.clients[:3]
            async with pushing(writers):
                for host in team.hosts:
                    await acknowledged(writers, 10)
                    await host.end(signal.SIGTERM)
                    await acknowledged(writers, 10)
                    await host.start()
                await acknowledged(writers, 10)
            await asyncio.wait_for(last_words(*writers), _PATIENCE_SECONDS)
            said = {writer.name: writer.counts for writer in writers}
            for client in team.clients:
                for key, replica in client.replicas.items():
                    there = {name: counts[key] for name, counts in said.items()}
                    await asyncio.wait_for(
                        client.until(
                            lambda r=replica, t=there: t.items() <= r.lives[-1].newest.items()  # type: ignore[misc]
                        ),
                        _PATIENCE_SECONDS,
                    )
            invariants.check(team.clients, await invariants.truth(team.urls[0], list(KEYS)))
            # A server that stops says so, and one that isn't there refuses nobody by a status.
            assert {end for client in team.clients for end in client.ends} <= {1001, 1012, ABNORMAL}
            assert all(len(r.lives) == 1 for c in team.clients for r in c.replicas.values())
