from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
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
from driftdb_jupyter.client.runtime.callbacks import callbacks
from driftdb_jupyter.client.session.bookmark import Bookmark
from driftdb_jupyter.client.session.log import Heard, LogReplica
from driftdb_jupyter.client.session.presence import Person
from driftdb_jupyter.client.waiting.feed import Feed
from driftdb_jupyter.protocol.errors import NotConnected, QuotaExceeded

from ..interrupted import interrupted_at
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


@dataclass
class Interrupted:
    """An object with two handlers, and how to have three news come for them."""

    shared: Stream | PubSub | Presence | SharedReducer
    heard: tuple[list[Any], list[Any]]
    news: Callable[[int], object]
    expected: Callable[[int], list[Any]]


def _pushed(kind: str, room: Room) -> Interrupted:
    shared = Stream("k", room=room) if kind == "stream" else PubSub("k", room=room)
    shared.deliver()

    def news(first: int) -> None:
        for seq in range(first, first + 3):
            shared._unread.follower.hear(Heard(b"%d" % seq, seq))

    one, two = list[Any](), list[Any]()
    shared.subscribe(one.append)
    shared.subscribe(two.append)
    return Interrupted(shared, (one, two), news, lambda first: [first, first + 1, first + 2])


def _presence(room: Room) -> Interrupted:
    shared = Presence(room=room)
    people = shared._replica.people

    def news(first: int) -> None:
        people.clear()  # those of before leave
        for n in range(first, first + 3):
            people[f"c{n}"] = Person(b"%d" % n, None)

    one, two = list[Any](), list[Any]()
    for each in (one, two):
        shared.on_join(lambda person, each=each: each.append(person.value))  # type: ignore[misc]
    return Interrupted(shared, (one, two), news, lambda first: [first, first + 1, first + 2])


def _reducer(room: Room, others: Room) -> Interrupted:
    shared = SharedReducer("k", lambda value, action: action, 0, room=room)
    other = SharedReducer("k", lambda value, action: action, 0, room=others)
    one, two = list[Any](), list[Any]()
    shared.subscribe(one.append)
    shared.subscribe(two.append)

    def news(first: int) -> None:
        other.dispatch(first).result(20)
        come_true(room, lambda: shared._follower or shared.value == first)

    return Interrupted(shared, (one, two), news, lambda first: [first])


def _interrupted(kind: str, room: Room, others: Room) -> Interrupted:
    if kind == "presence":
        return _presence(room)
    return _reducer(room, others) if kind == "reducer" else _pushed(kind, room)


@pytest.mark.parametrize("kind", ["channel", "stream", "presence", "reducer"])
def test_an_interrupt_at_any_line_keeps_no_news_from_any_handler(
    mine: Room, theirs: Room, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "schedule", lambda target: None)
    case = _interrupted(kind, mine, theirs)
    shared, heard, first = case.shared, case.heard, 1000
    line, interrupted = 0, True
    while interrupted:
        line, first = line + 1, first + 3
        case.news(first)
        interrupted = interrupted_at(shared.deliver, line)
        expected = (case.expected(first), case.expected(first))

        def told(expected: tuple[list[Any], list[Any]] = expected) -> bool:
            shared.deliver()
            return heard == expected

        come_true(mine, told)
        for each in heard:
            each.clear()
    assert line > 10
    if isinstance(shared, PubSub):
        assert shared.last[-3:] == case.expected(first)
        assert len(set(shared.last)) == len(shared.last)


@pytest.mark.parametrize("kind", ["channel", "stream", "presence", "reducer"])
def test_a_handler_that_is_interrupted_keeps_no_other_from_any_news(
    mine: Room, theirs: Room, kind: str
) -> None:
    case = _interrupted(kind, mine, theirs)
    heard, shared = list[Any](), case.shared

    def handler(value: Any) -> None:
        heard.append(value)
        raise KeyboardInterrupt

    if isinstance(shared, Presence):
        shared.on_join(lambda person: handler(person.value))
    else:
        shared.subscribe(handler)
    last = list[Any]()
    if isinstance(shared, Presence):
        shared.on_join(lambda person: last.append(person.value))
    else:
        shared.subscribe(last.append)
    case.news(1000)
    callbacks.schedule(shared)
    for each in (*case.heard, heard, last):
        come_true(mine, partial(each.__eq__, case.expected(1000)))


@pytest.mark.parametrize("place", [None, Bookmark(skip=False)], ids=["channel", "stream"])
def test_an_interrupt_at_any_line_keeps_no_value_from_a_loop(
    mine: Room, place: Bookmark | None
) -> None:
    replica = PubSub("k", room=mine)._replica
    feed = Feed(
        mine.connection,
        replica,
        owner=None,
        place=place,
        read=lambda heard: int(heard.value),
        timeout_seconds=20,
    )
    first, line, interrupted = 1000, 0, True
    while interrupted:
        line, first, values = line + 1, first + 3, list[Any]()
        for seq in range(first, first + 3):
            feed._unread.follower.hear(Heard(b"%d" % seq, seq))
        interrupted = interrupted_at(lambda values=values: values.extend(islice(feed, 1)), line)  # type: ignore[misc]
        while feed._unread:
            values.append(next(feed))
        assert values == [first, first + 1, first + 2], line


@pytest.mark.parametrize("kind", ["channel", "dict", "reducer", "stream"])
def test_news_may_come_before_an_object_is_made(
    mine: Room, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = Connection.listen

    def listen_and_tell(self: Connection, key: str, listener: Any, **options: Any) -> LogReplica:
        replica = listen(self, key, listener, **options)
        assert self.wait_until(lambda: replica.current, 60)
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


def test_an_observer_that_does_not_end_holds_up_observers_alone(mine: Room, theirs: Room) -> None:
    state, their_state = SharedState("k", 0, room=mine), SharedState("k", 0, room=theirs)
    log, their_log = Stream("log", room=mine), Stream("log", room=theirs)
    begun, ends, told = threading.Event(), threading.Event(), list[Any]()

    def observer(change: Any) -> None:
        begun.set()
        assert ends.wait(60)

    state.observe(observer)
    log.subscribe(told.append)
    try:
        their_state.value = 1
        assert begun.wait(60)
        assert log.append("mine").result(60) is not None
        state.set(2).result(60)
        come_true(theirs, lambda: their_state.value == 2)
        their_log.append("theirs").result(60)
        come_true(mine, lambda: list(log) == ["mine", "theirs"])
        assert state.wait_for(lambda value: value == 2, timeout_seconds=60) == 2
        feed = log.follow(timeout_seconds=60)
        assert [next(feed), next(feed)] == ["mine", "theirs"]
        mine.flush(60)
        assert told == []
    finally:
        ends.set()
    come_true(mine, lambda: told == ["mine", "theirs"])
