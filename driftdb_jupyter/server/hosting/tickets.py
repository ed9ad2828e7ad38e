"""Tickets: what a socket or page shows once, in place of a credential that lasts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from msgspec import Struct

from ...access.credential import Credential
from ...protocol.errors import RateExceeded
from ...protocol.name import new_id

__all__ = ["Ticket", "Tickets"]


class Ticket(Struct, frozen=True):
    """A ticket as its holder is told of it; ``expires_at`` in seconds since 1970."""

    ticket: str
    expires_at: float


class Tickets:
    """The tickets of this process that nobody has used yet.

    Each stands for a credential in one room, once. They are in memory alone, and only as digests.
    ``lifetime_seconds``: how long one is good. ``limit``: how many may be out at once; others are
    refused then, and none of those that are out is forgotten. ``clock``: seconds since 1970.
    """

    def __init__(
        self, lifetime_seconds: float, limit: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._limit = limit
        self._clock = clock
        # In the order in which they end, for all last equally long.
        self._out: dict[bytes, tuple[float, str, Credential]] = {}

    def __len__(self) -> int:
        """Return how many are out."""
        return len(self._out)

    def issue(self, credential: Credential, room: str) -> Ticket:
        """Return a new ticket; raises :class:`RateExceeded` where too many are out.

        It never lasts longer than the credential.
        """
        now = self._clock()
        self.forget_old(now)
        if len(self._out) >= self._limit:
            error = RateExceeded("too many tickets were asked for and not used; see Retry-After")
            error.retry_after_seconds = max(1, int(next(iter(self._out.values()))[0] - now) + 1)
            raise error
        text = new_id()
        ends = now + self._lifetime_seconds
        self._out[_digest(text)] = ends, room, credential
        return Ticket(text, min(ends, credential.expires_at or ends))

    def redeem(self, text: str, room: str) -> Credential | None:
        """Return what a ticket stands for, and forget it.

        ``None`` for one that is unknown, was used before, is too old, or is for another room.
        """
        ends, of, credential = self._out.pop(_digest(text), (0.0, "", None))
        return credential if ends > self._clock() and of == room else None

    def forget_old(self, now: float | None = None) -> None:
        """Forget those that nobody has used in time."""
        now = self._clock() if now is None else now
        while self._out:
            oldest = next(iter(self._out))
            if self._out[oldest][0] > now:
                break
            del self._out[oldest]


def _digest(text: str) -> bytes:
    # No salt: it is 192 random bits.
    return hashlib.sha256(text.encode(errors="replace")).digest()
