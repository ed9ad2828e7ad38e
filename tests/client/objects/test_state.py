from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import traitlets
from traitlets import HasTraits, Int

from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room, room
from driftdb_jupyter.client.runtime.callbacks import callbacks
from driftdb_jupyter.protocol.errors import (
    EncodingError,
    Forbidden,
    NotConnected,
    RoomNotFound,
    TimedOut,
    TooLarge,
    Unreachable,
)

from ..fakes import FakeServer
from ..served import Calls, come_true


class Changes:
    """A handler that can be waited for."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Any]] = []
        self.threads: set[threading.Thread] = set()
        self._changed = threading.Condition()

    def __call__(self, change: Any) -> None:
        with self._changed:
            self.seen.append((change.old, change.new))
            self.threads.add(threading.current_thread())
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), self.seen


class Marker:
    """A target behind all that are due already."""

    def __init__(self) -> None:
        self.delivered = threading.Event()

    def deliver(self) -> None:
        self.delivered.set()


@pytest.fixture
def here(server: FakeServer) -> Iterator[Room]:
    place = room("here", url=server.url)
    yield place
    place.close()


@contextmanager
def holding(server: FakeServer) -> Iterator[None]:
    """Let the server do nothing."""
    gate = threading.Event()
    server.loop.call_soon_threadsafe(gate.wait, 60)
    yield
    gate.set()


def wait_until(state: SharedState, value: Any) -> None:
    connection = state.room.connection
    assert connection.wait_until(lambda: state.value == value, 60), state


def test_the_initial_value_is_written_where_there_is_none(server: FakeServer, here: Room) -> None:
    state = SharedState("slider", 3, room=here)
    assert state.value == 3
    here.flush()
    assert server.room.value("slider") == (3, 1)


def test_the_rooms_value_comes_before_the_initial_one(server: FakeServer, here: Room) -> None:
    server.write("slider", 7)
    assert SharedState("slider", 3, room=here).value == 7


def test_a_write_is_shown_at_once_and_arrives(server: FakeServer, here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    state.value = {"x": [1, 2.5, None]}
    assert state.value == {"x": [1, 2.5, None]}
    here.flush()
    assert server.room.value("slider") == ({"x": [1, 2.5, None]}, 2)


def test_a_write_from_a_busy_thread_is_on_its_way_at_once(server: FakeServer, here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    state.value = 1
    server.wait_for(lambda: server.room.value("slider") == (1, 2))


def test_others_writes_are_there_in_the_middle_of_a_computation(
    server: FakeServer, here: Room
) -> None:
    state = SharedState("slider", 0, room=here)
    server.write("slider", 5)
    while state.value != 5:
        pass


def test_the_last_of_many_writes_arrives(server: FakeServer, here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    for n in range(1000):
        state.value = n
    here.flush()
    assert (server.room.value("slider") or (None,))[0] == 999


def test_two_objects_share_one_subscription(server: FakeServer, here: Room) -> None:
    one, other = SharedState("slider", 0, room=here), SharedState("slider", 1, room=here)
    one.value = 4
    assert other.value == 4
    assert server.connections == 1


def test_what_was_handed_in_or_out_may_be_changed_without_harm(here: Room) -> None:
    state = SharedState("points", [], room=here)
    points = [1]
    state.value = points
    points.append(2)
    state.value.append(3)
    assert state.value == [1]


@pytest.mark.parametrize("value", [object(), {1, 2}, {1: 2}])
def test_what_has_no_json_form_raises_and_changes_nothing(here: Room, value: Any) -> None:
    state = SharedState("slider", 0, room=here)
    with pytest.raises(EncodingError, match=r"^value"):
        state.value = value
    assert state.value == 0


def test_too_large_a_value_raises_and_changes_nothing(here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    with pytest.raises(TooLarge, match="at most 1048576 bytes"):
        state.value = "x" * 1_048_576
    assert state.value == 0


def test_arguments_that_make_no_sense_are_refused(here: Room) -> None:
    with pytest.raises(EncodingError, match="key: expected a str, got int"):
        SharedState(5, room=here)  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="key: expected a str that UTF-8 can hold"):
        SharedState("\ud800", room=here)
    with pytest.raises(ValueError, match="expected min <= max, got min=3 and max=1"):
        SharedState("a", room=here, min=3, max=1)
    with pytest.raises(ValueError, match="expected a step above 0, got 0"):
        SharedState("a", room=here, step=0)


def test_own_changes_are_told_before_the_assignment_returns(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    state.observe(changes)
    state.value = 1
    state.value = 1
    assert changes.seen == [(0, 1)]


def test_the_rooms_answer_to_an_own_write_is_no_news(
    server: FakeServer, here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, changes = SharedState("k", 0, room=here), Changes()
    state.observe(changes)
    assert state.set(1).result() == 1
    assert not state.has_news()
    last = Marker()
    callbacks.schedule(last)
    assert last.delivered.wait(60), "what was due before is still to be delivered"
    monkeypatch.setattr(callbacks, "schedule", lambda each: None)
    server.do(lambda: server.room.write("k", 2))
    come_true(here, state.has_news)
    state.deliver()
    assert changes.seen == [(0, 1), (1, 2)]
    assert not state.has_news()


def test_a_change_is_as_traitlets_has_it(here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    seen: list[Any] = []
    state.observe(seen.append)
    state.value = 1
    (change,) = seen
    assert change == {"name": "value", "type": "change", "owner": state, "old": 0, "new": 1}


def test_others_changes_are_told_in_a_script(server: FakeServer, here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    state.observe(changes)
    server.write("slider", 9)
    changes.wait_for(lambda: changes.seen == [(0, 9)])
    assert threading.main_thread() not in changes.threads


def test_a_callback_of_a_script_may_wait_for_the_network(server: FakeServer, here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    other = SharedState("other", 0, room=here)

    def double(change: Any) -> None:
        other.value = 2 * change.new
        here.flush()
        changes(change)

    state.observe(double)
    server.write("slider", 4)
    changes.wait_for(lambda: bool(changes.seen))
    assert (server.room.value("other") or (None,))[0] == 8


def test_others_changes_are_told_on_the_main_loop_when_it_is_free_and_the_last_alone(
    server: FakeServer, here: Room
) -> None:
    changes = Changes()

    async def program() -> None:
        state = SharedState("slider", 0, room=here)
        state.observe(changes)
        for n in range(1, 50):
            server.write("slider", n)
        wait_until(state, 49)
        assert changes.seen == [], "the loop is busy"
        while not changes.seen:
            await asyncio.sleep(0)

    asyncio.run(program())
    assert changes.seen == [(0, 49)]
    assert changes.threads == {threading.main_thread()}


def test_a_handler_that_was_taken_back_is_not_called(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    state.observe(changes)
    state.unobserve(changes)
    state.value = 1
    assert changes.seen == []


def test_a_handler_may_write(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()

    def at_most_ten(change: Any) -> None:
        state.value = min(change.new, 10)

    state.observe(at_most_ten)
    state.observe(changes)
    state.value = 12
    assert state.value == 10
    assert sorted(changes.seen) == [(0, 12), (12, 10)]


def test_a_failing_handler_raises_to_who_wrote_and_the_next_change_is_told(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()

    def fail(change: Any) -> None:
        raise ZeroDivisionError

    state.observe(fail)
    with pytest.raises(ZeroDivisionError):
        state.value = 1
    state.unobserve(fail)
    state.observe(changes)
    state.value = 2
    assert changes.seen == [(1, 2)]


def test_an_observers_error_shows_the_assignment_and_the_observer(here: Room) -> None:
    state = SharedState("k", 0, room=here)

    def observer(change: Any) -> None:
        raise ZeroDivisionError

    state.observe(observer)
    with pytest.raises(ZeroDivisionError) as raised:
        state.value = 1
    names = [entry.name for entry in raised.traceback]
    assert (names[0], names[-1]) == (
        "test_an_observers_error_shows_the_assignment_and_the_observer",
        "observer",
    )
    ours = [name for name in names if name not in (names[0], names[-1])]
    assert "_write" in ours
    assert len(ours) <= 4, ours  # traitlets' assignment, and ours


def test_what_came_while_a_handler_failed_is_told(server: FakeServer, here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()

    def fail(change: Any) -> None:
        state.unobserve(fail)
        here.flush(60)
        server.write("slider", 2)
        wait_until(state, 2)
        raise ZeroDivisionError

    state.observe(fail)
    state.observe(changes)
    with pytest.raises(ZeroDivisionError):
        state.value = 1
    changes.wait_for(lambda: changes.seen == [(0, 1), (1, 2)])


def test_each_observer_is_told_whatever_another_raises(server: FakeServer, here: Room) -> None:
    state, first, last = SharedState("slider", 0, room=here), Changes(), Changes()

    def fail(change: Any) -> None:
        raise ZeroDivisionError

    for handler in (first, fail, last):
        state.observe(handler)
    with pytest.raises(ZeroDivisionError):
        state.value = 1
    assert first.seen == last.seen == [(0, 1)]
    here.flush()
    server.write("slider", 2)
    last.wait_for(lambda: first.seen == last.seen == [(0, 1), (1, 2)])


def test_who_writes_tells_it_though_another_thread_sees_it_first(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, threads = SharedState("slider", 0, room=here), list[threading.Thread]()
    write = here.connection.write

    def write_and_look(*args: Any, **options: Any) -> None:
        write(*args, **options)
        other = threading.Thread(target=state.deliver)
        other.start()
        other.join(60)

    def fail(change: Any) -> None:
        threads.append(threading.current_thread())
        raise ZeroDivisionError

    monkeypatch.setattr(here.connection, "write", write_and_look)
    state.observe(fail)
    with pytest.raises(ZeroDivisionError):
        state.value = 1
    assert threads == [threading.current_thread()]


def test_an_interrupt_of_an_observer_is_raised_when_the_others_were_told(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()

    def interrupted(change: Any) -> None:
        raise KeyboardInterrupt

    state.observe(interrupted)
    state.observe(changes)
    with pytest.raises(KeyboardInterrupt):
        state.value = 1
    assert changes.seen == [(0, 1)]


def test_set_gives_its_handle_where_an_observer_fails(
    here: Room, caplog: pytest.LogCaptureFixture
) -> None:
    state = SharedState("slider", 0, room=here)

    def fail(change: Any) -> None:
        raise ZeroDivisionError

    state.observe(fail)
    assert state.set(1).result() == 1
    assert "ZeroDivisionError" in caplog.text


def test_handlers_hear_of_changes_in_their_order_one_at_a_time(
    server: FakeServer, here: Room
) -> None:
    state, changes, gate = SharedState("slider", 0, room=here), Changes(), threading.Event()
    state.observe(changes)
    state.observe(lambda _: gate.wait(60))
    server.write("slider", 1)
    changes.wait_for(lambda: changes.seen == [(0, 1)])
    state.value = 2
    assert changes.seen == [(0, 1)]
    gate.set()
    changes.wait_for(lambda: changes.seen == [(0, 1), (1, 2)])


def test_it_links_with_other_traits(server: FakeServer, here: Room) -> None:
    class Slider(HasTraits):
        value = Int()

    state, slider = SharedState("slider", 1, room=here), Slider()
    traitlets.link((state, "value"), (slider, "value"))
    assert slider.value == 1
    slider.value = 6
    assert state.value == 6
    state.value = 7
    assert slider.value == 7
    arrived = Changes()
    slider.observe(arrived, names="value")
    here.flush()
    server.write("slider", 8)
    arrived.wait_for(lambda: slider.value == 8)


def test_each_observer_is_given_a_value_that_was_read_for_it(here: Room) -> None:
    class Reading:
        copied = 0

        def __init__(self, digits: Any) -> None:
            self.digits = digits

        def __deepcopy__(self, memo: object) -> Reading:
            Reading.copied += 1
            return self

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Reading) and self.digits == other.digits

        __hash__ = None  # type: ignore[assignment]

    state = SharedState(
        "read", Reading(1), room=here, encode=lambda it: it.digits, decode=lambda it: Reading(it)
    )
    told: list[tuple[Reading, Reading]] = []
    for _ in range(3):
        state.observe(lambda change, *_: told.append((change.old, change.new)))
    state.value = Reading(2)
    assert [(old.digits, new.digits) for old, new in told] == [(1, 2)] * 3
    assert len({id(each) for pair in told for each in pair}) == 6
    assert Reading.copied == 0


def test_a_value_that_can_not_be_read_again_is_an_error(here: Room) -> None:
    reads = iter([True] * 3)

    def once(value: Any) -> Any:
        if not next(reads, False):
            raise RuntimeError("it cannot be read again")
        return [value]

    state = SharedState("once", 1, room=here, decode=once)
    told: list[Any] = []
    for _ in range(2):
        state.observe(lambda change, *_: told.append(change.new))
    with pytest.raises(RuntimeError, match="it cannot be read again"):
        state.value = 2
    assert told == []


def test_a_change_that_was_held_back_is_copied_for_each_observer(here: Room) -> None:
    state = SharedState("held", [1], room=here)
    told: list[Any] = []
    for _ in range(2):
        state.observe(lambda change, *_: told.append((change.old, change.new)))
    with state.hold_trait_notifications():
        state.value = [2]
        state.value = [3]
    assert told == [([1], [3])] * 2
    assert told[0][1] is not told[1][1]


def test_what_an_observer_makes_of_a_value_reaches_no_other(here: Room) -> None:
    tags, seen = SharedState("tags", ["a"], room=here), []
    tags.observe(lambda change: (change.old.clear(), change.new.clear()))
    tags.observe(lambda change: seen.append((change.old, change.new)))
    tags.value = ["b"]
    assert seen == [(["a"], ["b"])]
    assert tags.value == ["b"]


def test_what_somebody_makes_of_its_options_changes_none(here: Room) -> None:
    options = {"two": [1, 2], "three": [1, 2, 3]}
    state = SharedState("choice", [1, 2], room=here, options=options)
    options["two"].append(9)
    state.options["three"].append(9)
    assert state.options == {"two": [1, 2], "three": [1, 2, 3]}


@pytest.mark.parametrize("names", ["lable", ["value", "lable"]])
def test_what_can_not_be_observed_is_said(here: Room, names: str | list[str]) -> None:
    state = SharedState("slider", 1, room=here)
    with pytest.raises(ValueError, match=r"^expected one of .*label.* as names=, got 'lable'"):
        state.observe(print, names=names)
    state.observe(print, names=["value", "label"])
    state.observe(print, names=traitlets.All)


def test_notifications_can_be_held(here: Room) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    state.observe(changes)
    with state.hold_trait_notifications():
        state.value = 1
        state.value = 2
        assert changes.seen == []
    assert changes.seen == [(0, 2)]


def test_a_refused_write_gives_way_and_is_told(
    server: FakeServer, here: Room, caplog: pytest.LogCaptureFixture
) -> None:
    state, changes = SharedState("slider", 0, room=here), Changes()
    here.flush()
    server.room.refuse = "forbidden"
    state.observe(changes)
    with caplog.at_level(logging.WARNING):
        with holding(server):  # or both changes may be told as none
            state.value = 1
            changes.wait_for(lambda: changes.seen == [(0, 1)])
        changes.wait_for(lambda: changes.seen == [(0, 1), (1, 0)])
        assert state.value == 0
        assert isinstance(state.error, Forbidden)
        with holding(server):
            state.value = 2
            changes.wait_for(lambda: changes.seen[2:] == [(0, 2)])
        changes.wait_for(lambda: changes.seen[2:] == [(0, 2), (2, 0)])
    assert caplog.text.count("the room refused a write: not here") == 1
    server.room.refuse = None
    state.value = 3
    here.flush()
    assert state.error is None


def test_after_a_cut_it_comes_back_with_what_was_written_meanwhile(
    server: FakeServer, here: Room
) -> None:
    state = SharedState("slider", 0, room=here)
    here.flush()
    server.cut()
    state.value = 5
    here.flush()
    server.wait_for(lambda: server.connections == 2)
    assert (server.room.value("slider") or (None,))[0] == 5
    server.write("slider", 6)
    wait_until(state, 6)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, Forbidden, "may not be opened: the server wants a login (HTTP 403)"),
        (302, Forbidden, "wants a login (HTTP 302)"),
        (404, RoomNotFound, "there is no such room at"),
        (500, Unreachable, "answers, but not as a room server does now: HTTP 500"),
        (200, Unreachable, "is no room server"),
    ],
)
def test_a_refused_handshake_says_why(
    server: FakeServer, status: int, kind: type[Exception], words: str
) -> None:
    server.status = status
    with pytest.raises(kind) as error:
        SharedState("slider", 0, room="here", url=server.url)
    assert words in str(error.value)
    assert server.url in str(error.value)


def test_an_absent_server_is_told_at_once_with_its_url_and_no_secret() -> None:
    with pytest.raises(Unreachable, match=r"nothing answers at http://127\.0\.0\.1:9/") as error:
        SharedState("slider", 0, url="http://127.0.0.1:9/room/a?token=hidden")
    assert "hidden" not in str(error.value)
    assert ".retry()" in str(error.value)


def test_after_a_failure_the_same_call_tries_again(server: FakeServer) -> None:
    server.status = 403
    with pytest.raises(Forbidden) as error:
        SharedState("slider", 1, room="here", url=server.url)
    server.status = 101
    assert SharedState("slider", 1, room="here", url=server.url).value == 1
    assert error.value is not None


def test_a_room_that_may_no_longer_be_read_says_so_to_who_tries_again(
    server: FakeServer, here: Room
) -> None:
    state = SharedState("slider", 1, room=here)
    here.flush()
    server.status = 403
    server.close_sockets(4403)
    assert here.connection.wait_until(lambda: here.status == "stopped", 60)
    assert isinstance(state.error, Forbidden)
    assert state.value == 1
    with pytest.raises(Forbidden):
        SharedState("slider", 1, room=here)


def test_a_cell_that_is_run_again_while_the_server_is_away_has_the_last_value(
    server: FakeServer, here: Room
) -> None:
    state = SharedState("slider", 1, room=here)
    here.flush()
    server.status = 503
    server.cut()
    assert here.connection.wait_until(lambda: here.status == "reconnecting", 60)
    state = SharedState("slider", 0, room=here)
    assert state.value == 1


def test_a_server_that_never_answers_is_given_up_after_the_timeout(server: FakeServer) -> None:
    server.room.silent = True
    with pytest.raises(NotConnected, match=r"gave no answer within 0.2 s\. Run this again"):
        SharedState("slider", 0, room="here", url=server.url, timeout_seconds=0.2)


def test_a_state_that_nobody_holds_is_heard_no_more(server: FakeServer, here: Room) -> None:
    for n in range(50):
        SharedState(f"key-{n}", n, room=here)
    here.flush()
    gc.collect()
    SharedState("last", 0, room=here)
    here.flush()
    gc.collect()
    assert len(here.connection._session.keys) <= 2


def test_an_observed_state_is_collected_when_nobody_holds_it(here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    state.observe(Changes())
    gone = weakref.ref(state)
    here.flush()
    del state
    gc.collect()
    assert gone() is None


def test_a_write_arrives_though_its_object_is_gone(server: FakeServer, here: Room) -> None:
    SharedState("slider", 0, room=here).value = 8
    server.wait_for(lambda: (server.room.value("slider") or (None,))[0] == 8)


def test_after_close_observers_hear_no_more(server: FakeServer, here: Room) -> None:
    state, other = SharedState("slider", 0, room=here), SharedState("slider", 0, room=here)
    closed, open_ = Changes(), Changes()
    state.observe(closed)
    other.observe(open_)
    state.close()
    server.write("slider", 5)
    open_.wait_for(lambda: bool(open_.seen))
    assert closed.seen == []


def test_after_the_room_was_closed_a_write_raises_and_the_value_stays(here: Room) -> None:
    state = SharedState("slider", 4, room=here)
    here.close()
    assert state.value == 4
    with pytest.raises(NotConnected, match="was closed"):
        state.value = 5


def test_it_says_what_it_is(here: Room) -> None:
    assert repr(SharedState("slider", 4, room=here)) == "SharedState('slider', 4, room='here')"


def test_nobodys_update_is_lost(mine: Room, theirs: Room) -> None:
    one, other = SharedState("count", 0, room=mine), SharedState("count", 0, room=theirs)
    handles = [state.update(lambda n: n + 1) for _ in range(50) for state in (one, other)]
    results = sorted(handle.result() for handle in handles)
    assert results == list(range(1, 101))
    come_true(mine, lambda: one.value == 100)
    come_true(theirs, lambda: other.value == 100)


def test_an_update_that_fails_writes_nothing(mine: Room) -> None:
    state = SharedState("count", 0, room=mine)
    with pytest.raises(ZeroDivisionError):
        state.update(lambda n: 1 // n)
    assert state.value == 0


def test_an_update_may_fail_on_what_somebody_else_wrote(server: FakeServer, here: Room) -> None:
    state = SharedState("count", 0, room=here)
    here.flush()

    def once(value: Any) -> int:
        if value != 0:
            raise ValueError("no more")
        return 1

    server.do(lambda: setattr(server, "delay_seconds", 0.1))
    handle = state.update(once)
    server.write("count", 7)
    with pytest.raises(ValueError, match="no more"):
        handle.result()
    assert state.value == 7


def test_a_write_can_be_waited_for(mine: Room) -> None:
    state = SharedState("slider", 0, room=mine)
    assert state.set(5).result() == 5
    assert mine.keys()["slider"].size == 1


def test_a_value_can_be_waited_for_in_the_middle_of_a_cell(mine: Room, theirs: Room) -> None:
    answer = SharedState("answer", room=mine)
    writer = threading.Timer(0.01, lambda: SharedState("answer", "yes", room=theirs))
    writer.start()
    assert answer.wait_for(lambda value: value is not None, timeout_seconds=60) == "yes"
    writer.join()
    with pytest.raises(TimedOut, match=r"'answer': what was waited for .* within 0\.01 s"):
        answer.wait_for(lambda value: value == "no", timeout_seconds=0.01)


def test_who_waits_is_told_when_the_room_is_closed(mine: Room) -> None:
    state = SharedState("answer", room=mine)
    threading.Timer(0.01, mine.connection.close).start()
    with pytest.raises(NotConnected):
        state.wait_for(lambda value: value == 1)


def test_a_throttled_state_sends_and_tells_no_oftener_than_it_says(
    mine: Room, theirs: Room
) -> None:
    state = SharedState("slider", 0, room=mine, throttle_seconds=0.2)
    other = SharedState("slider", room=theirs)
    changes = Changes()
    other.observe(changes)
    start, value = time.monotonic(), 0
    while value < 100 or len(changes.seen) < 2:
        state.value = value = value + 1
        time.sleep(0.005)
    mine.flush()
    changes.wait_for(lambda: changes.seen[-1][1] == value)
    most = (time.monotonic() - start) / 0.2 + 2
    assert len(changes.seen) <= most
    with pytest.raises(ValueError, match="expected throttle_seconds of 0 or more, got -1"):
        SharedState("slider", room=mine, throttle_seconds=-1)


def test_a_throttled_state_holds_back_nobody_elses_writes(mine: Room) -> None:
    slow = SharedState("slider", 0, room=mine, throttle_seconds=1e6)
    quick = SharedState("slider", 0, room=mine)
    slow.set(1).result(60)
    quick.set(2).result(60)
    slow.value = 3
    assert quick.set(4).result(60) == 4  # in the place of the one that waits
    slow.value = 5
    assert quick.set(5).result(60) == 5  # the same as the one that waits
    slow.value = 6
    assert quick.update(lambda n: n + 1).result(60) == 7
    assert slow.update(lambda n: n + 1)
    assert quick.update(lambda n: n + 1).result(60) == 9


def test_of_two_throttled_states_each_waits_for_itself(mine: Room) -> None:
    slow = SharedState("slider", 0, room=mine, throttle_seconds=1e6)
    less_slow = SharedState("slider", 0, room=mine, throttle_seconds=0.001)
    slow.set(1).result(60)
    slow.value = 2
    for n in (3, 4):
        assert less_slow.set(n).result(60) == n
    handle = slow.set(5)
    mine.flush(60)
    assert handle.result(60) == 5


@pytest.mark.parametrize("value", [None, "what no hook takes"])
def test_what_can_not_be_decoded_is_named_in_its_place(
    mine: Room, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    tags = SharedState("tags", {1}, room=mine, encode=sorted, decode=lambda tags: {*map(int, tags)})
    calls = Calls()
    tags.observe(lambda change: calls(change.new))
    SharedState("tags", room=mine).set(value).result()
    come_true(mine, lambda: caplog.records)
    assert caplog.records[0].getMessage().startswith("a callback of SharedState('tags', <")
    assert "Error: " in repr(tags)
    SharedState("tags", room=mine).set([2]).result()
    calls.wait_for(lambda: calls.seen == [{2}])


def test_hooks_encode_and_decode(mine: Room) -> None:
    state = SharedState(
        "z",
        1 + 2j,
        room=mine,
        encode=lambda z: [z.real, z.imag],
        decode=lambda pair: complex(*pair),
    )
    assert state.value == 1 + 2j
    assert SharedState("z", room=mine).value == [1.0, 2.0]


def test_a_state_that_was_written_is_collected_when_nobody_holds_it(here: Room) -> None:
    state = SharedState("slider", 0, room=here)
    state.value = 1
    state.set(2).result()
    here.flush()
    gone = weakref.ref(state)
    del state
    come_true(here, lambda: gone() is None)


def test_choices_given_as_an_iterator_stay_when_something_else_is_set(mine: Room) -> None:
    state = SharedState("choice", "a", options=["a"], room=mine)
    state.options = zip(["A", "B"], ["a", "b"], strict=True)
    state.label = "Which"
    assert [value for _, value in state.control.options] == ["a", "b"]
    assert list(state.options) == [("A", "a"), ("B", "b")]


def test_who_wrote_a_value_is_told_where_that_is_asked_for(mine: Room, theirs: Room) -> None:
    theirs.state("n").set(1).result()
    plain = SharedState("n", room=mine)
    assert plain.written is None
    state = SharedState("n", room=mine, stamps=True)  # the key is known here without it
    come_true(mine, lambda: state.written is not None)
    first = state.written
    assert first is not None
    assert (first.value, first.time is not None) == (1, True)
    theirs.state("n").set(2).result()
    come_true(mine, lambda: state.written is not None and state.written.value == 2)
    second = state.written
    assert second is not None
    assert second.client == first.client
    state.set(3).result()
    come_true(mine, lambda: state.written is not None and state.written.value == 3)
    third = state.written
    assert third is not None
    assert third.client not in (None, first.client)
    assert third.seq > second.seq
    theirs.delete("n").result()
    come_true(mine, lambda: state.written is None)
