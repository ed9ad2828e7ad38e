"""The things that the owner of a server may do with its rooms as wholes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from ...access.owner import no_owners
from ...access.policy import Policy
from ...access.room_access import POLICY
from ...access.share_link import terms_from
from ...broker.broker import RoomSummary
from ...broker.file.journal import Journal, JournalUnusable
from ...protocol.errors import BadMessage, RoomNotFound
from ...protocol.name import is_name, new_id
from ...rooms.dump import dump, load
from ...rooms.memory_budget import MemoryBudget
from ...rooms.room import Room
from ..hosting.hub import Hub
from ..hosting.revoking import revoke_tokens
from ..process.audit import Denied, OwnersForgotten, PolicyChanged, RoomDeleted, RoomImported
from ..sending.backlog import Backlog
from .address import link_path

__all__ = ["Administration", "Restored"]


class Restored(Struct, frozen=True):
    """The numbers of rooms that a restoration restored and left.

    ``rooms`` were brought back, ``replaced`` of them in the place of others; ``left`` are not in
    the backup, and as they were.
    """

    rooms: int
    replaced: int
    left: int


class Administration:
    """Lists, exports, imports, copies and deletes the rooms of a hub, connected ones too.

    ``reach`` returns the URL of the rooms' root as other machines have it, if they do.
    """

    def __init__(self, hub: Hub, *, reach: Callable[[], str | None] = lambda: None) -> None:
        self._hub = hub
        self._reach = reach

    def denied(self, address: str, reason: str) -> None:
        """Tell the audit log that somebody was refused the administration."""
        self._hub.events.audit.tell(Denied(address=address, reason=reason, action="administer"))

    async def rooms(self) -> list[RoomSummary]:
        """All rooms, by name."""
        return await self._hub.broker.summaries()

    @property
    def trouble(self) -> str | None:
        """The reason why rooms can't be kept at the moment, as text; else ``None``."""
        return self._hub.broker.trouble

    @property
    def backlog(self) -> Backlog:
        """The data that waits to be sent by the server."""
        return self._hub.backlog

    async def export(self, name: str) -> Iterator[bytes]:
        """Return a room as JSON Lines, as it is now (see :mod:`~..rooms.dump`).

        Raises :class:`RoomNotFound`.
        """
        hosted = await self._hub.rooms.open(name)
        if hosted is None:
            raise _missing(name)
        return dump(name, hosted.sequencer.room, limits=self._hub.settings.limits)

    def read(self, pieces: Iterable[bytes], *, owners: bool = False) -> tuple[Room, int]:
        """Read an exported room, given in pieces of any length; may be called on any thread.

        ``owners``: whether who owns it is taken from there, too. Returns the number of records that
        were left out, as well (see :func:`~..rooms.dump.load`).
        Raises :class:`BadMessage` and :class:`~..protocol.errors.TooLarge`, which name the line
        that can't be read or is too long, and :class:`~..protocol.errors.QuotaExceeded`.
        """
        settings, memory = self._hub.settings, self._hub.memory
        room = Room(
            epoch=new_id(),
            quota=settings.quota,
            window_limits=settings.window_limits,
            memory=MemoryBudget(memory.free_bytes),  # its own: it may be used on another thread
        )
        left_out = load(room, pieces, limits=settings.limits, owners=owners)
        return room, left_out

    async def put(
        self, name: str, room: Room, *, replace: bool = False, owners: bool = False
    ) -> None:
        """Give a room that was read a name; ``replace``: another of that name goes.

        ``owners``: whether it was read with who owns it, for the audit log.

        Raises :class:`BadMessage` for a name that is none or taken,
        :class:`~..protocol.errors.QuotaExceeded` and :class:`~..protocol.errors.Unavailable`. Then
        nothing has changed: another room of that name is as it was, and its connections, too.
        """
        if not is_name(name):
            raise BadMessage(f"expected the name of a room, got {name!r}")
        broker = self._hub.broker
        room.charge(self._hub.memory)
        try:
            await (broker.replace if replace else broker.restore)(name, room)
        except BaseException:
            room.release()
            raise
        imported = RoomImported(room=name, by="operator", replaced=replace, owners=owners)
        self._hub.events.audit.tell(imported)
        if broker.keeps:
            room.release()  # it is kept elsewhere, and is loaded when it is asked for

    async def policy(self, name: str) -> Policy | None:
        """Return who may do what in a room, ``None`` where it has no policy.

        Raises :class:`RoomNotFound`.
        """
        access = await self._hub.rooms.access(name)
        if access is None:
            raise _missing(name)
        return access.policy

    async def set_policy(self, name: str, policy: Policy | None) -> None:
        """Say who may do what in a room; whoever is in it finds out at once.

        Raises :class:`RoomNotFound`, :class:`~..protocol.errors.QuotaExceeded` for one that is too
        long, and :class:`~..protocol.errors.Unavailable`.
        """
        content = None if policy is None else policy.encode()
        if not await self._hub.rooms.change_access(name, {POLICY: content}):
            raise _missing(name)
        changed = PolicyChanged(room=name, by="operator", removed=policy is None)
        self._hub.events.audit.tell(changed)

    async def forget_owners(self, name: str) -> int:
        """Make the secrets of a room's owners worth nothing; returns how many there were.

        Raises :class:`RoomNotFound` and :class:`~..protocol.errors.Unavailable`.
        """
        access = await self._hub.rooms.access(name)
        if access is None:
            raise _missing(name)
        change = no_owners(access)
        if change and not await self._hub.rooms.change_access(name, change):
            raise _missing(name)
        self._hub.events.audit.tell(OwnersForgotten(room=name, by="operator", owners=len(change)))
        return len(change)

    async def revoke_tokens(
        self, name: str, token_id: str | None, *, until: float | None = None
    ) -> None:
        """Take back the token with an id, or all of a room that were issued up to now.

        ``until``: when it ends by itself, if that is known. Raises :class:`RoomNotFound`,
        :class:`~..protocol.errors.QuotaExceeded` and :class:`~..protocol.errors.Unavailable`.
        """
        if not await revoke_tokens(self._hub, name, token_id, until=until, by="operator"):
            raise _missing(name)

    async def links(self, name: str) -> list[dict[str, Any]]:
        """Return the share links of a room as JSON has them; raises :class:`RoomNotFound`."""
        links = await self._hub.links.all_of(name)
        if links is None:
            raise _missing(name)
        return links

    async def make_link(self, name: str, content: object) -> dict[str, Any]:
        """Make a share link of what JSON says (see :func:`~...access.share_link.terms_from`).

        Returns it as JSON has it, with its ``path`` below the server's ``root``, which is ``None``
        where only this machine has one. Raises :class:`BadMessage`, :class:`RoomNotFound`,
        :class:`~..protocol.errors.QuotaExceeded` and :class:`~..protocol.errors.Unavailable`.
        """
        settings = self._hub.settings
        limit = settings.link_people_limit
        terms = terms_from(content, now=time.time(), people_limit=limit, made_by="operator")
        made = await self._hub.links.make(name, terms)
        if made is None:
            raise _missing(name)
        secret, link_id = made
        root = settings.public_url or self._reach()
        return {
            "id": link_id,
            **terms.shown(),
            "root": root and root.rstrip("/") + "/",
            "path": link_path(name, secret),
        }

    async def revoke_link(self, name: str, link: str) -> int:
        """Take back the link with an id, or all of a name; returns how many there were.

        Raises :class:`RoomNotFound` and :class:`~..protocol.errors.Unavailable`.
        """
        count = await self._hub.links.revoke(name, link, by="operator")
        if count is None:
            raise _missing(name)
        return count

    async def delete(self, name: str) -> None:
        """Delete a room; who is in it is told (close code 4404).

        Raises :class:`RoomNotFound`.
        """
        if not await self._hub.rooms.delete(name):
            raise _missing(name)
        self._hub.events.audit.tell(RoomDeleted(room=name, by="operator"))

    async def backup(
        self, target: str, *, replace: bool = False, progress: Callable[[int, int], None]
    ) -> int:
        """Copy all rooms, as they are at one moment, to a file; returns its size in bytes.

        ``replace``: another file of that name goes. ``progress`` hears on any thread how much is
        done of how much. Raises :class:`BadMessage` for a path that is taken or where rooms aren't
        kept, and :class:`~..protocol.errors.Unavailable`.
        """
        journal = self._hub.broker.journal
        if journal is not None and os.path.realpath(target) == os.path.realpath(journal):
            raise BadMessage("expected another file than the one that the rooms are in")
        if os.path.lexists(target) and not replace:
            raise BadMessage(
                f"there is a file {target}: give the backup another name, or replace the file"
                " (--replace)"
            )
        return await self._hub.broker.backup(target, progress=progress)

    async def restore(
        self, source: str, *, replace: bool = False, progress: Callable[[int, int], None]
    ) -> Restored:
        """Bring back all rooms of a file that :meth:`backup` made; other rooms stay.

        ``replace``: rooms of the same names go, each in the moment in which the one of the file
        takes its place. ``progress`` as in :meth:`backup`. Raises :class:`BadMessage` where the
        file can't be read or, without ``replace``, has a room whose name is taken: then nothing has
        changed.
        """
        try:
            backup = await asyncio.to_thread(Journal, source, reading=True)
        except JournalUnusable as error:
            raise BadMessage(f"expected a backup of rooms: {error}") from None
        except (sqlite3.Error, OSError) as error:
            raise BadMessage(f"{source} can't be read: {error}") from None
        try:
            names = await asyncio.to_thread(backup.names)
            here = {room.name for room in await self.rooms()}
            taken = here.intersection(names)
            if taken and not replace:
                raise BadMessage(
                    f"rooms of the backup are there already ({len(taken):,} of {len(names):,},"
                    f" {min(taken)!r} for one): replace them (--replace), or delete them first"
                )
            settings = self._hub.settings
            for done, name in enumerate(names, 1):
                loaded = await asyncio.to_thread(
                    backup.load, name, quota=settings.quota, window_limits=settings.window_limits
                )
                assert loaded is not None
                loaded.room.epoch = new_id()
                await self.put(name, loaded.room, replace=name in taken, owners=True)
                progress(done, len(names))
        except (sqlite3.Error, OSError) as error:
            raise BadMessage(f"{source} can't be read: {error}") from None
        finally:
            backup.close()
        return Restored(len(names), len(taken), len(here) - len(taken))

    async def vacuum(self) -> int:
        """Give the space of what was deleted back to the disk; returns how many bytes."""
        return await self._hub.broker.vacuum()

    async def check(self) -> list[str]:
        """Look for damage in what is kept; returns what was found, in words."""
        return await self._hub.broker.check()


def _missing(name: str) -> RoomNotFound:
    return RoomNotFound(f"expected the name of a room, got {name!r}: there is none")
