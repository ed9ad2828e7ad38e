"""Random schedules of lost notifications, dead servers, late snapshots, and Redis that loses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from ..schedule import Step
from .world import SCHEDULES, run

# Always the same ones; the long run looks for schedules that nobody has seen.
_QUICK = settings(max_examples=60, derandomize=True)
_LONG = settings(max_examples=10_000, suppress_health_check=[HealthCheck.too_slow])


@given(schedule=SCHEDULES.strategy())
@_QUICK
def test_every_schedule_ends_well(schedule: Sequence[Step]) -> None:
    run(schedule)


@pytest.mark.long
@pytest.mark.timeout(7200)
@given(schedule=SCHEDULES.strategy())
@_LONG
def test_ten_thousand_schedules_end_well(schedule: Sequence[Step]) -> None:
    run(schedule)
