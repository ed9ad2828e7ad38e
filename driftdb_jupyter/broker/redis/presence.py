"""Who is in a room that several servers host.

Each server keeps the presences of the clients that are, or were last, connected to it, and says so
to the others: on the room's channel, and in a hash for those that open the room later. They hold
as long as the server's lease does. A client that connects to another server takes its presences
along. None of that is part of the room's order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from ...protocol.entry import Author
from ...protocol.errors import QuotaExceeded
from ...protocol.value import Value
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import Presence, PresenceLimits
from ..presence import PresenceAudience
from .record import WrittenValue, read_value, written_value

__all__ = [
    "PresenceHandle",
    "PresencePlace",
    "PresenceTold",
    "RedisPresence",
    "field_of",
    "read_told",
    "written_told",
]


class PresencePlace(Struct, frozen=True, array_like=True):
    """Whose presence it is, where, and which server says so."""

    server: str
    client: str
    key: str


class PresenceTold(Struct, array_like=True):
    """A presence as servers tell each other; ``value`` is ``None`` where it is no more.

    ``withdrawn``: it is no more, whoever had told of it.
    """

    place: PresencePlace
    value: WrittenValue | None = None
    user: bytes | None = None
    withdrawn: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PresenceTold).decode


class PresenceHandle(Protocol):
    """The parts of a broker that presence uses."""

    @property
    def server(self) -> str:
        """The id of this server."""

    def want_told(self, presence: RedisPresence) -> None:
        """Have :meth:`RedisPresence.take_told` sent soon."""


class RedisPresence:
    """The presences of one room (see :class:`..presence.PresenceManager`).

    ``time``: when the newest was told that is known here, in microseconds since 1970.
    ``_mine`` are those of this server's clients, ``_others`` the others', of which ``_owners`` says
    who told of them. ``_claims`` are those of clients that are connected here, and that another
    server says to have: if that was old news it takes it back, and they are shown from here again.
    """

    def __init__(
        self,
        name: str,
        audience: PresenceAudience,
        handle: PresenceHandle,
        *,
        limits: PresenceLimits,
        memory: MemoryBudget,
        grace_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.is_closed = False
        self.time = 0
        self._audience = audience
        self._handle = handle
        self._limits = limits
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._mine = Presence(limits=limits, memory=memory)
        self._others = Presence(limits=limits, memory=memory)
        self._owners: dict[tuple[str, str], str] = {}
        self._claims: dict[tuple[str, str], tuple[Author, Value]] = {}
        self._untold: dict[tuple[str, str], bool] = {}  # and whether it was withdrawn

    @property
    def leaving(self) -> bool:
        """Whether a client without a connection is still shown here."""
        return self._mine.leaving

    def there(self, key: str) -> list[tuple[Author, Value]]:
        """Return who is present under a key, and with which value."""
        return self._mine.there(key) + self._others.there(key)

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection here; what it set elsewhere comes along."""
        self._mine.joined(client)
        for key in self._others.keys_of(client):
            shown = self._others.find(key, client)
            assert shown is not None
            self._drop_other(key, client)
            self._mine.set(key, *shown)
            self._tell(key, client)

    def left(self, client: str, *, for_good: bool = False) -> None:
        """Note that a client has closed a connection here."""
        if self._mine.left(client, now=self._clock()):
            for place in [place for place in self._claims if place[1] == client]:
                del self._claims[place]
            if for_good:
                self.forget(client)

    def set(self, key: str, author: Author, value: Value) -> None:
        """Show a client under a key with a value."""
        client = author.client
        elsewhere = self._others.find(key, client)
        is_new = elsewhere is None and self._mine.find(key, client) is None
        if is_new and len(self._mine) + len(self._others) >= self._limits.count:
            raise QuotaExceeded(
                f"expected at most {self._limits.count} presences in a room, got one more"
            )
        shown = self._others.shows(key, author, value)
        if self._mine.set(key, author, value):
            self._claims.pop((key, client), None)
            if elsewhere is not None:
                self._drop_other(key, client)
            if not shown:
                self._audience.presence_changed(key, author, value)
            self._tell(key, client)

    def withdraw(self, key: str, client: str) -> None:
        """Show a client under a key no more, whichever server it came to."""
        self._claims.pop((key, client), None)
        author = self._mine.withdraw(key, client) or self._drop_other(key, client)
        if author is not None:
            self._audience.presence_changed(key, author, None)
            self._tell(key, client, withdrawn=True)

    def restrict(self, client: str, allowed: Callable[[str], bool]) -> None:
        """Show a client no more under keys that aren't allowed."""
        for key in {*self._mine.keys_of(client), *self._others.keys_of(client)}:
            if not allowed(key):
                self.withdraw(key, client)

    def forget(self, client: str) -> None:
        """Show a client no more under any key."""
        for key in {*self._mine.keys_of(client), *self._others.keys_of(client)}:
            self.withdraw(key, client)

    def expire(self) -> None:
        """Show those no more that left here, and did not come back within the grace."""
        for key, author in self._mine.expire(until=self._clock() - self._grace_seconds):
            self._audience.presence_changed(key, author, None)
            self._tell(key, author.client)

    def close(self) -> None:
        """Forget everything, and tell the others that this server shows nobody."""
        for key, client in self._mine.places():
            self._tell(key, client)
        self._mine.release()
        self._others.release()
        self._owners.clear()
        self._claims.clear()
        self.is_closed = True
        self._handle.want_told(self)

    # What the broker calls.

    def take_told(self) -> list[PresenceTold]:
        """Return what the others are to be told."""
        untold, self._untold = self._untold, {}
        told = []
        for (key, client), withdrawn in untold.items():
            place = PresencePlace(self._handle.server, client, key)
            found = self._mine.find(key, client)
            if found is None:
                told.append(PresenceTold(place, withdrawn=withdrawn))
            else:
                author, value = found
                user = None if author.user is None else author.user.as_json()
                told.append(PresenceTold(place, written_value(value), user))
        return told

    def tell_again(self, told: Iterable[PresenceTold] = ()) -> None:
        """Have the others told of what they may have missed, by default of all."""
        places = {(each.place.key, each.place.client): each.withdrawn for each in told}
        for place in places or self._mine.places():
            self._untold.setdefault(place, places.get(place, False))
        if self._untold:
            self._handle.want_told(self)

    def hear(self, told: PresenceTold) -> None:
        """Take what another server has told."""
        place = told.place
        key, client = place.key, place.client
        if place.server == self._handle.server:
            return
        if told.value is None:
            if told.withdrawn:
                self._claims.pop((key, client), None)
                mine = self._mine.withdraw(key, client)
                if mine is not None:  # what is told of here goes, too
                    self._tell(key, client)
                gone = self._drop_other(key, client) or mine
                if gone is not None:
                    self._audience.presence_changed(key, gone, None)
            elif self._owners.get((key, client)) == place.server:
                self._other_gone(key, client)
            return
        author = Author(client, None if told.user is None else Value.from_json(told.user))
        value = read_value(told.value)
        shown = self._mine.shows(key, author, value)
        claim = self._mine.find(key, client)
        if claim is not None:  # it has gone there
            self._mine.withdraw(key, client)
            self._tell(key, client)
            if self._mine.is_connected(client):
                self._claims[key, client] = claim
        try:
            changed = self._others.set(key, author, value)
        except QuotaExceeded:
            return
        self._owners[key, client] = place.server
        if changed and not shown:
            self._audience.presence_changed(key, author, value)

    def hear_next(self, time: int, before: int, told: PresenceTold) -> bool:
        """Take what another server has told; returns whether nothing was missed before it.

        ``time``: when, and ``before`` when something was told before it, in microseconds.
        """
        is_next = self.time in (before, time)
        self.time = max(self.time, time)
        self.hear(told)
        return is_next

    def take_all(self, all_told: Iterable[PresenceTold], time: int) -> None:
        """Know of others what these say, and nothing else; what they say of here is put right.

        ``time``: when something was told last.
        """
        self.time = time
        told: dict[tuple[str, str], PresenceTold] = {}
        told_of_mine: set[tuple[str, str]] = set()
        for each in all_told:
            place = each.place.key, each.place.client
            if each.place.server == self._handle.server:
                told_of_mine.add(place)
            else:
                told[place] = each
        for key, client in told_of_mine.symmetric_difference(self._mine.places()):
            self._tell(key, client)
        for key, client in list(self._owners):
            if (key, client) not in told:
                self._other_gone(key, client)
        for each in told.values():
            self.hear(each)

    def take_over(self, other: RedisPresence) -> None:
        """Tell the others in the place of one that was closed."""
        self._untold, other._untold = other._untold, {}
        if self._untold:
            self._handle.want_told(self)

    def servers(self) -> Collection[str]:
        """Return the other servers that clients are shown of."""
        return frozenset(self._owners.values())

    def server_ended(self, server: str) -> list[PresencePlace]:
        """Show the clients of a server no more that has ended; returns who they were."""
        places = [place for place, owner in self._owners.items() if owner == server]
        for key, client in places:
            self._other_gone(key, client)
        return [PresencePlace(server, client, key) for key, client in places]

    def _tell(self, key: str, client: str, *, withdrawn: bool = False) -> None:
        if not self.is_closed:
            self._untold[key, client] = withdrawn
            self._handle.want_told(self)

    def _drop_other(self, key: str, client: str) -> Author | None:
        self._owners.pop((key, client), None)
        return self._others.withdraw(key, client)

    def _other_gone(self, key: str, client: str) -> None:
        """Show a client as it is here, or no more, for another server does not show it."""
        author = self._drop_other(key, client)
        claim = self._claims.pop((key, client), None)
        if claim is not None:
            try:
                self._mine.set(key, *claim)
            except QuotaExceeded:
                pass
            else:
                self._audience.presence_changed(key, *claim)
                self._tell(key, client)
                return
        if author is not None:
            self._audience.presence_changed(key, author, None)


def field_of(place: PresencePlace) -> bytes:
    """Return the field of a presence in the room's hash."""
    return _encode(place)


def written_told(told: PresenceTold) -> bytes:
    """Return what a channel carries, and the hash holds."""
    return _encode(told)


def read_told(content: bytes) -> PresenceTold:
    """Read what another server wrote; raises :class:`msgspec.MsgspecError`."""
    told: PresenceTold = _decode(content)
    return told
