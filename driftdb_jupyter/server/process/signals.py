"""The standalone server's reaction to signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

__all__ = ["Signals"]


class Signals:
    """Listens to SIGINT and SIGTERM, which end the server, and to SIGHUP.

    SIGHUP is what the closing of a terminal sends: a server that has one ends by it, as by SIGTERM.
    Without a terminal nothing but a supervisor or an administrator sends it, and ``reload`` is
    called. ``stop`` is resolved with the name of the signal that is to end the server; make it on a
    running loop.
    """

    def __init__(self, reload: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.stop: asyncio.Future[str] = self._loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._listen(number, partial(self._end, number))
        if sys.platform != "win32":
            # Under nohup it is ignored: such a server is to outlive its terminal.
            ends = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()
            self._listen(signal.SIGHUP, partial(self._end, signal.SIGHUP) if ends else reload)

    def _listen(self, number: signal.Signals, react: Callable[[], None]) -> None:
        try:
            self._loop.add_signal_handler(number, react)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda _number, _frame: self._loop.call_soon_threadsafe(react))

    def _end(self, number: signal.Signals) -> None:
        if not self.stop.done():
            self.stop.set_result(number.name)


def _has_terminal() -> bool:
    """Return True if the process has a terminal to read from, or that controls it."""
    try:
        if os.isatty(0):
            return True
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
