"""The links of a hub: who comes in by one is counted, also across a restart of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.access.grants import Grant
from driftdb_jupyter.access.share_link import LinkHolder, LinkPerson, LinkTerms
from driftdb_jupyter.broker.broker import Broker
from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.protocol.errors import Forbidden, QuotaExceeded
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.settings import DriftDB

from ...broker.redis.servers import shared_server

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def serving(journal: Path | None = None, *, prefix: str = "") -> AsyncIterator[Hub]:
    """A hub with a journal, or in memory, or with others of that prefix in Redis."""
    settings = DriftDB()
    if prefix:
        broker: Broker = RedisBroker(RedisPlace(shared_server().url), prefix=prefix)
    else:
        broker = settings.broker(None if journal is None else str(journal))
    hub = Hub(broker, settings)
    hub.start()
    yield hub
    await hub.stop()


async def new_link(hub: Hub, *, people_limit: int, expires_at: float | None = None) -> LinkHolder:
    await hub.rooms.create("r")
    terms = LinkTerms(
        grants=(Grant(("read",)),), made_at=0.0, people_limit=people_limit, expires_at=expires_at
    )
    made = await hub.links.make("r", terms)
    assert made is not None
    return LinkHolder(made[0])


async def enter(hub: Hub, holder: LinkHolder, browser: str) -> LinkPerson:
    access = await hub.rooms.access("r")
    return await hub.links.enter("r", access, holder, browser=browser, name="")


async def test_who_came_in_before_a_restart_counts_after_it(tmp_path: Path) -> None:
    async with serving(tmp_path / "rooms.db") as hub:
        holder = await new_link(hub, people_limit=1)
        await enter(hub, holder, "first")
    async with serving(tmp_path / "rooms.db") as hub:
        await enter(hub, holder, "first")
        with pytest.raises(QuotaExceeded, match="at most 1 people by this link"):
            await enter(hub, holder, "second")


async def test_many_who_come_at_once_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path / "rooms.db") as hub:
        holder = await new_link(hub, people_limit=1000)
        writes = 0
        change = hub.rooms.change_access

        async def counted(*arguments: Any, **options: Any) -> bool:
            nonlocal writes
            writes += 1
            return await change(*arguments, **options)

        monkeypatch.setattr(hub.rooms, "change_access", counted)
        await asyncio.gather(*(enter(hub, holder, str(number)) for number in range(300)))
        assert writes <= 3
        links = await hub.links.all_of("r")
        assert links is not None
        assert links[0]["people"] == 300


async def test_of_two_servers_one_lets_the_last_one_in() -> None:
    async with serving(prefix="last:") as one, serving(prefix="last:") as other:
        holder = await new_link(one, people_limit=3)
        for hub in (one, other):
            await hub.rooms.open("r")
        coming = [enter(hub, holder, f"{hub is one} {n}") for n in range(3) for hub in (one, other)]
        outcomes = await asyncio.gather(*coming, return_exceptions=True)
        assert sum(isinstance(each, LinkPerson) for each in outcomes) == 3
        assert sum(isinstance(each, QuotaExceeded) for each in outcomes) == 3
        for hub in (one, other):
            links = await hub.links.all_of("r")
            assert links is not None
            assert links[0]["people"] == 3
        await one.rooms.delete("r")


async def test_a_link_that_is_taken_back_while_somebody_comes_lets_nobody_in(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "rooms.db") as hub:
        holder = await new_link(hub, people_limit=1)
        access = await hub.rooms.access("r")
        assert await hub.links.revoke("r", holder.link_id) == 1
        with pytest.raises(Forbidden, match="expired, or was taken back"):
            await hub.links.enter("r", access, holder, browser="x", name="")
        assert await hub.links.all_of("r") == []


async def test_a_link_that_ended_and_one_that_never_was_are_refused_alike() -> None:
    async with serving() as hub:
        ended = await new_link(hub, people_limit=1, expires_at=time.time() - 1)
        for holder in (ended, LinkHolder("link_of_nothing")):
            with pytest.raises(Forbidden, match="this link has expired, or was taken back"):
                await enter(hub, holder, "x")


async def test_there_are_no_links_of_no_room() -> None:
    async with serving() as hub:
        assert await hub.links.all_of("nowhere") is None
        assert await hub.links.revoke("nowhere", "x") is None
