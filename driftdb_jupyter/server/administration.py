"""What the owner of a server may do with its rooms as wholes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..broker.broker import RoomSummary
from ..protocol.errors import BadMessage, RoomNotFound
from ..protocol.name import is_name, new_id
from ..rooms.dump import dump, load
from ..rooms.room import Room
from .hub import Hub

__all__ = ["Administration"]


class Administration:
    """Lists, exports, imports and deletes the rooms of a hub, connected ones too."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def rooms(self) -> list[RoomSummary]:
        """All rooms, by name."""
        return await self._hub.broker.summaries()

    async def export(self, name: str) -> Iterator[bytes]:
        """A room as JSON Lines, as it is now (see :mod:`~..rooms.dump`).

        Raises :class:`RoomNotFound`.
        """
        hosted = await self._hub.open(name)
        if hosted is None:
            raise RoomNotFound(f"expected the name of a room, got {name!r}: there is none")
        return dump(name, hosted.sequencer.room)

    def read(self, lines: Iterable[bytes]) -> Room:
        """Read an exported room; may be called on any thread.

        Raises :class:`BadMessage`, which names the line that can't be read, and
        :class:`~..protocol.errors.QuotaExceeded`.
        """
        settings = self._hub.settings
        room = Room(epoch=new_id(), quota=settings.quota, window_limits=settings.window_limits)
        load(room, lines, limits=settings.limits)
        return room

    async def put(self, name: str, room: Room, *, replace: bool = False) -> None:
        """Give a room that was read a name; ``replace``: another of that name goes.

        Raises :class:`BadMessage` for a name that is none or taken,
        :class:`~..protocol.errors.QuotaExceeded` and :class:`~..protocol.errors.Unavailable`.
        """
        if not is_name(name):
            raise BadMessage(f"expected the name of a room, got {name!r}")
        if replace:
            await self._hub.delete(name)
        await self._hub.broker.restore(name, room)

    async def delete(self, name: str) -> None:
        """Delete a room; who is in it is told (close code 4404).

        Raises :class:`RoomNotFound`.
        """
        if not await self._hub.delete(name):
            raise RoomNotFound(f"expected the name of a room, got {name!r}: there is none")

    async def vacuum(self) -> int:
        """Give the space of what was deleted back to the disk; returns how many bytes."""
        return await self._hub.broker.vacuum()

    async def check(self) -> list[str]:
        """Look for damage in what is kept; returns what was found, in words."""
        return await self._hub.broker.check()
