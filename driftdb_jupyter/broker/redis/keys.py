"""The names of what is in Redis."""

from __future__ import annotations

__all__ = ["Keys", "RoomKeys"]


class Keys:
    """The keys of a deployment; ``prefix`` keeps it apart from others in the same Redis.

    ``clock``: the time of the newest entry of all rooms. ``rooms``: all rooms, by when they were
    last used. ``changes``: those that have changed lately, by when. ``generation``: its id, the
    process of Redis that it holds for, and the bounds of rooms. ``servers``: those that run, by
    when their leases end. ``served``: in which times a server ran.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.clock = f"{prefix}clock"
        self.rooms = f"{prefix}rooms"
        self.changes = f"{prefix}changes"
        self.generation = f"{prefix}generation"
        self.servers = f"{prefix}servers"
        self.served = f"{prefix}served"

    def shared(self, name: str) -> str:
        """Return the key of what servers share beside rooms, under a name."""
        return f"{self.prefix}shared:{name}"

    def of(self, name: str) -> RoomKeys:
        """Return the keys of a room."""
        return RoomKeys(self, name)


class RoomKeys:
    """The keys of one room.

    ``facts``: its id and newest number, and what is told of it unopened. ``log``: its entries.
    ``access``: the records of who may do what. ``users``: the servers that host it. ``snapshot``:
    the pieces of the newest one. ``here``: who is present. ``channel``: where its entries are
    published.
    """

    __slots__ = ("access", "channel", "facts", "here", "log", "name", "push", "room", "snapshot")

    def __init__(self, keys: Keys, name: str) -> None:
        base = f"{keys.prefix}room:{name}:"
        self.name = name
        self.facts = base + "facts"
        self.log = base + "log"
        self.access = base + "access"
        self.snapshot = base + "snapshot"
        self.here = base + "here"
        self.channel = base + "channel"
        # What the two scripts are given.
        self.push = (keys.clock, keys.changes, keys.generation, self.facts, self.log)
        self.room = (
            *self.push,
            keys.rooms,
            keys.servers,
            self.access,
            base + "users",
            self.snapshot,
            self.here,
        )
