"""How long a TLS certificate is valid."""

from __future__ import annotations

import ssl
import time

__all__ = ["EXPIRES_SOON_SECONDS", "expires_at", "validity"]

EXPIRES_SOON_SECONDS = 14 * 24 * 60 * 60.0


def expires_at(path: str) -> float | None:
    """Return when the first certificate of a PEM file ends, in seconds since 1970.

    ``None`` where this Python can't tell. Raises ``OSError`` for a file that has none.
    """
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return None
    return float(ssl.cert_time_to_seconds(decode(path)["notAfter"]))


def validity(path: str, *, now: float) -> tuple[str, bool]:
    """Return in words how long a certificate is valid, and whether it still is."""
    until = expires_at(path)
    if until is None:
        return "this Python can't tell until when it is valid", True
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until))
    if until <= now:
        return f"it has expired ({day})", False
    soon = ": renew it soon" if until - now < EXPIRES_SOON_SECONDS else ""
    return f"valid until {day}{soon}", True
