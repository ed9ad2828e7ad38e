"""Policies that were read lately."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from driftdb_jupyter.access import read_policies
from driftdb_jupyter.access.policy import Policy, parse_policy
from driftdb_jupyter.access.read_policies import ReadPolicies
from driftdb_jupyter.protocol.errors import BadMessage


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The texts that were read."""
    made: list[object] = []

    def parse(content: object) -> Policy:
        made.append(content)
        return parse_policy(content)

    monkeypatch.setattr(read_policies, "parse_policy", parse)
    return made


def of(key: str) -> bytes:
    return b'{"anyone":{"can":"read","keys":["%s"]}}' % key.encode()


def test_a_text_is_read_once(parsed: list[object]) -> None:
    policies = ReadPolicies(limit_bytes=100_000)
    first = policies.read(of("a"))
    assert policies.read(of("a")) is first
    assert policies.read(of("b")).policy == parse_policy(of("b"))
    assert parsed == [of("a"), of("b")]


def test_the_longest_unused_are_forgotten(parsed: list[object]) -> None:
    policies = ReadPolicies(limit_bytes=3 * parse_policy(of("a")).cost_bytes)
    for key in "abcad":
        policies.read(of(key))
    parsed.clear()
    for key in "acdb":
        policies.read(of(key))
    assert parsed == [of("b")]


def test_one_that_is_too_long_is_not_kept_and_no_other_forgotten_for_it(
    parsed: list[object],
) -> None:
    policies = ReadPolicies(limit_bytes=2 * parse_policy(of("a" * 50)).cost_bytes - 1)
    policies.read(of("a"))
    for _ in range(2):
        assert policies.read(of("a" * 50)).policy == parse_policy(of("a" * 50))
    policies.read(of("a"))
    assert len(parsed) == 3
    assert policies.byte_count == parse_policy(of("a")).cost_bytes


def test_several_threads_read_at_once() -> None:
    policies = ReadPolicies(limit_bytes=10 * parse_policy(of("a")).cost_bytes)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: policies.read(of(str(number % 20))), range(2000)))
    assert 0 < policies.byte_count <= policies.limit_bytes


def test_what_is_no_policy_is_refused_each_time() -> None:
    policies = ReadPolicies(limit_bytes=100_000)
    for _ in range(2):
        with pytest.raises(BadMessage):
            policies.read(b"[]")
