"""Several clients of one room on a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport import naming

__all__ = ["Calls", "another", "come_true", "description", "fresh_room"]


@contextmanager
def fresh_room(server_url: str) -> Iterator[Room]:
    """A new room."""
    naming._named.clear()  # or it would be one for the whole process
    room = find_room(url=server_url)
    yield room
    room.close()


def another(here: Room) -> Room:
    """The same room over a connection of its own, as another process has it."""
    there = Room(Connection(here.connection.location, Settings()))
    there.connection.start()
    return there


def come_true(room: Room, condition: Callable[[], object]) -> None:
    """Wait until something is so that follows from what a room says.

    It is looked at after each change; and now and then, for callbacks come later than that.
    """
    connection, end = room.connection, time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        connection.wait_until(condition, 0.05)


def description(room: Room, key: str) -> Any:
    """Return what the room knows by now of what a key is."""
    room.flush()
    known = room.keys(f"$meta/{key}")
    return room.state(f"$meta/{key}").value if known else None


class Calls:
    """A handler that can be waited for."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, value: Any) -> None:
        with self._changed:
            self.seen.append(value)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), self.seen
