"""The progress of long work on the journal: a bar on a terminal, else lines in the log."""

from __future__ import annotations

import logging
import sys
import time

__all__ = ["Progress"]

_log = logging.getLogger("driftdb_jupyter")
_BAR_SECONDS = 0.2
_LOG_SECONDS = 5.0
_WIDTH = 30
_CLEAR = "\r\033[K"


class Progress:
    """Shows how much of a work is done. ``label`` says what it is, in a few words."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = time.monotonic() if not self._terminal else 0.0

    def show(self, done: int, total: int) -> None:
        """Show that so much of ``total`` is done, in any unit.

        Cheap, as most calls show nothing.
        """
        now = time.monotonic()
        if now - self._shown < (_BAR_SECONDS if self._terminal else _LOG_SECONDS):
            return
        self._shown = now
        part = min(1.0, done / total) if total else 1.0
        if self._terminal:
            bar = "#" * int(_WIDTH * part)
            sys.stderr.write(f"{_CLEAR}{self._label}: [{bar:<{_WIDTH}}] {part:4.0%}")
            sys.stderr.flush()
        else:
            _log.info("DriftDB: %s: %.0f %%", self._label, 100 * part)

    def end(self) -> None:
        """Clear the bar."""
        if self._terminal:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
