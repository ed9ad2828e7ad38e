"""Holds back a state's writes, so that others hear them no more often than they are to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..session.state import StateReplica

__all__ = ["Pacing"]


class Pacing:
    """Pauses replicas after each write. Everything in it runs on the background thread."""

    def __init__(self, unpaced: Callable[[StateReplica], object]) -> None:
        """``unpaced`` is called for a replica that may write again."""
        self._unpaced = unpaced
        self._paused: dict[StateReplica, asyncio.TimerHandle] = {}
        self._hurried = False

    def pace(self, replica: StateReplica, seconds: float, later: Callable[..., object]) -> None:
        """Have a replica send its writes that far apart; the last one always arrives.

        ``later`` hands a piece of work over to the background thread.
        """

        def pause() -> None:
            if self._hurried:
                return
            replica.paused = True
            timer = asyncio.get_running_loop().call_later(
                seconds, later, lambda: self._end(replica)
            )
            self._paused[replica] = timer

        replica.sent = pause

    def hurry(self) -> None:
        """Have all write at once what waits, and pause no more, until :meth:`calm_down`."""
        self._hurried = True
        for replica in list(self._paused):
            self._end(replica)

    def calm_down(self) -> None:
        """Pause after writes again."""
        self._hurried = False

    def forked(self) -> None:
        """Forget the parent's pauses in a forked child."""
        self._paused, self._hurried = {}, False

    def _end(self, replica: StateReplica) -> None:
        timer = self._paused.pop(replica, None)
        if timer is not None:
            timer.cancel()
            self._unpaced(replica)
