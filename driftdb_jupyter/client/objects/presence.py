"""Who is here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..base_room import BaseRoom
from ..runtime.callbacks import callbacks
from ..runtime.subscribers import Subscribers, Subscription
from ..session.presence import Person as Told
from ..values.encoding import decode, encode, same
from .labelled import Labelled
from .message import name_of

__all__ = ["Person", "Presence"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is here: a connection, under the public id ``client``.

    ``value`` is what it set. ``user``: what the server's authentication knows of the person
    (Jupyter: ``username``, ``name``, ``display_name``, ``initials``, ``color``, ``avatar_url``),
    which nobody can claim for themselves; ``None`` where it knows nobody.
    """

    client: str
    value: Any
    user: dict[str, Any] | None
    is_me: bool

    @property
    def name(self) -> str:
        """The person's name: as the server's authentication has it, else as the value's ``name``.

        ``"Guest"`` where neither says it. Anybody may say anything in a value.
        """
        claimed = self.value.get("name") if isinstance(self.value, dict) else None
        claimed = claimed.strip() if isinstance(claimed, str) else None
        return name_of(self.user) or claimed or "Guest"


class Presence(Labelled):
    """Who is here under a ``key``, each with a value: a colour, a cursor, what they look at.

    ``value`` is one's own (``None``: only look who is there, unseen). It goes with the
    connection: whoever closes the notebook is gone after some seconds; a reconnect is no leaving.
    The room is found as by :class:`~driftdb_jupyter.SharedState`, and the same
    errors are raised.
    """

    _made = False

    _kind = "presence"

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
        self._enter(key, room, url, timeout_seconds)
        self._encode, self._decode = encode, decode
        self._value: Any = None
        self._joined = Subscribers(self._topic)
        self._left = Subscribers(self._topic)
        self._changed = Subscribers(self._topic)
        self._untold: deque[tuple[Subscribers, Person]] = deque()
        self._told: dict[str, Person] = {}
        connection = self._home.connection
        self._replica = connection.attend(key, self)
        if value is not None:
            self.value = value
        self._wait_ready(self._replica, timeout_seconds, presence=True)
        self._told = {person.client: person for person in self.others}
        self._made = True
        self.label = label

    @property
    def value(self) -> Any:
        """One's own value; setting it tells the others at once, ``None`` makes one unseen."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._check_open()
        text = None if value is None else encode(value, hook=self._encode)
        self._refusal = None
        self._home.connection.attend_as(self._replica, text)
        self._value = value

    @property
    def people(self) -> list[Person]:
        """Who is here, in the order of their coming; oneself too, where one has a value."""
        return list(self._people().values())

    @property
    def others(self) -> list[Person]:
        """Who else is here."""
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
        others = {client: person for client, person in self._people().items() if not person.is_me}
        before, self._told = self._told, others
        for client, person in before.items():
            if client not in self._told:
                self._untold.append((self._left, person))
        for client, person in self._told.items():
            if client not in before:
                self._untold.append((self._joined, person))
            elif not same(person.value, before[client].value):
                self._untold.append((self._changed, person))
        try:
            while self._untold:
                subscribers, person = self._untold.popleft()
                subscribers.tell(lambda person=person: person)  # type: ignore[misc]
        finally:
            if self._untold:  # a handler was interrupted
                callbacks.schedule(self)

    def _people(self) -> dict[str, Person]:
        told, own_id = dict(self._replica.people), self._replica.own_id
        return {client: self._person(client, each, own_id) for client, each in told.items()}

    def _person(self, client: str, told: Told, own_id: str | None) -> Person:
        user = None if told.user is None else decode(told.user)
        return Person(
            client=client,
            value=decode(told.value, hook=self._decode),
            user=user if isinstance(user, dict) else None,
            is_me=client == own_id,
        )
