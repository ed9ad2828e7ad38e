"""Times the pauses of those who write a state no more often than they said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..session.pace import Pace
from ..session.state import StateReplica

__all__ = ["Pacing"]


class Pacing:
    """Pauses writers after each write. All but :meth:`pace` runs on the background thread."""

    def __init__(
        self,
        unpaced: Callable[[StateReplica], object],
        later: Callable[[Callable[[], object]], object],
    ) -> None:
        """Call ``unpaced`` for a replica one of whose writers may write again.

        ``later`` hands a piece of work over to the background thread.
        """
        self._unpaced = unpaced
        self._later = later
        self._paused: dict[Pace, tuple[StateReplica, asyncio.TimerHandle]] = {}
        self._hurried = False

    def pace(self, replica: StateReplica, seconds: float) -> Pace:
        """Return what a writer gives with its writes, so that they are sent that far apart."""
        return Pace(seconds, lambda pace: self._begin(replica, pace))

    def hurry(self) -> None:
        """Have all write at once what waits, and pause no more, until :meth:`calm_down`."""
        self._hurried = True
        for pace in list(self._paused):
            self._end(pace)

    def calm_down(self) -> None:
        """Pause after writes again."""
        self._hurried = False

    def forked(self) -> None:
        """Forget the parent's pauses in a forked child."""
        for pace in self._paused:
            pace.paused = False
        self._paused, self._hurried = {}, False

    def _begin(self, replica: StateReplica, pace: Pace) -> None:
        if self._hurried:
            return
        pace.paused = True
        timer = asyncio.get_running_loop().call_later(
            pace.seconds, self._later, lambda: self._end(pace)
        )
        self._paused[pace] = replica, timer

    def _end(self, pace: Pace) -> None:
        replica, timer = self._paused.pop(pace, (None, None))
        if replica is not None and timer is not None:
            timer.cancel()
            pace.paused = False
            self._unpaced(replica)
