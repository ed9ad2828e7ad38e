"""One message for several appends of callers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...protocol.errors import Forbidden, Refusal
from ..session.outcome import Outcome
from .inbox import Append, Job

__all__ = ["Gathered", "gather"]

# Far below what a server takes in one message, in whatever the values consist of.
_GATHERED_BYTES = 32 * 1024
_GATHERED_COUNT = 1_000


class Gathered(Outcome[int | None]):
    """The outcome of several appends that travel in one message.

    A server takes all values of a message or none (protocol, "Several values at once"), but each
    append is its caller's own: where the message is refused, ``split`` is called to send them in
    smaller ones.
    """

    __slots__ = ("_appends", "_split", "writes")

    def __init__(
        self, appends: Sequence[Append], split: Callable[[Sequence[Append]], object]
    ) -> None:
        super().__init__()
        self.writes = len(appends)
        self._appends = appends
        self._split = split

    def set_result(self, seq: int | None) -> None:
        """Give each append the number of its last value."""
        super().set_result(seq)
        for append in reversed(self._appends):
            if append.outcome is not None:
                append.outcome.set_result(seq)
            if seq is not None:
                seq -= len(append.values)

    def set_exception(self, error: BaseException) -> None:
        """Send the appends again in two messages; fail them where that wouldn't help."""
        super().set_exception(error)
        if isinstance(error, Refusal) and not isinstance(error, Forbidden):
            middle = len(self._appends) // 2
            self._split(self._appends[:middle])
            self._split(self._appends[middle:])
            return
        for append in self._appends:
            if append.outcome is not None:
                append.outcome.set_exception(error)


def gather(jobs: Sequence[Job], start: int) -> int:
    """Return where those jobs end that may travel in one message with the append at ``start``."""
    first = jobs[start]
    assert isinstance(first, Append)
    end, byte_count, count = start + 1, first.byte_count, len(first.values)
    while end < len(jobs):
        other = jobs[end]
        if not isinstance(other, Append) or not first.goes_with(other):
            break
        byte_count += other.byte_count
        count += len(other.values)
        if byte_count > _GATHERED_BYTES or count > _GATHERED_COUNT:
            break
        end += 1
    return end
