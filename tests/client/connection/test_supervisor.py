from __future__ import annotations

import pytest

from driftdb_jupyter.client.connection.supervisor import Supervisor
from driftdb_jupyter.client.transport.backoff import Backoff
from driftdb_jupyter.protocol.errors import (
    DriftDBError,
    Forbidden,
    NotConnected,
    RoomNotFound,
    TooLarge,
    Unreachable,
)


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor(Backoff(base_seconds=1, uniform=lambda low, high: high))


def test_the_first_attempt_that_fails_is_the_last_until_asked(supervisor: Supervisor) -> None:
    assert supervisor.ended(error := Unreachable("nobody")) is None
    assert (supervisor.status, supervisor.error) == ("stopped", error)
    assert supervisor.asked()
    assert (supervisor.status, supervisor.error) == ("connecting", None)


def test_one_that_was_open_is_tried_again_later_and_later(supervisor: Supervisor) -> None:
    supervisor.opened()
    assert [supervisor.ended(None) for _ in range(3)] == [1, 2, 4]
    assert supervisor.status == "reconnecting"
    supervisor.opened()
    supervisor.answered()
    assert supervisor.ended(None) == 1


@pytest.mark.parametrize("error", [Forbidden("no"), RoomNotFound("gone"), TooLarge("long")])
def test_a_refusal_is_final_until_asked(supervisor: Supervisor, error: DriftDBError) -> None:
    supervisor.opened()
    assert supervisor.ended(error) is None
    assert (supervisor.status, supervisor.error) == ("stopped", error)


def test_faults_in_a_row_are_tried_again_some_times(supervisor: Supervisor) -> None:
    error = NotConnected("a fault of ours")
    for _ in range(supervisor.fault_limit_count - 1):
        assert supervisor.ended(error, fault=True) is not None
        assert supervisor.status == "reconnecting"
    assert supervisor.ended(error, fault=True) is None
    assert (supervisor.status, supervisor.error) == ("stopped", error)


def test_faults_far_apart_are_not_in_a_row(supervisor: Supervisor) -> None:
    supervisor.opened()
    for _ in range(3 * supervisor.fault_limit_count):
        assert supervisor.ended(None, fault=True, lasted_seconds=1e6) is not None


def test_a_closed_one_stays_closed(supervisor: Supervisor) -> None:
    supervisor.close()
    supervisor.opened()
    assert supervisor.status == "closed"
    assert not supervisor.asked()
