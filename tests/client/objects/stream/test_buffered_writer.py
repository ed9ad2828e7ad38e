"""What is printed while the room is away, full, closed or slow, and at awkward moments."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.runtime.background import background
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import locate
from driftdb_jupyter.protocol.errors import NotConnected, QueueFull, Refusal, TooLarge

from ...fakes import FakeServer
from ...runtime.test_background import forking, in_a_fork, quiet
from ...served import come_true

SETTINGS = Settings(queue_limit_count=5, connect_timeout_seconds=30.0, describe=False)


@pytest.fixture
def small(mine: Room) -> Iterator[Room]:
    """A room of whose writes five may wait."""
    with Room(Connection(mine.connection.location, SETTINGS)) as room:
        room.connection.start()
        yield room


@pytest.fixture
def away(mine: Room, small: Room) -> Iterator[Stream]:
    """A stream of it, without a connection until the test calls :func:`bring_back`."""
    log = Stream("log", room=small)
    connector = small.connection._connector
    connector.location = replace(connector.location, server="http://127.0.0.1:9/")
    cut(small)
    come_true(small, lambda: small.status == "reconnecting")
    yield log
    bring_back(log, mine)


def cut(room: Room) -> None:
    link = room.connection._connector._link
    assert link is not None
    background().call(lambda: link.close(for_good=False))


def bring_back(away: Stream, mine: Room) -> None:
    away.room.connection._connector.location = mine.connection.location
    away.retry()


def print_slowly(log: Stream, lines: list[str]) -> None:
    """Print lines, each of which is a message of its own."""
    file = log.file(flush_seconds=0)
    for line in lines:
        print(line, file=file)
        before = log._writer
        assert before is not None
        end = time.monotonic() + 20
        while before._entries or before._turning:  # the background thread takes them
            assert time.monotonic() < end
            time.sleep(0.001)


def test_what_is_printed_while_the_room_is_away_arrives(away: Stream, mine: Room) -> None:
    lines = [f"line {number}" for number in range(20)]
    print_slowly(away, lines)
    assert away.room.waiting >= 5
    bring_back(away, mine)
    away.room.flush(20)
    watched = Stream("log", room=mine)
    come_true(mine, lambda: list(watched) == lines)


def test_a_flush_says_that_the_room_is_away_and_keeps_the_lines(away: Stream, mine: Room) -> None:
    print_slowly(away, [f"line {number}" for number in range(7)])
    file = away.file()
    print("flushed", file=file)
    with pytest.raises(QueueFull, match="there has been no connection since"):
        file.flush()
    with pytest.raises(QueueFull):
        file.close()
    assert file.closed
    bring_back(away, mine)
    away.room.flush(20)
    watched = Stream("log", room=mine)
    come_true(mine, lambda: [*watched][-3:] == ["line 5", "line 6", "flushed"])


def test_a_print_is_refused_when_too_much_waits_and_nothing_else_is(
    away: Stream, mine: Room
) -> None:
    print_slowly(away, [f"line {number}" for number in range(6)])
    file = away.file()
    taken = 0
    with contextlib.suppress(QueueFull):
        while taken < 100_000:
            file.write(f"more {taken}\n")
            taken += 1
    assert 1000 < taken < 100_000
    bring_back(away, mine)
    away.room.flush(60)
    watched = Stream("log", room=mine)
    come_true(mine, lambda: len(watched) == 6 + taken)
    assert watched[-1] == f"more {taken - 1}"


def test_who_prints_faster_than_the_room_takes_waits_for_it(small: Room, mine: Room) -> None:
    log = Stream("log", room=small)
    file = log.file()
    for number in range(60_000):
        print(number, file=file)
    file.close()
    small.flush(60)
    watched = Stream("log", room=mine)
    come_true(mine, lambda: len(watched) == 60_000)
    assert list(watched) == [str(number) for number in range(60_000)]


def test_a_batch_that_is_longer_than_the_queue_is_taken_all_the_same(mine: Room) -> None:
    settings = Settings(queue_limit_bytes=1000)
    with Room(Connection(mine.connection.location, settings)) as room:
        room.connection.start()
        log = Stream("log", room=room)
        with log.file(flush_seconds=60) as file:
            file.writelines(f"{number:050}\n" for number in range(100))
        room.flush(20)
        come_true(room, lambda: len(log) == 100)


def test_a_closed_room_is_told_at_once(mine: Room) -> None:
    file = Stream("log", room=mine).file()
    mine.close()
    with pytest.raises(NotConnected, match="was closed"):
        print("lost", file=file)


def test_what_a_closed_room_did_not_take_is_told(
    mine: Room, caplog: pytest.LogCaptureFixture
) -> None:
    file = Stream("log", room=mine).file(flush_seconds=60)
    print("lost", file=file)
    mine.connection.close()
    with pytest.raises(NotConnected, match="was closed"):
        file.close()
    [record] = caplog.records
    assert record.getMessage().startswith("1 of the values printed to 'log' are lost: ")


def test_a_line_that_is_too_large_takes_no_other_along(mine: Room) -> None:
    settings = Settings(message_limit_bytes=1000)
    with Room(Connection(mine.connection.location, settings)) as room:
        room.connection.start()
        log = Stream("log", room=room)
        file = log.file(flush_seconds=60)
        print("before", "x" * 2000, "after", sep="\n", file=file)
        room.flush(20)
        come_true(room, lambda: list(log) == ["before", "after"])
        with pytest.raises(TooLarge):
            print("later", file=file)
        print("later", file=file)
        file.close()
        come_true(room, lambda: log[-1] == "later")


def test_a_refusal_is_raised_from_the_next_write(server: FakeServer) -> None:
    room = Room(Connection(locate("a", url=server.url), Settings(describe=False)))
    room.connection.start()
    log = Stream("log", room=room)
    server.do(lambda: setattr(server.room, "refuse", "forbidden"))
    file = log.file(flush_seconds=0)
    print("refused", file=file)
    come_true(room, lambda: log.error is not None)
    with pytest.raises(Refusal):
        print("next", file=file)
    room.connection.close()


def test_the_background_thread_never_waits(away: Stream) -> None:
    file = away.file(flush_seconds=0)
    done = threading.Event()

    def work() -> None:
        for number in range(100):
            print(number, file=file, flush=number % 10 == 0)
        done.set()

    background().call(work)
    assert done.wait(60)


def test_a_signal_handler_may_print_in_the_middle_of_a_print(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file()
    signals = 0

    def handle(*_: object) -> None:
        nonlocal signals
        signals += 1
        file.write(f"signal {signals}\n")
        file.flush()

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        number = 0
        while signals < 50:
            file.write(f"line {number}\n")
            number += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    mine.flush(30)
    come_true(mine, lambda: len(log) == number + signals)
    assert [line for line in log if line.startswith("line")] == [f"line {n}" for n in range(number)]


def test_an_interrupt_in_the_middle_of_a_print_harms_no_other(mine: Room) -> None:
    """At each line of the modules that take part, one after the other."""
    log = Stream("log", room=mine)
    file = log.file()
    printed = []
    for number in range(200):
        lines = 0

        def trace(frame: Any, event: str, _: object, at: int = number) -> Any:
            nonlocal lines
            if "objects/stream" not in frame.f_code.co_filename:
                return None
            if event == "line":
                lines += 1
                if lines == at:
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            file.write(f"line {number}\n")
            file.flush()
            printed.append(f"line {number}")
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        if lines < number:
            break
    print("end", file=file)
    mine.flush()
    come_true(mine, lambda: list(log)[-1:] == ["end"])
    kept = list(log)
    assert len(set(kept)) == len(kept)
    assert set(printed) <= set(kept)


@forking
@quiet
def test_a_fork_while_another_thread_prints_repeats_nothing(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=60)
    file.write("the parent's\nunfinished")
    end = threading.Event()

    def work() -> None:
        while not end.wait(0.0001):
            file.write("another thread's\n")

    thread = threading.Thread(target=work)
    thread.start()

    def child() -> str:
        file.write("the child's\n")
        file.flush()
        mine.flush(20)
        return "done"

    try:
        assert in_a_fork(child) == "done"
    finally:
        end.set()
        thread.join()
    file.write(" line\n")
    mine.flush()
    come_true(mine, lambda: "unfinished line" in log)
    assert [line for line in log if line != "another thread's"] == [
        "the child's",
        "the parent's",
        "unfinished line",
    ]


def test_what_could_not_be_handed_over_is_counted(away: Stream) -> None:
    print_slowly(away, [f"line {number}" for number in range(8)])
    assert not away.room.connection.flush(0.1, last=True)
    assert away.room.waiting == 8


def test_a_fault_of_ours_is_raised_and_ends_nothing(
    mine: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=0)
    writer = log._writer
    assert writer is not None
    with monkeypatch.context() as patched:

        def fail() -> None:
            if writer._values:
                raise ZeroDivisionError("planted")

        patched.setattr(writer, "_hand_on", fail)
        print("lost", file=file)
        come_true(mine, lambda: writer._error is not None)
    with pytest.raises(ZeroDivisionError):
        file.flush()
    print("next", file=file)
    come_true(mine, lambda: list(log) == ["next"])
    assert "1 of the values printed to 'log' are lost: ZeroDivisionError" in caplog.text


def test_a_fault_that_loses_nothing_says_so(
    mine: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=60)
    writer = log._writer
    assert writer is not None
    with monkeypatch.context() as patched:

        def fail() -> None:
            raise ZeroDivisionError("planted")

        patched.setattr(writer, "_hand_on", fail)
        writer._ask(0)  # a flush may raise it itself
        come_true(mine, lambda: writer._error is not None)
    [record] = caplog.records
    assert record.getMessage().startswith("what was printed to 'log' could not be handed on: ")
    with pytest.raises(ZeroDivisionError):
        file.flush()


def test_a_loss_is_raised_between_two_lines_and_not_in_the_middle_of_one(mine: Room) -> None:
    """Or the beginning of a line, which was taken, would go before the next one."""
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=60)
    assert log._writer is not None
    file.write("whole")
    log._writer._error = ZeroDivisionError("of a line before")
    file.write(" line\n")
    with pytest.raises(ZeroDivisionError):
        file.write("not taken")
    print("next", file=file)
    file.close()
    come_true(mine, lambda: list(log) == ["whole line", "next"])


def test_the_end_of_a_file_counts_as_no_value_that_waits(
    mine: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=60)
    writer = log._writer
    assert writer is not None
    with monkeypatch.context() as patched:
        patched.setattr(writer, "_turn", lambda: None)
        writer.end_soon(file._text)
        assert writer.waiting == 0
        writer.put(b"1", within_seconds=60)
        print("two", file=file)
        assert writer.waiting >= 2
    mine.flush()
    assert writer.waiting == 0
