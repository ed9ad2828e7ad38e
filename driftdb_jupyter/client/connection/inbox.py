"""The work that callers hand over to the background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ..runtime.background import background
from ..runtime.wakeup import Wakeup
from ..session.log import LogReplica
from ..session.outcome import Outcome

__all__ = ["Append", "Inbox", "Job"]


class Job:
    """A piece of work for the background thread; its outcome fails if the work can't be done."""

    __slots__ = ("_total_bytes", "byte_count", "outcome", "taken", "value", "work", "writes")

    def __init__(
        self,
        work: Callable[[], object],
        *,
        outcome: Outcome[Any] | None = None,
        writes: int = 0,
        byte_count: int = 0,
        value: bytes | None = None,
    ) -> None:
        """Hold ``writes`` of ``byte_count`` in all with it; ``value`` is shown till then."""
        self.work = work
        self.outcome = outcome
        self.writes = writes
        self.byte_count = byte_count
        self.value = value
        self.taken = False
        """Whether it was done, or dropped."""
        self._total_bytes = 0

    def done(self) -> None:
        """Note that it is done, and keep nobody alive by what was to be done."""
        self.taken = True
        self.work = _nothing


class Append(Job):
    """An append or a relay, which may travel in one message with its neighbours."""

    __slots__ = ("keep", "max_length", "replica", "values")

    def __init__(
        self,
        replica: LogReplica,
        values: Sequence[bytes],
        outcome: Outcome[Any],
        *,
        keep: bool,
        max_length: int | None,
    ) -> None:
        super().__init__(_nothing, outcome=outcome, writes=1, byte_count=sum(map(len, values)))
        self.replica = replica
        self.values = values
        self.keep = keep
        self.max_length = max_length

    def goes_with(self, other: Append) -> bool:
        """Return True if both may travel in one message."""
        return (
            self.replica is other.replica
            and self.keep == other.keep
            and self.max_length == other.max_length
        )


class Inbox:
    """Jobs in the order in which they were handed over.

    Handing one over is one atomic ``append``: whatever happens to the caller before or after, it
    is handed over or not. No lock is taken, so a signal handler and a finalizer may do it in the
    middle of anything. The background thread leaves a job in here until it is done.
    """

    def __init__(self, drain: Callable[[], object]) -> None:
        self.jobs: deque[Job] = deque()
        self._drain = drain
        self._wakeup = Wakeup(lambda: background().call(self._run))

    def put(self, job: Job) -> None:
        """Hand a job over."""
        jobs = self.jobs
        try:
            total = jobs[-1]._total_bytes
        except IndexError:
            total = 0
        job._total_bytes = total + job.byte_count
        jobs.append(job)
        self._wakeup.request()

    def poke(self) -> None:
        """Have the background thread look at what waits (an interrupt may have hidden it)."""
        if self.jobs:
            self._wakeup.request()

    @property
    def byte_count(self) -> int:
        """The number of bytes that wait."""
        # The totals run on while jobs come and go, and begin anew where there are none: two
        # threads that come with the same total are forgotten soon.
        try:
            first, last = self.jobs[0], self.jobs[-1]
        except IndexError:
            return 0
        return max(last._total_bytes - first._total_bytes + first.byte_count, 0)

    @property
    def writes(self) -> int:
        """The number of writes that wait."""
        return sum(job.writes for job in self.jobs.copy())

    def forked(self) -> list[Job]:
        """Take out, in a forked child, what is the parent's to do."""
        jobs, self.jobs = list(self.jobs), deque()
        self._wakeup.reset()
        return jobs

    def _run(self) -> None:
        self._wakeup.begin()
        self._drain()


def _nothing() -> None:
    """Do nothing."""
