"""Figures for Prometheus: right, protected, and without anything that clients make up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from prometheus_client.parser import text_string_to_metric_families

from driftdb_jupyter.server.jupyter.extension import _collector

from ...conformance.peer import Room, fetch, push, pushed
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

TOKEN = "reads-the-metrics-alone"
DOCUMENTED = (Path(__file__).parents[3] / "docs" / "deployment.md").read_text("utf-8")


async def figures(server: Server) -> dict[str, float]:
    """The samples, by name and the values of their labels."""
    url, headers = server.root + "metrics", {"Authorization": f"Bearer {TOKEN}"}
    if server.jupyter is not None:
        url = server.root.removesuffix("driftdb/") + "metrics"
        headers = server.headers
    answer = await fetch(url, headers=headers)
    assert answer.status == 200
    if server.jupyter is None:
        assert answer.headers["Cache-Control"] == "no-store"
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name.startswith("driftdb_")
    }


@pytest.fixture(params=["jupyter", "standalone"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    if request.param == "jupyter":
        # Those that other tests share are still there, and would be counted, too.
        with jupyter() as server, patch.object(_collector(), "hubs", [server.hub]):
            yield server
    else:
        kept = tmp_path / "rooms.db"
        with standalone(named_rooms=True, metrics_token=TOKEN, journal=kept) as server:
            yield server


async def test_they_tell_what_has_come_and_gone(server: Server) -> None:
    before = await figures(server)
    room = Room(server, "a-room-of-this-name")
    one, other = await room.join(), await room.join()
    for each in (one, other):
        await each.subscribe("a-key-of-this-name")
    for number in range(1, 11):
        await room.post(push("a-key-of-this-name", number))
    for each in (one, other):
        await each.hears(*(pushed("a-key-of-this-name", n, n) for n in range(1, 11)))
    now = await figures(server)

    def grown(name: str) -> float:
        return now[name] - before.get(name, 0)

    assert now["driftdb_peers"] == 2
    assert now["driftdb_rooms"] == 1
    assert 12 <= grown("driftdb_messages_received_total") < 20
    assert grown("driftdb_bytes_received_total") > 10 * 60
    assert 20 <= grown("driftdb_messages_sent_total") < 40
    assert grown("driftdb_bytes_sent_total") > 20 * 60
    assert grown("driftdb_journal_commits_total") >= 1
    assert now["driftdb_journal_failures_total"] == 0
    assert 0 < now["driftdb_memory_bytes"] < now["driftdb_memory_limit_bytes"]
    await one.send_raw("no message")
    await one.hears_error("bad_message")
    await room.empty()
    await server.has_peers(0)
    after = await figures(server)
    assert after["driftdb_refusals_total bad_message"] == 1
    assert sum(v for k, v in after.items() if k.startswith("driftdb_closes_total")) >= 2
    # What an ended connection has taken is not forgotten.
    assert after["driftdb_bytes_sent_total"] >= now["driftdb_bytes_sent_total"]
    assert after["driftdb_peers"] == 0


async def test_they_tell_how_long_the_authorizer_took(server: Server) -> None:
    before = await figures(server)
    room = Room(server, "a-room-of-this-name")
    for number in range(10):
        await room.post(push("k", number))
    now = await figures(server)

    def grown(name: str) -> float:
        return now[name] - before[name]

    count = grown("driftdb_authorizer_seconds_count")
    assert grown("driftdb_authorizer_seconds_bucket +Inf") == count
    if server.jupyter is None:
        assert count == 0
        return
    assert count >= 20
    assert grown("driftdb_authorizer_seconds_sum") > 0
    buckets = [value for name, value in now.items() if "seconds_bucket" in name]
    assert len(buckets) == 8
    assert buckets == sorted(buckets)


async def test_no_label_has_what_a_client_makes_up(server: Server) -> None:
    room = Room(server, "a-room-of-this-name")
    for code in (4000, 4999, 3000, 1000):
        peer = await room.join()
        await peer.leave(code)
    await server.has_peers(0)
    names = set(await figures(server))
    while not any(name.startswith("driftdb_closes_total other") for name in names):
        await asyncio.sleep(0.01)
        names = set(await figures(server))
    text = " ".join(names)
    assert not re.search(r"a-room|a-key|of-my-own|127\.0|4000|4999|3000", text)


async def test_each_is_documented(server: Server) -> None:
    for name in await figures(server):
        assert name.split()[0] in DOCUMENTED, name


async def test_only_who_has_the_token_is_told(server: Server) -> None:
    root = server.root.removesuffix("driftdb/") if server.jupyter else server.root
    for given in ("", "Bearer wrong", f"Basic {TOKEN}"):
        answer = await fetch(root + "metrics", headers={"Authorization": given})
        assert answer.status == (403)
        assert b"driftdb_rooms" not in answer.body


async def test_without_a_setting_there_are_none() -> None:
    with standalone() as server:
        assert (await fetch(server.root + "metrics")).status == 404
    with standalone(metrics_open=True) as server:
        assert b"driftdb_rooms 0.0" in (await fetch(server.root + "metrics")).body


async def test_open_ones_are_not_for_a_website_whose_name_leads_here() -> None:
    with standalone(metrics_open=True) as server:
        assert (await fetch(server.root + "metrics")).status == 200
        foreign = await fetch(server.root + "metrics", headers={"Host": "evil.example"})
        assert foreign.status == 403
        assert b"driftdb_rooms" not in foreign.body
