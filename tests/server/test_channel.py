"""Who hears the pushes of a key."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.channel import Channel
from driftdb_jupyter.server.outbox import Flusher

from .line import Line


def entry(seq: int) -> Entry:
    return Entry(seq, Value(b"0"))


def frames(*numbers: int) -> bytes:
    return b"".join(JSON.push_frame(JSON.push_start("k"), entry(seq)) for seq in numbers)


@pytest.mark.asyncio
async def test_who_comes_and_goes_in_a_tick_hears_what_was_said_meanwhile(
    lines: list[Line],
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    staying, passing = lines
    channel = Channel("k", flusher)
    channel.add(staying.outbox, JSON)
    channel.broadcast([entry(1)])
    channel.add(passing.outbox, JSON)
    channel.broadcast([entry(2)])
    channel.remove(passing.outbox)
    channel.broadcast([entry(3)])
    flusher.flush()
    assert staying.arrived() == frames(1, 2, 3)
    assert passing.arrived() == frames(2)
