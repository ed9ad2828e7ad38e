"""What one person may do, whatever the address, and that others are not bounded by it."""

from __future__ import annotations

from typing import Any

import pytest

from driftdb_jupyter.access.identity import GUEST, Identity
from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.limits import people as people_module
from driftdb_jupyter.server.limits.people import People, PersonShare
from driftdb_jupyter.server.settings import DriftDB

from ...broker.shared import FakeShared, Place

ADA, BOB = Identity("hub", "ada"), Identity("hub", "bob")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def people(**settings: Any) -> tuple[People, Clock]:
    clock = Clock()
    return People(DriftDB(**settings), clock=clock), clock


def share(found: People, identity: Identity) -> PersonShare:
    person = found.of(identity)
    assert person is not None
    return person


def test_one_person_has_no_more_connections_than_allowed_and_another_may_come() -> None:
    found, _ = people(person_peer_limit=2)
    for _ in range(2):
        share(found, ADA).enter()
    with pytest.raises(QuotaExceeded, match="at most 2 connections of one person, got one more"):
        share(found, ADA).enter()
    share(found, BOB).enter()
    share(found, ADA).leave()
    share(found, ADA).enter()


def test_all_who_came_in_by_one_link_have_no_more_than_it_may() -> None:
    found, _ = people(link_peer_limit=2, person_peer_limit=1)
    for user in (b'{"name":"Ada"}', b'{"name":"Bob"}'):
        share(found, Identity("link", user=Value.from_json(user), link="a")).enter()
    with pytest.raises(QuotaExceeded, match="at most 2 connections of one share link, got one"):
        share(found, Identity("link", link="a")).enter()
    share(found, Identity("link", link="b")).enter()


def test_messages_of_all_who_came_in_by_one_link_are_counted_together() -> None:
    found, _ = people(link_rate_limit_per_second=1.0, link_rate_limit_burst=2)
    link = Identity("link", link="a")
    assert [share(found, link).count_message() for _ in range(3)] == [0, 0, 1]


def test_the_same_name_of_another_source_is_another_person() -> None:
    found, _ = people(person_peer_limit=1)
    share(found, ADA).enter()
    share(found, Identity("token", "ada")).enter()


def test_whom_nobody_names_is_no_person() -> None:
    found, _ = people()
    assert [found.of(who) for who in (GUEST, Identity("kernel"), Identity("link"))] == [None] * 3


def test_messages_are_counted_over_all_requests() -> None:
    found, clock = people(person_rate_limit_per_second=1.0, person_rate_limit_burst=2)
    assert [share(found, ADA).count_message() for _ in range(3)] == [0, 0, 1]
    assert share(found, BOB).count_message() == 0
    clock.now = 1
    assert share(found, ADA).count_message() == 0
    assert people()[0].of(ADA) is not None
    assert share(people()[0], ADA).rate is None


def test_who_is_gone_is_forgotten_without_debts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clock = people(person_rate_limit_per_second=1.0, person_rate_limit_burst=1)
    share(found, ADA).count_message()
    share(found, BOB).enter()
    found.tidy()
    assert len(found) == 2
    clock.now = 1
    found.tidy()
    assert len(found) == 1
    monkeypatch.setattr(people_module, "_LIMIT_COUNT", 1)
    share(found, ADA)
    assert len(found) == 1


@pytest.mark.asyncio
class TestShared:
    @pytest.fixture
    def place(self) -> Place:
        return Place()

    @pytest.fixture
    def servers(self, place: Place) -> list[People]:
        settings = DriftDB(person_peer_limit=2)
        return [People(settings, shared=FakeShared(place)) for _ in range(2)]

    async def enter(self, server: People, identity: Identity) -> None:
        person = share(server, identity)
        person.enter()
        counting = person.enter_elsewhere()
        assert counting is not None
        try:
            await counting
        except QuotaExceeded:
            person.leave()
            raise

    async def test_connections_at_all_servers_are_counted_together(
        self, servers: list[People]
    ) -> None:
        one, other = servers
        await self.enter(one, ADA)
        await self.enter(other, ADA)
        for server in servers:
            with pytest.raises(QuotaExceeded, match="at most 2 connections of one person"):
                await self.enter(server, ADA)
            await self.enter(server, BOB)
        share(other, ADA).leave()
        await self.enter(one, ADA)

    async def test_where_the_others_cant_be_asked_each_counts_its_own(
        self, servers: list[People], place: Place
    ) -> None:
        place.away = True
        for server in servers:
            for _ in range(2):
                await self.enter(server, ADA)
            with pytest.raises(QuotaExceeded):
                await self.enter(server, ADA)

    async def test_nobody_is_named_where_they_are_counted(
        self, servers: list[People], place: Place
    ) -> None:
        await self.enter(servers[0], ADA)
        assert len(place.counts) == 1
        assert "ada" not in str(place.counts)


def test_a_server_alone_waits_for_nobody() -> None:
    assert share(people()[0], ADA).enter_elsewhere() is None
