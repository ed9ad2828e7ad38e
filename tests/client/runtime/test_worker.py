from __future__ import annotations

import ctypes
import threading

import pytest

from driftdb_jupyter.client.runtime.worker import Worker


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_whatever_work_raises_the_next_is_done(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    worker, done = Worker("worker"), threading.Event()

    def fail() -> None:
        raise error

    worker.do(fail)
    worker.do(done.set)
    assert not done.is_set()
    worker.start()
    worker.start()
    assert done.wait(60)
    assert error.__name__ in caplog.text


def test_it_goes_on_when_something_is_raised_into_its_thread_while_it_waits() -> None:
    worker, began, done = Worker("worker"), threading.Event(), threading.Event()
    worker.start()
    worker.do(began.set)
    assert began.wait(60)
    assert worker.thread is not None
    thread = ctypes.c_ulong(worker.thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(KeyboardInterrupt))
    worker.do(done.set)
    assert done.wait(60)


def test_started_by_two_threads_at_once_it_does_one_thing_at_a_time() -> None:
    worker, gate = Worker("worker"), threading.Barrier(8)
    threads: set[threading.Thread] = set()
    done = threading.Semaphore(0)

    def start() -> None:
        gate.wait(60)
        worker.start()

    def work() -> None:
        threads.add(threading.current_thread())
        done.release()

    starting = [threading.Thread(target=start) for _ in range(8)]
    for each in starting:
        each.start()
    for each in starting:
        each.join(60)
    for _ in range(20):
        worker.do(work)
    for _ in range(20):
        assert done.acquire(timeout=60)
    assert len(threads) == 1
