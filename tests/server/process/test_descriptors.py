"""How many connections may be open, by what the system allows."""

from __future__ import annotations

import logging

import pytest

from driftdb_jupyter.server.process.descriptors import bound_peers, raise_limit

resource = pytest.importorskip("resource")
LOG = logging.getLogger(__name__)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits of this process, the newest last, as if they were its own."""
    known = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: known[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: known.append(wanted))
    return known


def test_the_soft_limit_is_raised_to_the_hard_one_and_told(
    limits: list[tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert raise_limit(LOG) == 4096
    assert limits[-1] == (4096, 4096)
    assert caplog.messages == [
        "Up to 4096 files and connections may be open at once (before: 1024)"
    ]


def test_a_hard_limit_without_bound_is_not_taken_at_its_word(limits: list[tuple[int, int]]) -> None:
    limits.append((1024, resource.RLIM_INFINITY))
    assert raise_limit(LOG) == limits[-1][0] == 1 << 20


def test_what_is_enough_stays(
    limits: list[tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    for limit in ((4096, 4096), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        limits.append(limit)
        raise_limit(LOG)
        assert limits[-1] == limit
    assert caplog.messages == []


def test_a_system_that_refuses_to_raise_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
    limits: list[tuple[int, int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(_: int, wanted: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_limit(LOG) == 1024
    assert "stays at 1024: not allowed" in caplog.text


def test_no_more_connections_are_taken_than_there_may_be_files(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert bound_peers(10_000, LOG, files=1024) == 768
    assert "at most 768 connections are taken, not the 10000 of peer_limit" in caplog.text


def test_where_there_may_be_enough_files_the_setting_counts(
    limits: list[tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    assert bound_peers(10_000, LOG, files=20_000) == 10_000
    assert bound_peers(500, LOG) == 500
    assert caplog.messages == []
