"""Limits by person: the connections and messages of whoever a credential names.

All who come in by one share link count together, beside what they do by their addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from itertools import islice
from time import monotonic

from ...access.identity import Identity
from ...broker.shared import SharedStore
from ...protocol.errors import QuotaExceeded, Unavailable
from ..settings import DriftDB
from .rate import Rate

__all__ = ["People", "PersonShare"]

# Of more people than that, one is forgotten with its debts.
_LIMIT_COUNT = 50_000
_LOOKED_AT_COUNT = 500


class PersonShare:
    """What one person, or all people of one share link, have of the server.

    ``whose`` is one of these in words. ``peer_count`` is the number of their connections, of which
    they may have ``limit``; ``rate`` that of all their messages together, ``None`` where there is
    no limit. ``shared``: where the other servers count, too, under ``name``.
    """

    __slots__ = ("_clock", "_limit", "_name", "_shared", "_whose", "peer_count", "rate")

    def __init__(
        self,
        whose: str,
        *,
        limit: int,
        per_second: float,
        burst: int,
        clock: Callable[[], float],
        shared: SharedStore | None,
        name: str,
    ) -> None:
        self._shared = shared
        self._name = name
        self._clock = clock
        self._limit = limit
        self._whose = whose
        self.peer_count = 0
        self.rate = Rate(per_second, burst, now=clock()) if per_second else None

    def enter(self) -> None:
        """Count a connection that is about to be opened, until :meth:`leave`.

        Raises :class:`QuotaExceeded` where the person has as many as they may.
        """
        if self.peer_count >= self._limit:
            raise self._one_more()
        self.peer_count += 1

    def enter_elsewhere(self) -> Awaitable[None] | None:
        """Return what to wait for until all other servers count, too, what :meth:`enter` began.

        That raises :class:`QuotaExceeded` where they count as many together as may be. Where they
        can't be asked, what this server counts is enough. ``None`` without other servers.
        """
        return None if self._shared is None else self._enter_elsewhere(self._shared)

    async def _enter_elsewhere(self, shared: SharedStore) -> None:
        try:
            may_enter = await shared.count(self._name, self.peer_count, limit=self._limit)
        except Unavailable:
            return
        if not may_enter:
            raise self._one_more()

    def _one_more(self) -> QuotaExceeded:
        return QuotaExceeded(
            f"expected at most {self._limit} connections of {self._whose}, got one more"
        )

    def leave(self) -> None:
        """End what :meth:`enter` began."""
        self.peer_count -= 1
        if self._shared is not None:
            self._shared.recount(self._name, self.peer_count)

    def count_message(self) -> float:
        """Count a message that comes by a request; returns in how many seconds it may, 0: now."""
        return 0.0 if self.rate is None else self.rate.take_if_free(now=self._clock())

    @property
    def forgettable(self) -> bool:
        """Whether all is as it was at the start."""
        full = self.rate is None or self.rate.is_full(now=self._clock())
        return not self.peer_count and full


class People:
    """The shares of the people who were here lately, by what names them.

    ``shared``: where the servers count connections that share their rooms.
    """

    def __init__(
        self,
        settings: DriftDB,
        *,
        shared: SharedStore | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._clock = clock
        self._people: dict[tuple[str, str], PersonShare] = {}

    def __len__(self) -> int:
        """Return the number of people who are remembered."""
        return len(self._people)

    def of(self, identity: Identity) -> PersonShare | None:
        """Return a person's share, ``None`` for a kernel and for somebody who isn't named."""
        named = identity.subject if identity.link is None else identity.link
        if named is None or identity.source == "kernel":
            return None
        who = identity.source, named
        share = self._people.get(who)
        if share is None:
            if len(self._people) >= _LIMIT_COUNT:
                del self._people[next(iter(self._people))]
            make = self._of_person if identity.link is None else self._of_link
            share = self._people[who] = make(_digest(*who))
        return share

    def _of_person(self, name: str) -> PersonShare:
        settings = self._settings
        return PersonShare(
            "one person",
            limit=settings.person_peer_limit,
            per_second=settings.person_rate_limit_per_second,
            burst=settings.person_rate_limit_burst,
            clock=self._clock,
            shared=self._shared,
            name=name,
        )

    def _of_link(self, name: str) -> PersonShare:
        settings = self._settings
        return PersonShare(
            "one share link",
            limit=settings.link_peer_limit,
            per_second=settings.link_rate_limit_per_second,
            burst=settings.link_rate_limit_burst,
            clock=self._clock,
            shared=self._shared,
            name=name,
        )

    def tidy(self) -> None:
        """Drop shares that are back at their start; looks at some of them each time."""
        for who in list(islice(self._people, _LOOKED_AT_COUNT)):
            share = self._people.pop(who)
            if not share.forgettable:
                self._people[who] = share  # behind those that are looked at next


def _digest(source: str, named: str) -> str:
    """Return what a person is counted under, which doesn't say who it is."""
    return hashlib.sha256(f"{source} {named}".encode(errors="replace")).hexdigest()[:32]
