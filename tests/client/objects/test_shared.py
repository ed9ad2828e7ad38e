from __future__ import annotations

import pytest

from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.protocol.errors import QuotaExceeded

REFUSED = QuotaExceeded("the room is full")


def test_an_error_ends_with_the_trouble(mine: Room) -> None:
    state, log = SharedState("state", room=mine), Stream("log", room=mine)
    chat = PubSub("chat", room=mine)
    count = SharedReducer("count", lambda value, _: value + 1, 0, room=mine)
    writes = (
        (state, lambda: state.set(1)),
        (log, lambda: log.append(1)),
        (chat, lambda: chat.publish(1)),
        (count, lambda: count.dispatch(1)),
    )
    for shared, write in writes:
        write().result()
        shared.refused(REFUSED)
        shared._newest = None  # the write that was refused
        assert shared.error is REFUSED
        write().result()
        assert shared.error is None


def test_a_refusal_is_logged_once_until_a_write_is_taken(
    mine: Room, caplog: pytest.LogCaptureFixture
) -> None:
    log = Stream("log", room=mine)
    for times in (1, 2):
        for _ in range(3):
            log.refused(REFUSED)
            log._newest = None  # the write that was refused
            log.deliver()
        assert len(caplog.messages) == times
        log.append(1).result()
