"""The people present under one key, as one client sees them."""

from __future__ import annotations

from typing import NamedTuple

from . import messages
from .messages import Incoming
from .notices import Notices
from .pushes import Pushes

__all__ = ["Person", "PresenceReplica"]


class Person(NamedTuple):
    """A client's value, as JSON text, and its user (an object, ``None`` if not known)."""

    value: bytes
    user: bytes | None


class PresenceReplica:
    """The people present; made by :meth:`.session.Session.presence` (protocol, "Who is here").

    Each connection asks anew, and says the own value anew: so nobody leaves and joins who was
    away for less than the server's grace. While there is no connection, those stay who were
    there last.
    """

    def __init__(self, key: str, pushes: Pushes, notices: Notices) -> None:
        self.key = key
        self._pushes = pushes
        self._notices = notices
        self.own_id: str | None = None
        """The public id of this client, once the room has answered."""
        self.people: dict[str, Person] = {}
        """Who is there, by public id, in the order of their coming; the own one too."""
        self.ready = False
        """Whether the room's answer was ever heard."""
        self.current = False
        """Whether it was heard on the connection that is open now."""
        self.leaving = False
        """Whether nobody asks for it any more, and the room may not know yet that we left."""
        self._own: bytes | None = None
        self._spoke = False
        self._unsent = False

    @property
    def settled(self) -> bool:
        """Whether the own value was sent."""
        return not self._unsent

    @property
    def spoke(self) -> bool:
        """Whether this client was ever there itself."""
        return self._spoke

    def set(self, value: bytes | None) -> None:
        """Be there with a value, or no more (``None``).

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        self._pushes.check_size(self.key, value or b"null")
        if value == self._own:
            return
        self._own = value
        self._spoke = self._unsent = True
        self._notices.presence_touched(self.key)

    # What the session calls.

    def ask(self) -> list[bytes]:
        """Return what is sent on a new connection."""
        if self.leaving:  # the answer tells that the room knows it
            self._unsent = False
            return [messages.set_presence(self.key, None), messages.get_presence(self.key)]
        # Also that we are there no more: the last connection may not have brought it.
        self._unsent = self._spoke
        return [messages.get_presence(self.key)]

    def leave(self) -> list[bytes]:
        """Be there no more, and be forgotten as soon as the room knows it; what is sent now."""
        self._own, self.leaving = None, True
        return self.ask()

    def next_write(self) -> list[bytes]:
        """Return the own value, if it was not sent yet."""
        if not self._unsent:
            return []
        self._unsent = False
        return [messages.set_presence(self.key, self._own)]

    def retry(self) -> None:
        """Say the own value again: it may have been refused for now."""
        self._unsent = self._spoke

    def initialized(self, answer: Incoming) -> bool:
        """Take the room's list of who is there; True if the room knows that we have left."""
        self.own_id = answer.client
        there = {
            client: Person(bytes(person.value), bytes(person.user) or None)
            for client, person in answer.clients.items()
        }
        stayed = {client: there[client] for client in self.people if client in there}
        self.people = stayed | there
        if self.leaving:
            return True
        self.ready = self.current = True
        self._notices.presence_touched(self.key)
        return False

    def changed(self, message: Incoming) -> None:
        """Note that somebody came, left or has another value."""
        assert message.client is not None
        if not self.current:
            return
        value = bytes(message.value)
        if value == b"null":
            self.people.pop(message.client, None)
        else:
            self.people[message.client] = Person(value, bytes(message.user) or None)
        self._notices.presence_touched(self.key)

    def disconnected(self) -> None:
        """Note that the connection is gone; what is known is the last that was heard."""
        self.current = False

    def forked(self) -> None:
        """Be nobody: in a fork the presence is its parent's."""
        self.own_id = self._own = None
        self._unsent = self._spoke = False
