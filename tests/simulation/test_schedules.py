"""Random schedules of delays, cuts, resends, slow readers, restarts and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings

from .journaled import Durability, serving
from .schedule import Step
from .world import SCHEDULES, World

_QUICK = settings(max_examples=150)
_LONG = settings(max_examples=5_000, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("durability", get_args(Durability))
@given(schedule=SCHEDULES.strategy())
@_QUICK
def test_every_schedule_ends_well(durability: Durability, schedule: Sequence[Step]) -> None:
    with serving(durability) as server:
        World(server).run(schedule)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("durability", get_args(Durability))
@given(schedule=SCHEDULES.strategy())
@_LONG
def test_ten_thousand_schedules_end_well(durability: Durability, schedule: Sequence[Step]) -> None:
    with serving(durability) as server:
        World(server).run(schedule)


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
def test_a_long_message_is_taken_as_a_whole(cbor: bool) -> None:
    with serving("memory") as server:
        link = server.connect("somebody", cbor=cbor)
        assert link is not None
        text = b'"%b"' % (b"x" * 200_000)
        link.up.append(b'{"type":"push","key":"k","value":%b,"action":{"type":"append"}}' % text)
        server.read(link)
        assert [len(each.values) for each in server.journal] == [1]
