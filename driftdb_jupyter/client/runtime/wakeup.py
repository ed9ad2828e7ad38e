"""Ask another thread to run, once for any number of requests before it begins."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Wakeup"]


class Wakeup:
    """Has a worker run soon. It takes no lock, and may be requested anywhere.

    The worker calls :meth:`begin` first, and looks for work then: so work that was put down
    before :meth:`request` is always found. An exception in the middle of :meth:`request` (of an
    interrupt, or of ``call``) has the next request call once more.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        """``call`` has the worker run soon, on its thread."""
        self._call = call
        self._begun = 0
        self._requested = -1

    def request(self) -> None:
        """Have the worker run soon, if it isn't about to already."""
        seen = self._begun
        if self._requested != seen:
            self._call()
            # Only now, and the number of before: if the worker ran meanwhile, this is no longer
            # its next run, and the next request calls.
            self._requested = seen

    def begin(self) -> None:
        """Note that the worker begins to look for work."""
        self._begun += 1

    def reset(self) -> None:
        """Forget the request: the worker that was called will not run."""
        self._requested = -1
