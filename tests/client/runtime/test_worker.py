from __future__ import annotations

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
