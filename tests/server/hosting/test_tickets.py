"""Tickets: good once, for a while, in one room."""

from __future__ import annotations

import pytest

from driftdb_jupyter.access.credential import Guest, Operator
from driftdb_jupyter.access.identity import GUEST
from driftdb_jupyter.protocol.errors import RateExceeded
from driftdb_jupyter.server.hosting.tickets import Tickets
from driftdb_jupyter.server.limits.callers import Caller, Callers
from driftdb_jupyter.server.settings import DriftDB


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_caller() -> Caller:
    """The counters of another address."""
    return Callers(DriftDB())["192.0.2.1"]


@pytest.fixture
def tickets(clock: Clock) -> Tickets:
    return Tickets(30, 3, 2, clock=clock, monotonic=clock)


def test_one_stands_for_its_credential_once(tickets: Tickets) -> None:
    guest = Guest()
    text = tickets.issue(guest, "r", a_caller()).ticket
    assert tickets.redeem(text, "r") is guest
    assert tickets.redeem(text, "r") is None


def test_one_is_good_in_its_room_alone_and_used_up_elsewhere(tickets: Tickets) -> None:
    text = tickets.issue(Guest(), "r", a_caller()).ticket
    assert tickets.redeem(text, "other") is None
    assert tickets.redeem(text, "r") is None


def test_one_ends_by_itself(tickets: Tickets, clock: Clock) -> None:
    ticket = tickets.issue(Guest(), "r", a_caller())
    assert ticket.expires_at == 1030
    clock.now = 1030
    assert tickets.redeem(ticket.ticket, "r") is None


def test_no_more_are_out_than_may_be_and_none_is_forgotten_for_another(
    tickets: Tickets, clock: Clock
) -> None:
    first = tickets.issue(Guest(), "r", a_caller()).ticket
    clock.now += 10
    for _ in range(2):
        tickets.issue(Guest(), "r", a_caller())
    with pytest.raises(RateExceeded) as refused:
        tickets.issue(Guest(), "r", a_caller())
    assert refused.value.retry_after_seconds == 21
    assert tickets.redeem(first, "r") is not None
    tickets.issue(Guest(), "r", a_caller())
    clock.now += 30
    tickets.forget_old()
    assert len(tickets) == 0


def test_one_address_leaves_some_for_others(tickets: Tickets, clock: Clock) -> None:
    greedy = a_caller()
    texts = [tickets.issue(Guest(), "r", greedy).ticket for _ in range(2)]
    with pytest.raises(RateExceeded):
        tickets.issue(Guest(), "r", greedy)
    assert not greedy.forgettable
    tickets.issue(Guest(), "r", a_caller())
    assert tickets.redeem(texts[0], "r") is not None
    tickets.issue(Guest(), "r", greedy)
    clock.now += 30
    tickets.forget_old()
    assert greedy.forgettable


def test_one_ends_with_its_credential(tickets: Tickets, clock: Clock) -> None:
    credential = Operator(GUEST)
    credential.expires_at = 1010.0
    ticket = tickets.issue(credential, "r", a_caller())
    assert ticket.expires_at == 1010
    clock.now = 1010
    assert tickets.redeem(ticket.ticket, "r") is None


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_one_is_good_as_long_though_the_clock_is_set(seconds: float) -> None:
    clock, monotonic = Clock(), Clock()
    tickets = Tickets(30, 2, 2, clock=clock, monotonic=monotonic)
    first, second = [tickets.issue(Guest(), "r", a_caller()).ticket for _ in range(2)]
    clock.now += seconds
    monotonic.now += 29
    assert tickets.redeem(first, "r") is not None
    monotonic.now += 1
    assert tickets.redeem(second, "r") is None
    assert tickets.issue(Guest(), "r", a_caller()).expires_at == clock.now + 30


@pytest.mark.parametrize("text", ["", "unknown", "\ud800", "x" * 100_000])
def test_others_are_worth_nothing(tickets: Tickets, text: str) -> None:
    assert tickets.redeem(text, "r") is None
