"""Presence: the people who are in a room now."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from ..arguments import check_hooks, check_text
from ..base_room import BaseRoom
from ..runtime.subscribers import Subscribers, Subscription
from ..session.presence import Person as Present
from ..values.encoding import decode, encode
from .labelled import Labelled
from .message import name_of
from .shared import brief

__all__ = ["Person", "Presence"]

_log = logging.getLogger("driftdb_jupyter")


@dataclass(frozen=True, kw_only=True)
class Person:
    """A client that is present, known by its public id ``client``.

    ``value`` is what it set, ``None`` where that can't be decoded here. ``user``: what the server's
    authentication knows of the person (Jupyter: ``username``, ``name``, ``display_name``,
    ``initials``, ``color``, ``avatar_url``), which nobody can claim for themselves, and as
    ``source`` what vouches for it (``jupyter``, ``kernel``, ``hub``, ``token`` or ``link``); with
    ``guest`` it is somebody who came by a link, and chose the name. ``None`` where it knows nobody.
    """

    client: str
    value: Any
    user: dict[str, Any] | None
    is_me: bool

    @property
    def name(self) -> str:
        """The person's name: as the server's authentication has it.

        Where that has none it is the value's ``name``, in which anybody may say anything, and
        behind it ``(guest)``; ``"Guest"`` where neither says one.
        """
        claimed = self.value.get("name") if isinstance(self.value, dict) else None
        claimed = claimed.strip() if isinstance(claimed, str) else None
        return name_of(self.user) or (f"{claimed} (guest)" if claimed else "Guest")

    def __repr__(self) -> str:
        me = ", oneself" if self.is_me else ""
        return f"<{brief(self.name, 100)}{me}: {brief(self.value)}>"


class _Change(NamedTuple):
    """A person who came, left or changed, and the handlers to call."""

    subscribers: Subscribers
    client: str
    present: Present


class Presence(Labelled):
    """The people here under a ``key``, each with a value: a colour, a cursor, what they look at.

    ``value`` is one's own (``None``: only look who is there, unseen). It goes with the
    connection: whoever closes the notebook is gone after some seconds; a reconnect is no leaving.
    The room is found as by :class:`~driftdb_jupyter.SharedState`, and the same
    errors are raised.
    """

    _made = False

    _kind = "presence"
    _settable = ("value", "label")

    def __init__(
        self,
        key: str = "presence",
        value: Any = None,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[Any], Any] | None = None,
        label: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        check_hooks(encode, decode)
        check_text("label", label)
        self._enter(key, room, url, timeout_seconds)
        self._encode, self._decode = encode, decode
        self._text: bytes | None = None
        self._joined = Subscribers(self._topic)
        self._left = Subscribers(self._topic)
        self._changed = Subscribers(self._topic)
        # Who the handlers were told of, or will be by these changes.
        self._known: tuple[dict[str, Present], deque[_Change]] = {}, deque()
        connection = self._home.connection
        self._replica = connection.attend(key, self)
        if value is not None:
            self.value = value
        self._wait_ready(self._replica, timeout_seconds, presence=True)
        self._known = self._others(), deque()
        self._made = True
        self.label = label

    @property
    def value(self) -> Any:
        """One's own value; setting it tells the others at once, ``None`` makes one unseen."""
        return None if self._text is None else decode(self._text, hook=self._decode)

    @value.setter
    def value(self, value: Any) -> None:
        self._check_open()
        text = None if value is None else encode(value, hook=self._encode)
        self._refusal = None
        self._home.connection.attend_as(self._replica, text)
        self._text = text

    @property
    def people(self) -> list[Person]:
        """The people here, in the order of their coming; oneself too, if one has set a value."""
        return list(self._people().values())

    @property
    def others(self) -> list[Person]:
        """The other people here."""
        return [person for person in self.people if not person.is_me]

    def on_join(self, handler: Callable[[Person], object]) -> Subscription:
        """Call ``handler(person)`` when somebody else comes (see :meth:`.PubSub.subscribe`)."""
        return self._joined.add(handler)

    def on_leave(self, handler: Callable[[Person], object]) -> Subscription:
        """Call ``handler(person)`` when somebody else leaves, with what they were last."""
        return self._left.add(handler)

    def on_change(self, handler: Callable[[Person], object]) -> Subscription:
        """Call ``handler(person)`` when somebody else who is here has another value."""
        return self._changed.add(handler)

    def close(self) -> None:
        """Be here no more, and hear of nobody; the room's connection stays for others."""
        self._closed = True
        for subscribers in (self._joined, self._left, self._changed):
            subscribers.clear()
        self._home.connection.unsubscribe(self._key, self, presence=True)

    def __len__(self) -> int:
        return len(self._people())

    def deliver(self) -> None:
        """Tell who came, left or changed (the callbacks call this)."""
        super().deliver()
        if not self._made:
            return
        others, own_id = self._others(), self._replica.own_id
        before, untold = self._known
        changes = untold.copy()
        for client, present in before.items():
            if client not in others:
                changes.append(_Change(self._left, client, present))
        for client, present in others.items():
            if client not in before:
                changes.append(_Change(self._joined, client, present))
            elif present.value != before[client].value:
                changes.append(_Change(self._changed, client, present))
        # In one step, so that no interrupt loses a change.
        self._known = others, changes
        while changes := self._known[1]:
            change = changes[0]
            # Each handler is given a person of its own, which it may change.
            make = partial(self._person, change.client, change.present, own_id)
            change.subscribers.notify(change, make)
            if self._known[1] and self._known[1][0] is change:
                self._known[1].popleft()

    def _others(self) -> dict[str, Present]:
        own_id = self._replica.own_id
        people = dict(self._replica.people)
        return {client: present for client, present in people.items() if client != own_id}

    def _people(self) -> dict[str, Person]:
        people, own_id = dict(self._replica.people), self._replica.own_id
        return {client: self._person(client, each, own_id) for client, each in people.items()}

    def _read(self, client: str, text: bytes) -> Any:
        """Return what a client set, ``None`` where ``decode`` doesn't take it."""
        try:
            return decode(text, hook=self._decode)
        except Exception as error:
            _log.warning(
                "Presence %r: the value of %r can't be decoded (%s)",
                self._key,
                client,
                type(error).__name__,
            )
            return None

    def _person(self, client: str, present: Present, own_id: str | None) -> Person:
        user = None if present.user is None else decode(present.user)
        return Person(
            client=client,
            value=self._read(client, present.value),
            user=user if isinstance(user, dict) else None,
            is_me=client == own_id,
        )
