"""A log as JSON lines, for programs that gather logs."""

from __future__ import annotations

import logging
import time

import msgspec

__all__ = ["JsonLines"]


class JsonLines(logging.Formatter):
    """Formats each record as one JSON object in a line: time, level, logger and message.

    A record may bring more (``extra={"fields": {…}}``); a traceback is in ``error``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{at}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()
