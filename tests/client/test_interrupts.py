"""An interrupt at any line of our own modules leaves a room working.

Each public call is interrupted at its first line of ours, at its second, and so on. Afterwards the
same object still writes and hears, another client sees what this one shows, and nothing that was
acknowledged is missing. A signal handler that writes is put in the same places.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from traitlets import HasTraits, Int

from driftdb_jupyter.client.objects.binding import bind
from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.objects.presence import Presence
from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room

from .interrupted import Interrupt, count_lines, interrupted_at
from .served import come_true

LINES_OF_A_SAMPLE = 12

# An interrupt in a finalizer ends that alone; Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Widget(HasTraits):
    """A widget of anybody's."""

    value = Int()


class Case:
    """A public call on objects of one room, and how both ends are compared afterwards."""

    def __init__(self, mine: Room, theirs: Room) -> None:
        self.mine, self.theirs = mine, theirs
        self.state = SharedState("state", 0, room=mine)
        self.their_state = SharedState("state", 0, room=theirs)
        self.log = Stream("log", room=mine)
        self.their_log = Stream("log", room=theirs)
        self.items = SharedDict("items", {}, room=mine)
        self.their_items = SharedDict("items", {}, room=theirs)
        self.sum = SharedReducer("sum", lambda value, action: value + action, 0, room=mine)
        self.their_sum = SharedReducer("sum", lambda value, action: value + action, 0, room=theirs)
        self.chat = PubSub("chat", room=mine)
        self.here = Presence("here", room=mine)
        self.their_here = Presence("here", room=theirs)
        self.steps = Stream("steps", room=mine)
        self.their_steps = Stream("steps", room=theirs)
        self.bound = Widget()
        self.binding = bind(self.bound, "value", "bound", room=mine)
        self.their_bound = SharedState("bound", room=theirs)
        self.told: list[Any] = []
        self.state.observe(lambda change: self.told.append(change.new))
        self.number = 0
        self.acknowledged: list[int] = []

    def next(self) -> int:
        self.number += 1
        return self.number

    def check(self) -> None:
        """Whatever was interrupted, all goes on, and both ends are equal."""
        number = self.next()
        self.mine.flush(20)
        assert self.log.append(number).result(60) is not None
        # What is shown here is shown there: before anything else is written that could mend it.
        come_true(self.theirs, lambda: self.their_state.value == self.state.value)
        come_true(self.theirs, lambda: dict(self.their_items) == dict(self.items))
        come_true(self.theirs, lambda: self.their_sum.value == self.sum.value)
        come_true(self.theirs, lambda: list(self.their_log) == list(self.log))
        come_true(self.theirs, lambda: list(self.their_steps) == list(self.steps))
        assert set(self.acknowledged) <= set(self.their_log)
        assert len(self.their_log) == len(set(self.their_log)), "nothing is there twice"
        self.state.value = number
        come_true(self.theirs, lambda: self.their_state.value == number)
        come_true(self.mine, lambda: number in self.told)
        self.their_state.value = -number
        come_true(self.mine, lambda: self.state.value == -number)
        come_true(self.mine, lambda: -number in self.told)
        self.bound.value = number
        come_true(self.theirs, lambda: self.their_bound.value == number)
        self.their_bound.value = -number
        come_true(self.mine, lambda: self.bound.value == -number)
        self.mine.flush(20)
        assert self.mine.waiting == 0
        assert self.mine.status == "connected"

    def append(self) -> None:
        number = self.next()
        self.log.append(number).result(60)
        self.acknowledged.append(number)

    def increment(self, value: Any) -> int:
        return (value if isinstance(value, int) else 0) + 1


def _file(case: Case) -> None:
    print(case.next(), file=case.log.file(flush_seconds=0), flush=True)


def _iterate(case: Case) -> None:
    feed = case.chat.messages(timeout_seconds=60)
    case.chat.publish(1)
    next(feed)


def _compact(case: Case) -> None:
    case.steps.extend([case.next(), case.next()]).result(60)
    case.steps.compact(len)


def _handler(case: Case) -> None:
    handler = case.steps.handler()
    handler.handle(logging.makeLogRecord({"name": "app", "levelname": "INFO", "msg": case.next()}))
    handler.flush()


def _progress(case: Case) -> None:
    for _ in case.steps.progress(range(3), every_seconds=0):
        pass


def _bind(case: Case) -> None:
    bind(Widget(), "value", "bound too", room=case.mine).unbind()


def _made(case: Case) -> None:
    case.mine.state("made", 1).close()


def _made_stream(case: Case) -> None:
    case.mine.stream("made-log").append(1)


CALLS: dict[str, Callable[[Case], object]] = {
    "state.value =": lambda case: setattr(case.state, "value", case.next()),
    "state.value": lambda case: case.state.value,
    "state.set().result()": lambda case: case.state.set(case.next()).result(60),
    "state.update().result()": lambda case: case.state.update(case.increment).result(60),
    "state.wait_for": lambda case: case.state.wait_for(lambda value: True),
    "state.observe": lambda case: case.state.observe(len),
    "stream.append().result()": lambda case: case.append(),
    "stream.append": lambda case: case.log.append(case.next()),
    "stream.extend": lambda case: case.log.extend([case.next(), case.next()]),
    "list(stream)": lambda case: list(case.log),
    "stream.compact": _compact,
    "stream.file": _file,
    "stream.handler": _handler,
    "stream.progress": _progress,
    "stream.follow": lambda case: next(case.log.follow(timeout_seconds=60)),
    "stream.subscribe": lambda case: case.log.subscribe(len),
    "pubsub.publish": lambda case: case.chat.publish(case.next()),
    "pubsub.messages": _iterate,
    "pubsub.last": lambda case: case.chat.last,
    "bind": _bind,
    "bound.value =": lambda case: setattr(case.bound, "value", case.next()),
    "dict[]=": lambda case: case.items.__setitem__(f"n{case.next() % 5}", case.number),
    "dict.set().result()": lambda case: case.items.set(a=case.next()).result(60),
    "dict": lambda case: dict(case.items),
    "reducer.dispatch": lambda case: case.sum.dispatch(1),
    "reducer.value": lambda case: case.sum.value,
    "presence.value =": lambda case: setattr(case.here, "value", case.next()),
    "presence.people": lambda case: case.here.people,
    "room.flush": lambda case: case.mine.flush(20),
    "room.keys": lambda case: case.mine.keys(timeout_seconds=60),
    "room.waiting": lambda case: case.mine.waiting,
    "room.retry": lambda case: case.mine.retry(),
    "room.delete": lambda case: case.mine.delete("nothing").result(60),
    "room.state": _made,
    "room.stream": _made_stream,
}


@pytest.fixture
def case(mine: Room, theirs: Room) -> Case:
    with_both = Case(mine, theirs)
    with_both.check()
    return with_both


@pytest.fixture(params=CALLS, ids=list(CALLS))
def call(request: pytest.FixtureRequest) -> Callable[[Case], object]:
    return CALLS[request.param]


def lines_of(
    call: Callable[[Case], object], case: Case, config: pytest.Config
) -> tuple[list[int], bool]:
    """All lines of a call with ``--long``, else a few of them, other ones in each run."""
    with contextlib.suppress(Interrupt):
        call(case)  # the first time more is done than later
    every = range(1, count_lines(lambda: call(case)) + 1)
    if config.getoption("--long"):
        return list(every), True
    return sorted(random.sample(every, min(LINES_OF_A_SAMPLE, len(every)))), False


def test_an_interrupt_at_any_line_leaves_the_room_working(
    call: Callable[[Case], object], case: Case, pytestconfig: pytest.Config
) -> None:
    lines, each = lines_of(call, case, pytestconfig)
    for line in lines:
        interrupted_at(lambda: call(case), line)
        if each:
            case.check()
    case.check()


def test_a_signal_handler_that_writes_at_any_line_leaves_the_room_working(
    call: Callable[[Case], object], case: Case, pytestconfig: pytest.Config
) -> None:
    def handle() -> None:
        number = case.next()
        case.log.append(number)
        case.state.value = number
        case.items["signal"] = number
        case.acknowledged.append(number)

    lines, each = lines_of(call, case, pytestconfig)
    for line in lines:
        interrupted_at(lambda: call(case), line, handle)
        if each:
            case.check()
    case.check()
