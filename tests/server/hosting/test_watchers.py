"""Watchers are shown what changed once a tick, and no faster than they read."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from driftdb_jupyter.protocol import cbor
from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec
from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied
from driftdb_jupyter.server.hosting.watchers import Pace, Watchers
from driftdb_jupyter.server.sending.close_codes import CLOSE_FAULT
from driftdb_jupyter.server.sending.outbox import Outbox

from ..line import Line

pytestmark = pytest.mark.asyncio


class Shown:
    """Notes which keys are shown; a future in ``taken`` is what the next ones wait for."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.taken: asyncio.Future[None] | None = None
        self.long_bytes = 0

    def __call__(
        self, key: str, outbox: Outbox, codec: Codec
    ) -> tuple[asyncio.Future[None] | None, int]:
        self.keys.append(key)
        return self.taken, self.long_bytes


def change(key: str) -> Applied:
    entry = Entry(1, Value.from_json(b"1"))
    return Applied(key, 1, (entry,), (entry,))


async def ticks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_changes_of_a_key_in_a_tick_are_shown_once(lines: list[Line]) -> None:
    shown = Shown()
    watchers = Watchers(shown, Pace())
    lines.append(Line())
    watchers.add(lines[0].outbox, JSON, ["a", "b"])
    await ticks()
    assert shown.keys == ["a", "b"]
    for key in "ab" * 1000:
        watchers.note(change(key))
    await ticks()
    assert shown.keys == ["a", "b", "a", "b"]


async def test_a_watcher_that_has_not_read_is_shown_the_rest_when_it_has(
    lines: list[Line],
) -> None:
    shown = Shown()
    watchers = Watchers(shown, Pace())
    lines.append(Line())
    shown.taken = asyncio.get_running_loop().create_future()
    watchers.add(lines[0].outbox, JSON, ["a", "b"])
    for _ in range(3):
        watchers.note(change("c"))
        await ticks()
    assert shown.keys == ["a"]
    shown.taken.set_result(None)
    await ticks()
    assert shown.keys == ["a", "b", "c"]


async def test_who_left_is_shown_nothing_more(lines: list[Line]) -> None:
    shown = Shown()
    watchers = Watchers(shown, Pace())
    lines.append(Line())
    watchers.add(lines[0].outbox, JSON, ["a"])
    watchers.remove(lines[0].outbox)
    assert not watchers
    watchers.note(change("a"))
    await ticks()
    assert shown.keys == []


async def test_long_streams_are_shown_at_a_pace() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    first = pace.take(1_000_000)
    second = pace.take(1_000_000)
    assert 0 < first < second < 3 * first
    now += 10
    assert pace.take(1_000_000) == pytest.approx(first)


async def test_a_watcher_that_can_not_be_shown_a_stream_is_closed_and_the_others_are_shown_it(
    lines: list[Line],
) -> None:
    shown = Shown()
    lines.extend([Line(), Line()])

    def show(key: str, outbox: Outbox, codec: Codec) -> tuple[asyncio.Future[None] | None, int]:
        if codec is CBOR:
            raise ValueError("this fails on purpose")
        return shown(key, outbox, codec)

    watchers = Watchers(show, Pace())
    watchers.add(lines[0].outbox, CBOR, ["a"])
    watchers.add(lines[1].outbox, JSON, ["a"])
    await ticks()
    assert (lines[0].ended, lines[1].ended) == ([CLOSE_FAULT], [])
    assert shown.keys == ["a"]


async def test_a_watcher_that_can_not_be_sent_a_relay_is_closed_and_the_others_hear_it(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.extend([Line(), Line()])
    monkeypatch.setattr(cbor, "from_json", Mock(side_effect=MemoryError))
    watchers = Watchers(Shown(), Pace())
    watchers.add(lines[0].outbox, CBOR, [])
    watchers.add(lines[1].outbox, JSON, [])
    relayed = Entry(1, Value.from_json(b"1"))
    watchers.note(Applied("k", 1, (relayed,), ()))
    for line in lines:
        line.outbox.flush()
    assert (lines[0].ended, lines[1].ended) == ([CLOSE_FAULT], [])
    assert b'"value":1' in lines[1].arrived()
