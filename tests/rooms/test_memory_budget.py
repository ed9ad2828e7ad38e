"""How much the process may hold, by its own account."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.rooms.memory_budget import MemoryBudget


def test_what_is_released_can_be_taken_again() -> None:
    memory = MemoryBudget(100)
    memory.take(60)
    memory.release(60)
    memory.take(100)
    assert (memory.used_bytes, memory.free_bytes) == (100, 0)


def test_what_does_not_fit_is_refused_and_charges_nothing() -> None:
    memory = MemoryBudget(100)
    memory.take(60)
    with pytest.raises(QuotaExceeded, match="memory_limit_bytes"):
        memory.take(41)
    assert memory.used_bytes == 60


def test_a_charge_may_pass_the_limit_and_the_next_is_refused_until_it_is_released() -> None:
    memory = MemoryBudget(100)
    memory.charge(150)
    with pytest.raises(QuotaExceeded):
        memory.take(1)
    memory.charge(-150)
    memory.take(1)


def test_it_is_tight_when_less_than_a_quarter_is_left() -> None:
    memory = MemoryBudget(100)
    memory.take(75)
    assert not memory.is_tight
    memory.take(1)
    assert memory.is_tight
