"""Whether the server is well, as it tells whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from driftdb_jupyter._version import __version__

from ...conformance.peer import Room, fetch
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

TROUBLE = "the journal /srv/rooms.db can't be written"


@pytest.fixture(scope="module", params=["jupyter", "standalone"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with (jupyter if request.param == "jupyter" else standalone)(base_url="/a/b/") as server:
        yield server


def trouble(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the broker say that something is wrong."""
    broker = server.hub.broker
    # Only a journal can be in trouble: there it is a property.
    owner: object = type(broker) if hasattr(type(broker), "trouble") else broker
    monkeypatch.setattr(owner, "trouble", TROUBLE)


async def test_whoever_asks_is_told_that_it_is_well_and_nothing_else(server: Server) -> None:
    answer = await fetch(server.root + "health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_in_trouble_the_status_is_503_and_the_reason_is_nobodys_business(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(server, monkeypatch)
    answer = await fetch(server.root + "health")
    assert (answer.status, answer.json) == (503, {"status": "trouble"})
    answer = await fetch(server.root + "health", method="HEAD")
    assert (answer.status, answer.body) == (503, b"")


async def test_its_figures_and_the_reason_are_told_where_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with standalone(named_rooms=True, health_details=True) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.settle()
        health = {"status": "ok", "version": __version__, "rooms": 1, "peers": 1}
        assert (await fetch(server.root + "health")).json == health
        trouble(server, monkeypatch)
        answer = await fetch(server.root + "health")
        assert answer.status == 503
        assert answer.json == {**health, "status": "trouble", "trouble": TROUBLE}
        await room.empty()


async def test_of_several_servers_it_says_which_one_this_is() -> None:
    with standalone(redis_prefix="health:", health_details=True) as server:
        shared = server.hub.broker.shared
        assert shared is not None
        told = (await fetch(server.root + "health")).json
        assert (told["server"], told["behind_seconds"]) == (shared.server, 0.0)


async def test_details_are_not_for_a_website_whose_name_leads_here(server: Server) -> None:
    foreign = {"Host": "evil.example"}
    with standalone(health_details=True) as open_server:
        answer = await fetch(open_server.root + "health", headers=foreign)
    assert answer.status == 403
    assert (await fetch(server.root + "health", headers=foreign)).json == {"status": "ok"}
