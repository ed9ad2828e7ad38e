"""Ask another thread to run, once for any number of requests before it begins."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Bell"]


class Bell:
    """Calls for a run of work. It takes no lock, and may be rung anywhere.

    The worker calls :meth:`answer` first, and looks for work then: so work that was put down
    before :meth:`ring` is always found. An exception in the middle of :meth:`ring` (of an
    interrupt, or of ``call``) has the next ring call once more.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        """``call`` has the worker run soon, on its thread."""
        self._call = call
        self._answered = 0
        self._rung = -1

    def ring(self) -> None:
        """Have the worker run soon, if it isn't about to already."""
        seen = self._answered
        if self._rung != seen:
            self._call()
            # Only now, and the number of before: if the worker ran meanwhile, this is no longer
            # its next run, and the next ring calls.
            self._rung = seen

    def answer(self) -> None:
        """Note that the worker begins to look for work."""
        self._answered += 1

    def reset(self) -> None:
        """Forget that it was rung: who was called will not come."""
        self._rung = -1
