from __future__ import annotations

from driftdb_jupyter.client.transport.backoff import Backoff


def upper(low: float, high: float) -> float:
    assert low == 0
    return high


def test_the_bound_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base_seconds=0.25, cap_seconds=3, uniform=upper)
    assert [backoff.next_delay() for _ in range(6)] == [0.25, 0.5, 1, 2, 3, 3]


def test_it_starts_over_after_a_success() -> None:
    backoff = Backoff(base_seconds=0.25, cap_seconds=3, uniform=upper)
    backoff.next_delay()
    backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 0.25


def test_clients_spread_over_the_whole_delay() -> None:
    delays = [Backoff(base_seconds=1).next_delay() for _ in range(200)]
    assert min(delays) < 0.2
    assert max(delays) > 0.8
    assert max(delays) <= 1
