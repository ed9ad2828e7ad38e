"""The codes that the server closes connections with (protocol, "Errors and closing")."""

from __future__ import annotations

__all__ = [
    "CLOSE_EXPIRED",
    "CLOSE_FAULT",
    "CLOSE_FORBIDDEN",
    "CLOSE_GONE",
    "CLOSE_RESET",
    "CLOSE_SILENT",
    "CLOSE_STOPPING",
    "CLOSE_TOO_SLOW",
]

CLOSE_STOPPING = 1001
CLOSE_FAULT = 1011
CLOSE_SILENT = 1011
CLOSE_RESET = 1012
CLOSE_EXPIRED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_GONE = 4404
CLOSE_TOO_SLOW = 4408
