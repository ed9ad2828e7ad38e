"""Tickets: what a socket or page shows once, in place of a credential that lasts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from msgspec import Struct

from ...access.credential import Credential
from ...broker.shared import SharedStore
from ...protocol.errors import RateExceeded
from ...protocol.name import new_id
from ..limits.callers import Caller
from .carried import Carried

__all__ = ["SharedTickets", "Ticket", "Tickets"]


class Ticket(Struct, frozen=True):
    """A ticket as its holder is told of it; ``expires_at`` in seconds since 1970."""

    ticket: str
    expires_at: float


class _Out(Struct, frozen=True):
    ends: float
    room: str
    credential: Credential
    caller: Caller


class Tickets:
    """The tickets of this process that nobody has used yet.

    Each stands for a credential in one room, once. They are in memory alone, and only as digests.
    ``lifetime_seconds``: how long one is good. ``limit``: how many may be out at once, and
    ``limit_each``: how many that one caller asked for; others are refused then, and none of those
    that are out is forgotten. ``clock``: seconds since 1970, for what ends at a time;
    ``monotonic``: seconds that nobody sets, for how long a ticket is good.
    """

    def __init__(
        self,
        lifetime_seconds: float,
        limit: int,
        limit_each: int,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._limit = limit
        self._limit_each = limit_each
        self._clock = clock
        self._monotonic = monotonic
        # In the order in which they end, because all last equally long.
        self._out: dict[bytes, _Out] = {}

    def __len__(self) -> int:
        """Return how many are out."""
        return len(self._out)

    def issue(self, credential: Credential, room: str, caller: Caller) -> Ticket:
        """Return a new ticket; raises :class:`RateExceeded` where too many are out.

        It never lasts longer than the credential.
        """
        now = self._monotonic()
        self.forget_old(now)
        if len(self._out) >= self._limit or caller.ticket_count >= self._limit_each:
            error = RateExceeded("too many tickets were asked for and not used; see Retry-After")
            error.retry_after_seconds = max(1, int(next(iter(self._out.values())).ends - now) + 1)
            raise error
        text = new_id()
        self._out[_digest(text)] = _Out(now + self._lifetime_seconds, room, credential, caller)
        caller.ticket_count += 1
        ends = self._clock() + self._lifetime_seconds
        return Ticket(text, min(ends, credential.expires_at or ends))

    def redeem(self, text: str, room: str) -> Credential | None:
        """Return what a ticket stands for, and forget it.

        ``None`` for one that is unknown, was used before, is too old, or is for another room, and
        where the credential itself has ended.
        """
        found = self._out.pop(_digest(text), None)
        if found is None:
            return None
        found.caller.ticket_count -= 1
        expires_at = found.credential.expires_at
        good = expires_at is None or expires_at > self._clock()
        in_time = found.ends > self._monotonic()
        return found.credential if good and in_time and found.room == room else None

    def forget_old(self, now: float | None = None) -> None:
        """Forget those that nobody has used in time."""
        now = self._monotonic() if now is None else now
        while self._out:
            oldest = next(iter(self._out))
            if self._out[oldest].ends > now:
                break
            self._out.pop(oldest).caller.ticket_count -= 1


class SharedTickets:
    """The tickets of all servers that share their rooms, each good at any of them, once.

    ``own``: those that this server has given, by which it counts them; a ticket of a credential
    that only this server knows is good here alone. ``store``: where the others find it, under its
    digest.
    """

    def __init__(
        self,
        own: Tickets,
        store: SharedStore,
        carried: Carried,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._own = own
        self._store = store
        self._carried = carried
        self._clock = clock
        self.forget_old = own.forget_old

    async def issue(self, credential: Credential, room: str, caller: Caller) -> Ticket:
        """Return a new ticket; raises as :meth:`Tickets.issue`, and :class:`Unavailable`."""
        ticket = self._own.issue(credential, room, caller)
        written = self._carried.write(credential, room)
        if written is not None:
            seconds = ticket.expires_at - self._clock()
            await self._store.lend(_name(ticket.ticket), written, seconds=seconds)
        return ticket

    async def redeem(self, text: str, room: str) -> Credential | None:
        """Return what a ticket stands for, and forget it everywhere (see :meth:`Tickets.redeem`).

        Raises :class:`Unavailable`.
        """
        own = self._own.redeem(text, room)
        if own is not None and self._carried.write(own, room) is None:
            return own
        written = await self._store.take(_name(text))
        if written is None:
            return None
        found = own or await self._carried.read(written, room)
        expires_at = None if found is None else found.expires_at
        return found if expires_at is None or expires_at > self._clock() else None


def _name(text: str) -> str:
    return f"ticket:{_digest(text).hex()}"


def _digest(text: str) -> bytes:
    # No salt: it is 192 random bits.
    return hashlib.sha256(text.encode(errors="replace")).digest()
