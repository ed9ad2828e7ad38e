"""Limits by address: requests, messages, rooms and connections."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from itertools import islice
from time import monotonic

from ...protocol.errors import QuotaExceeded
from ..settings import DriftDB
from .rate import Rate

__all__ = ["Caller", "Callers"]

_FOR_EVER_SECONDS = 30 * 24 * 60 * 60.0
# The number of addresses that are remembered. Of more, one is forgotten with its debts.
_LIMIT_COUNT = 50_000
_LOOKED_AT_COUNT = 500
# A customer of an Internet provider has all addresses of such a network, at least.
_PREFIX_BITS = 64


class Caller:
    """The counters and limits of one address.

    ``peer_count`` is the number of its connections, ``streams`` of those over HTTP, and
    ``ticket_count`` of the tickets that it asked for and that nobody has used.
    """

    __slots__ = (
        "_clock",
        "_messages",
        "_requests",
        "_rooms",
        "_settings",
        "_together",
        "peer_count",
        "streams",
        "ticket_count",
    )

    def __init__(self, settings: DriftDB, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._requests = self._rate(settings.request_limit_per_second, settings.request_limit_burst)
        self._messages = self._rate(settings.rate_limit_per_second, settings.rate_limit_burst)
        self._together = self._rate(
            settings.address_rate_limit_per_second, settings.address_rate_limit_burst
        )
        kept_seconds = settings.room_retention_seconds or _FOR_EVER_SECONDS
        rooms = settings.address_room_limit
        self._rooms = self._rate(rooms / kept_seconds, rooms)
        self.peer_count = 0
        self.streams = 0
        self.ticket_count = 0

    def count_request(self) -> float:
        """Count a request, a handshake too; returns in how many seconds it may come, 0: now."""
        return self._count(self._requests)

    def count_message(self) -> float:
        """Count a message that comes by a request; returns as :meth:`count_request` does."""
        return self._count(self._messages)

    def count_room(self) -> None:
        """Count a room that is about to be made.

        Raises :class:`QuotaExceeded` where the address has made its share of them.
        """
        if self._count(self._rooms):
            limit = self._settings.address_room_limit
            raise QuotaExceeded(f"expected at most {limit} rooms made by one address, got one more")

    def uncount_room(self) -> None:
        """Take back what :meth:`count_room` counted: the room couldn't be made."""
        if self._rooms is not None:
            self._rooms.give_back(now=self._clock())

    def enter(self) -> None:
        """Count a connection that is about to be opened, until :meth:`leave`.

        Raises :class:`QuotaExceeded` where the address has as many as it may.
        """
        limit = self._settings.address_peer_limit
        if self.peer_count >= limit:
            raise QuotaExceeded(
                f"expected at most {limit} connections of one address, got one more"
            )
        self.peer_count += 1

    def leave(self) -> None:
        """End what :meth:`enter` began."""
        self.peer_count -= 1

    def rates(self) -> list[Rate]:
        """Return the rates for a new connection's messages; empty if there is no limit."""
        settings = self._settings
        own = self._rate(settings.rate_limit_per_second, settings.rate_limit_burst)
        return [rate for rate in (own, self._together) if rate is not None]

    @property
    def forgettable(self) -> bool:
        """Whether all counters are as they were at the start."""
        now = self._clock()
        rates = (self._requests, self._messages, self._together, self._rooms)
        here = self.peer_count or self.streams or self.ticket_count
        return not here and all(rate is None or rate.is_full(now=now) for rate in rates)

    def _rate(self, per_second: float, burst: int) -> Rate | None:
        return Rate(per_second, burst, now=self._clock()) if per_second else None

    def _count(self, rate: Rate | None) -> float:
        return 0.0 if rate is None else rate.take_if_free(now=self._clock())


class Callers:
    """The counters of recent addresses; an IPv6 network of 64 bits counts as one."""

    def __init__(self, settings: DriftDB, *, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._callers: dict[str, Caller] = {}

    def __len__(self) -> int:
        """Return the number of addresses that are remembered."""
        return len(self._callers)

    def __getitem__(self, address: str) -> Caller:
        """Return the counters of an address."""
        if ":" in address:
            address = _network(address)
        caller = self._callers.get(address)
        if caller is None:
            if len(self._callers) >= _LIMIT_COUNT:
                del self._callers[next(iter(self._callers))]
            caller = self._callers[address] = Caller(self._settings, self._clock)
        return caller

    def tidy(self) -> None:
        """Drop counters that are back at their start; looks at some of them each time."""
        for address in list(islice(self._callers, _LOOKED_AT_COUNT)):
            caller = self._callers.pop(address)
            if not caller.forgettable:
                self._callers[address] = caller  # behind those that are looked at next


def _network(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, _PREFIX_BITS), strict=False))
