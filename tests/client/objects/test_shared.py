from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.objects.presence import Presence
from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.session.log import Heard, LogReplica
from driftdb_jupyter.protocol.errors import NotConnected, QuotaExceeded

from ..served import come_true

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


def test_what_is_closed_writes_no_more(mine: Room) -> None:
    state, log = SharedState("state", 1, room=mine), Stream("log", room=mine)
    chat, people = PubSub("chat", room=mine), Presence(room=mine)
    count = SharedReducer("count", lambda value, _: value + 1, 0, room=mine)
    items = SharedDict("items", {}, room=mine)
    for shared in (state, log, chat, people, count, items):
        shared.close()
        shared.close()
    writes: tuple[Callable[[], object], ...] = (
        lambda: setattr(state, "value", 2),
        lambda: state.set(2),
        lambda: state.update(lambda n: n + 1),
        lambda: log.append(1),
        lambda: chat.publish(1),
        lambda: setattr(people, "value", 1),
        lambda: count.dispatch(1),
        lambda: items.update(a=1),
    )
    for write in writes:
        with pytest.raises(NotConnected, match=r"this \w+ '\w+' was closed: make another one"):
            write()
    assert SharedState("state", room=mine).value == 1


def test_an_interrupted_handler_loses_no_later_value(mine: Room) -> None:
    log, chat = Stream("log", room=mine), PubSub("chat", room=mine)
    heard: list[list[int]] = [[], []]

    def hear(heard: list[int]) -> Callable[[int], None]:
        def handler(value: int) -> None:
            heard.append(value)
            if value == 1:
                raise KeyboardInterrupt

        return handler

    both: tuple[Stream | PubSub, ...] = (log, chat)
    for shared, each in zip(both, heard, strict=True):
        shared.subscribe(hear(each))
        shared._untold.extend(Heard(f"{n}".encode(), seq=n, stamp=None) for n in (1, 2, 3))
        with pytest.raises(KeyboardInterrupt):
            shared.deliver()
        come_true(mine, partial(each.__eq__, [1, 2, 3]))


@pytest.mark.parametrize("kind", ["channel", "dict", "reducer", "stream"])
def test_news_may_come_before_an_object_is_made(
    mine: Room, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = Connection.listen

    def listen_and_tell(self: Connection, key: str, listener: Any, **options: Any) -> LogReplica:
        replica = listen(self, key, listener, **options)
        assert self.wait_until(lambda: replica.current, 20)
        listener.deliver()
        return replica

    monkeypatch.setattr(Connection, "listen", listen_and_tell)
    if kind == "channel":
        assert mine.pubsub("x").last == []
    elif kind == "dict":
        assert dict(mine.dict("x", {"a": 1})) == {"a": 1}
    elif kind == "reducer":
        assert mine.reducer("x", lambda value, _: value, 3).value == 3
    else:
        mine.stream("x").append(1).result()
        assert list(mine.stream("x")) == [1]
