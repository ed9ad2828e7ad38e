"""A fork forgets its parent's thread and sockets, and connects anew when it is used."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import room
from driftdb_jupyter.client.runtime.background import Background, background

from ..fakes import FakeServer

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
quiet = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def in_a_fork(work: Callable[[], Any]) -> Any:
    """Return what the work in a forked child returned, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(work()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def test_it_starts_once() -> None:
    assert background() is background()


def test_started_by_several_threads_at_once_it_runs_once() -> None:
    for _ in range(5):
        started, gate = Background(), threading.Barrier(8)

        def start(started: Background = started, gate: threading.Barrier = gate) -> None:
            gate.wait(60)
            started.start()

        threads = [threading.Thread(target=start) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        started.run(asyncio.sleep(0), timeout_seconds=60)
        assert started._thread is not None
        started._thread.name = "left over"  # it never ends


def test_work_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        background().run(asyncio.sleep(100), timeout_seconds=0.01)


class Resolver:
    """Stands for the system's resolver, and hangs until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: list[str] | OSError) -> None:
        self.go, self.asked, self.threads = threading.Event(), 0, list[threading.Thread]()
        self._answer = answer
        monkeypatch.setattr("socket.getaddrinfo", self._look_up)

    def _look_up(self, *asked: Any) -> list[str]:
        self.asked += 1
        self.threads.append(threading.current_thread())
        self.go.wait(60)
        if isinstance(self._answer, OSError):
            raise self._answer
        return self._answer

    def end(self) -> None:
        """Answer, and wait until its threads ended and the loop has heard of it."""
        self.go.set()
        for each in self.threads:
            each.join(60)
        background().run(asyncio.sleep(0), timeout_seconds=60)


async def looked_up() -> Any:
    return await asyncio.get_running_loop().getaddrinfo("example.invalid", 80)


async def given_up() -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(looked_up(), 0.01)


@pytest.mark.parametrize("answer", [["an address"], OSError("no such name")])
def test_a_look_up_that_all_gave_up_says_nothing(
    answer: list[str] | OSError,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    died: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    resolver = Resolver(monkeypatch, answer)
    background().run(given_up(), timeout_seconds=60)
    resolver.end()
    gc.collect()
    assert died == []
    assert caplog.records == []


def test_one_look_up_serves_all_who_wait_also_after_others_gave_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver(monkeypatch, ["an address"])

    async def several() -> list[Any]:
        await given_up()
        await given_up()
        waiting = [asyncio.ensure_future(looked_up()) for _ in range(3)]
        await asyncio.sleep(0)
        resolver.go.set()
        return await asyncio.gather(*waiting)

    assert background().run(several(), timeout_seconds=60) == [["an address"]] * 3
    assert resolver.asked == 1
    assert background().run(looked_up(), timeout_seconds=60) == ["an address"]
    assert resolver.asked == 2  # an answer isn't kept


def test_all_who_wait_for_a_look_up_hear_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, OSError("no such name"))

    async def both() -> list[Any]:
        waiting = asyncio.gather(looked_up(), looked_up(), return_exceptions=True)
        resolver.go.set()
        return list(await waiting)

    assert [str(each) for each in background().run(both(), timeout_seconds=60)] == [
        "no such name",
        "no such name",
    ]


@forking
@quiet
def test_a_fork_that_uses_nothing_starts_nothing(server: FakeServer) -> None:
    state = SharedState("k", 1, room="a", url=server.url)
    assert state.value == 1
    assert in_a_fork(lambda: [thread.name for thread in threading.enumerate()]) == "['MainThread']"
    assert server.connections == 1


@forking
@quiet
def test_what_a_fork_forgets_of_its_parents_starts_nothing(server: FakeServer) -> None:
    state = SharedState("k", 1, room="a", url=server.url)
    connection = state.room.connection
    # As after an error: what the connection forgets in the child holds the last room.
    connection._connector._tasks.append(state.room)  # type: ignore[arg-type]
    del state
    assert in_a_fork(lambda: [thread.name for thread in threading.enumerate()]) == "['MainThread']"
    assert connection.status == "connected"
    connection._connector._tasks.pop()


@forking
@quiet
def test_a_fork_writes_and_reads_over_a_connection_of_its_own(server: FakeServer) -> None:
    state = SharedState("k", 1, room="a", url=server.url)
    state.room.flush()

    def work() -> Any:
        state.value = 2
        state.room.flush()
        return state.value

    assert in_a_fork(work) == "2"
    assert server.connections == 2
    assert len({secret for secret, _, _ in server.room.applied}) == 2
    assert state.room.connection.wait_until(lambda: state.value == 2, 60)


def _write(url: str) -> None:
    state = SharedState("k", 0, room="a", url=url)
    state.value = "this is sent at once"
    state.value = "last words"


@quiet
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_what_a_child_wrote_before_its_end_is_sent_before_it_ends(
    server: FakeServer, method: str
) -> None:
    state = SharedState("parent", 0, room="a", url=server.url)
    server.delay_seconds = 0.05
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=_write, args=(server.url,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert (server.room.value("k") or (None,))[0] == "last words"
    state.room.close()


@forking
@quiet
def test_the_parent_goes_on_over_its_old_connection(server: FakeServer) -> None:
    state = SharedState("k", 1, room="a", url=server.url)
    in_a_fork(lambda: SharedState("other", 1, room="a", url=server.url).value)
    state.value = 3
    state.room.flush()
    assert (server.room.value("k") or (None,))[0] == 3
    assert server.connections == 2


@forking
@quiet
def test_a_fork_in_the_middle_of_anything_neither_hangs_nor_resends(server: FakeServer) -> None:
    here = room("a", url=server.url)
    state = SharedState("k", 0, room=here)

    def work() -> Any:
        SharedState("from the fork", 1, room=here, timeout_seconds=60)
        here.flush()
        return "done"

    for n in range(5):
        for m in range(100):
            state.value = [n, m]
        assert in_a_fork(work) == "done"
    here.flush()
    values = [value for _, key, value in server.room.applied if key == "k"]
    assert values == sorted(values, key=lambda v: (isinstance(v, list), v))
