"""A peer takes its messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from msgspec import Raw

from driftdb_jupyter.protocol.frame import TEXT
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.protocol.value import LONG_BYTES
from driftdb_jupyter.rooms.room import Applied
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.sending.close_codes import CLOSE_FAULT

from ..line import Line
from ..world import World, join

pytestmark = pytest.mark.asyncio


async def joined(lines: list[Line]) -> tuple[Peer, HostedRoom]:
    """A peer that is in a room, and the room."""
    world = World()
    lines.append(Line(world.hub.flusher))
    hosted = await world.room()
    return join(world.hub, hosted, lines[0], []), hosted


def push(value: str) -> bytes:
    action = {"type": "append"}
    return json.dumps({"type": "push", "key": "k", "value": value, "action": action}).encode()


async def test_a_short_message_is_done_at_once(lines: list[Line]) -> None:
    peer, hosted = await joined(lines)
    assert peer.receive(TEXT, push("x")) is None
    assert hosted.sequencer.room.seq == 1


async def test_between_checking_a_long_message_and_doing_it_the_others_have_a_turn(
    lines: list[Line],
) -> None:
    peer, hosted = await joined(lines)
    waiting = peer.receive(TEXT, push("x" * LONG_BYTES))
    assert waiting is not None
    turn = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: turn.set_result(hosted.sequencer.room.seq))
    await waiting
    assert (turn.result(), hosted.sequencer.room.seq) == (0, 1)


async def test_of_several_messages_those_behind_one_that_is_not_done_are_left(
    lines: list[Line],
) -> None:
    peer, hosted = await joined(lines)
    messages = iter([push("1"), push("2" * LONG_BYTES), push("3")])
    waiting = peer.receive_all(TEXT, messages)
    assert (hosted.sequencer.room.seq, waiting is not None) == (1, True)
    assert waiting is not None
    await waiting
    assert hosted.sequencer.room.seq == 2
    assert peer.receive_all(TEXT, messages) is None
    assert hosted.sequencer.room.seq == 3


async def test_of_several_messages_those_behind_the_one_that_closes_the_peer_are_dropped(
    lines: list[Line],
) -> None:
    peer, hosted = await joined(lines)

    def messages() -> Iterator[bytes]:
        yield push("1")
        peer.close(CLOSE_FAULT, "")
        yield push("2")

    assert peer.receive_all(TEXT, messages()) is None
    assert hosted.sequencer.room.seq == 1


async def test_a_long_message_of_a_peer_that_left_meanwhile_is_dropped(lines: list[Line]) -> None:
    peer, hosted = await joined(lines)
    waiting = peer.receive(TEXT, push("x" * LONG_BYTES))
    assert waiting is not None
    asyncio.get_running_loop().call_soon(peer.left)
    await waiting
    assert hosted.sequencer.room.seq == 0


async def test_a_long_message_that_is_refused_is_answered(lines: list[Line]) -> None:
    peer, hosted = await joined(lines)
    waiting = peer.receive(TEXT, push("x" * LONG_BYTES)[:-1])
    assert waiting is not None
    await waiting
    peer.outbox.flush()
    assert b"bad_message" in lines[0].arrived()
    assert hosted.sequencer.room.seq == 0


async def test_a_peer_whose_answer_fails_is_closed(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    peer, _ = await joined(lines)
    monkeypatch.setattr(JSON, "stream_size", Mock(side_effect=RuntimeError("on purpose")))
    peer.answer(Push("k", Append(), Raw(b"1")), Applied("k", 2, value_count=2))
    assert lines[0].ended == [CLOSE_FAULT]
    assert "An answer failed; its connection is closed" in caplog.text
