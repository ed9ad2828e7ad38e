"""What subscriptions take is bounded for all connections together, and given back."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.subscriptions import (
    Subscriptions,
    cost_of_channel,
    cost_of_subscription,
)
from driftdb_jupyter.server.sending.outbox import Flusher

from ..line import Line


def test_more_than_all_may_take_is_refused_and_changes_nothing() -> None:
    memory = MemoryBudget(10_000)
    subscriptions = Subscriptions(memory, limit_bytes=1_000)
    subscriptions.add(900)
    subscriptions.check(100)
    with pytest.raises(QuotaExceeded, match="at most 1000 bytes"):
        subscriptions.check(101)
    assert (subscriptions.byte_count, memory.used_bytes) == (900, 900)
    memory.charge(9_050)
    with pytest.raises(QuotaExceeded, match="memory_limit_bytes"):
        subscriptions.check(51)
    subscriptions.add(-900)
    assert (subscriptions.byte_count, memory.used_bytes) == (0, 9_050)


def test_a_wide_key_costs_what_it_takes() -> None:
    assert cost_of_subscription("\N{GRINNING FACE}" * 100) > cost_of_subscription("k" * 100) + 250


@pytest.mark.asyncio
async def test_a_key_is_charged_once_for_all_who_hear_it() -> None:
    subscriptions = Subscriptions(MemoryBudget(), limit_bytes=cost_of_channel("k"))
    flusher = Flusher()
    room = HostedRoom("room", flusher, subscriptions=subscriptions)
    lines = [Line(flusher) for _ in range(3)]
    for line in lines:
        room.subscribe("k", line.outbox, JSON)
    assert subscriptions.byte_count == cost_of_channel("k")
    with pytest.raises(QuotaExceeded):
        room.check_subscription("other", 0)
    room.check_subscription("k", 0)
    for line in lines:
        room.unsubscribe("k", line.outbox)
        line.stream.close()
        line.far.close()
    assert subscriptions.byte_count == 0
