"""What one address may do, and that others are not bounded by it."""

from __future__ import annotations

from typing import Any

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.server.limits import callers as callers_module
from driftdb_jupyter.server.limits.callers import Callers
from driftdb_jupyter.server.settings import DriftDB


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def callers(**settings: Any) -> tuple[Callers, Clock]:
    clock = Clock()
    return Callers(DriftDB(**settings), clock=clock), clock


def requests(found: Callers, address: str, count: int) -> int:
    """How many of so many requests at once are let in."""
    return sum(found[address].count_request() == 0 for _ in range(count))


def test_a_class_behind_one_address_comes_in_within_ten_seconds() -> None:
    found, clock = callers()
    school = found["203.0.113.1"]
    for number in range(1000):
        clock.now = number / 100
        # A page, nine files, the room, the handshake and six requests.
        assert [school.count_request() for _ in range(18)] == [0] * 18
        school.enter()
        school.count_room()


def test_a_flood_is_refused_and_another_address_is_not() -> None:
    found, clock = callers()
    let_in = 0
    for second in range(60):
        clock.now = second
        let_in += requests(found, "203.0.113.1", 5000)
    assert let_in <= 20_000 + 60 * 500
    assert requests(found, "203.0.113.2", 1) == 1


def test_a_refused_request_is_told_when_to_come_again() -> None:
    found, _ = callers(request_limit_per_second=0.5, request_limit_burst=1)
    assert found["a"].count_request() == 0
    assert found["a"].count_request() == 2
    assert found["a"].count_request() == 2  # a refused one costs nothing


def test_one_address_makes_no_more_than_its_share_of_the_rooms() -> None:
    found, clock = callers(address_room_limit=3, room_retention_seconds=30.0)
    made = 0
    for second in range(31):
        clock.now = second
        try:
            found["a"].count_room()
            made += 1
        except QuotaExceeded:
            pass
    assert 5 <= made <= 6
    found["b"].count_room()


def test_rooms_that_are_kept_for_ever_are_counted_too() -> None:
    found, clock = callers(address_room_limit=1, room_retention_seconds=0.0)
    found["a"].count_room()
    clock.now = 3600
    with pytest.raises(QuotaExceeded, match="at most 1 rooms made by one address"):
        found["a"].count_room()


def test_one_address_has_no_more_than_its_connections() -> None:
    found, _ = callers(address_peer_limit=2)
    found["a"].enter()
    found["a"].enter()
    with pytest.raises(QuotaExceeded, match="at most 2 connections of one address"):
        found["a"].enter()
    found["b"].enter()
    found["a"].leave()
    found["a"].enter()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
        ("no: address", "no: address", True),
    ],
)
def test_a_network_of_ipv6_is_one_address(one: str, other: str, same: bool) -> None:
    found, _ = callers()
    assert (found[one] is found[other]) == same


def test_who_has_not_come_for_long_is_forgotten_and_who_is_connected_is_not() -> None:
    found, clock = callers(room_retention_seconds=20.0, address_room_limit=10)
    found["gone"].count_request()
    found["made a room"].count_room()
    found["connected"].enter()
    clock.now = 1
    found.tidy()
    assert len(found) == 2
    clock.now = 2
    found["connected"].leave()
    found.tidy()
    assert len(found) == 0


def test_no_more_addresses_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "_LIMIT_COUNT", 3)
    found, _ = callers()
    for number in range(10):
        found[str(number)].count_request()
    assert len(found) == 3


def test_tidying_looks_at_some_of_them_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "_LOOKED_AT_COUNT", 2)
    found, clock = callers()
    for address in "abcde":
        found[address].count_request()
    found["a"].enter()
    clock.now = 1
    for left in (4, 2, 1, 1):
        found.tidy()
        assert len(found) == left


def test_a_connection_has_a_rate_of_its_own_and_one_with_the_others_of_its_address() -> None:
    found, _ = callers(rate_limit_per_second=1.0, address_rate_limit_per_second=2.0)
    (own, together), (another, same) = found["a"].rates(), found["a"].rates()
    assert own is not another
    assert together is same
    assert found["b"].rates()[1] is not together


def test_by_default_connections_send_as_fast_as_they_like() -> None:
    found, _ = callers()
    assert found["a"].rates() == []
