"""A stream as a handler of :mod:`logging`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...runtime.background import background

if TYPE_CHECKING:
    from .stream import Stream

__all__ = ["StreamHandler"]


class StreamHandler(logging.Handler):
    """Appends ``{"level", "logger", "message", "time"}`` for each record.

    ``message`` is what the formatter makes of it, ``time`` seconds since 1970.
    """

    def __init__(self, stream: Stream, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record; what fails is reported as :mod:`logging` does it."""
        # Our own reports about this connection would never end.
        if record.name.startswith("driftdb_jupyter") or background().here():
            return
        try:
            self._stream.append(
                {
                    "level": record.levelname,
                    "logger": record.name,
                    "message": self.format(record),
                    "time": record.created,
                }
            )
        except Exception:
            self.handleError(record)
