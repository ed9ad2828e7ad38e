"""The pace of one writer of a state, which holds back its own writes alone."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """At most one write every ``seconds`` of one writer of a key.

    A key's writers in a process share its replica: a write that waits for its turn waits only
    as long as all who wrote it are paused. ``begin(pace)`` is called when one of its writes goes
    out, unless it is paused already; it sets :attr:`paused` and sees to its end.
    """

    def __init__(self, seconds: float, begin: Callable[[Pace], object]) -> None:
        self.seconds = seconds
        self.paused = False
        self._begin = begin

    def sent(self) -> None:
        """Note that a write of it went out."""
        if not self.paused:
            self._begin(self)
