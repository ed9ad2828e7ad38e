"""Which notebook has which room (see docs/rooms.md).

Kept in a file beside the journal, or where all servers that share their rooms have it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from ...broker.shared import SharedStore
from ...protocol.errors import Unavailable
from ...protocol.name import new_id, notebook_room

__all__ = ["NotebookRooms", "SharedNotebookRooms", "moved", "notebooks_file"]

_log = logging.getLogger("driftdb_jupyter")
_Result = TypeVar("_Result")

_SHARED_NAME = "notebooks"
# All are read and written as one.
_SHARED_LIMIT = 5_000


class _File(Struct):
    """``rooms``: each with its notebook's path, ``None`` for one that is gone; oldest first."""

    rooms: list[tuple[str, str | None]]


def notebooks_file(journal: str | None) -> Path | None:
    """Return the path of the file that belongs to a journal.

    ``None`` without one, as rooms end, too.
    """
    return None if journal is None else Path(journal + ".notebooks.json")


class NotebookRooms:
    """Rooms by the paths of their notebooks: those that Jupyter's contents have, ``/`` between.

    A room stays with its notebook, and is no other notebook's as long as it is remembered here:
    also when its notebook is gone. ``file``: where they are kept, ``None`` for nowhere. ``limit``:
    how many rooms are remembered; those which nobody asked for the longest are forgotten first.
    """

    def __init__(self, file: Path | None, *, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._rooms: dict[str, str] = {}
        self._paths: dict[str, str | None] = {}  # of the rooms, the longest unused first
        self._keeping = asyncio.Lock()
        for room, path in [] if file is None else _read(file):
            self._put(room, path)
        self._changed = False

    def get(self, path: str) -> str | None:
        """Return the room of the notebook at a path, ``None`` if none is known."""
        return self._rooms.get(path)

    def give(self, path: str, *, first: str) -> str:
        """Return the room of the notebook at a path; make one if it has none.

        Where it has none yet, that is ``first``, if that was never another notebook's, and else
        one of a fresh name.
        """
        room = self._rooms.get(path)
        if room is None:
            room = notebook_room(path, seed=new_id()) if first in self._paths else first
        self._put(room, path)
        return room

    def move(self, source: str, target: str) -> None:
        """Note that a notebook, or a folder of some, was renamed."""
        found = [(room, path) for path, room in self._rooms.items() if _lies_in(path, source)]
        for room, _ in found:
            self._put(room, None)
        self.leave(target)
        for room, path in found:
            self._put(room, moved(path, source, target))

    def leave(self, path: str) -> None:
        """Note that nothing is at a path (or below it) any more.

        What comes there is another notebook.
        """
        for below in [known for known in self._rooms if _lies_in(known, path)]:
            self._put(self._rooms[below], None)

    def forget(self, rooms: Iterable[str]) -> None:
        """Those rooms are no more: their names are free."""
        for room in rooms:
            path = self._paths.pop(room, None)
            if path is not None:
                del self._rooms[path]
            self._changed = True

    async def change(self, action: Callable[[NotebookRooms], _Result]) -> _Result:
        """Do something to them, and return what comes of it once it is kept."""
        result = action(self)
        await self.keep()
        return result

    async def keep(self) -> None:
        """Wait until the file has all that is new; where it can't be written, the log says so."""
        async with self._keeping:
            if self._file is None or not self._changed:
                return
            self._changed = False
            try:
                await asyncio.to_thread(_write, self._file, _encode(self._paths))
            except OSError as error:
                self._changed = True
                _log.error("DriftDB: which notebook has which room can't be kept: %s", error)

    def _put(self, room: str, path: str | None) -> None:
        before = self._paths.pop(room, None)
        if before is not None:
            del self._rooms[before]
        self._paths[room] = path
        if path is not None:
            self._rooms[path] = room
        self._changed = True
        while len(self._paths) > self._limit:
            self.forget([next(iter(self._paths))])


class SharedNotebookRooms:
    """Rooms by the paths of notebooks, the same at all servers of a root folder.

    Each look and change reads what there is, because the others change it, too. ``limit``: how many
    rooms are remembered.
    """

    def __init__(self, store: SharedStore, *, limit: int) -> None:
        self._store = store
        self._limit = min(limit, _SHARED_LIMIT)
        self._forgetting: asyncio.Future[None] | None = None

    async def change(self, action: Callable[[NotebookRooms], _Result]) -> _Result:
        """Do something to them, and return what comes of it once it is kept.

        Raises :class:`~...protocol.errors.Unavailable`.
        """
        while True:
            before = await self._store.read(_SHARED_NAME)
            rooms = NotebookRooms(None, limit=self._limit)
            for room, path in _decode(before) if before else []:
                rooms._put(room, path)
            rooms._changed = False
            result = action(rooms)
            after = _encode(rooms._paths) if rooms._changed else before
            if after == before or await self._store.replace(_SHARED_NAME, before, after):
                return result

    def forget(self, rooms: Iterable[str]) -> None:
        """Those rooms are no more: their names are free, a little later."""
        gone = list(rooms)
        if gone:
            self._forgetting = asyncio.ensure_future(self._forget(gone))

    async def _forget(self, gone: list[str]) -> None:
        try:
            await self.change(lambda rooms: rooms.forget(gone))
        except Unavailable as error:
            _log.warning("DriftDB: rooms that expired keep their notebooks: %s", error)


def moved(path: str, source: str, target: str) -> str:
    """Return where a file is after a rename of it, or of a folder that it is in, or of another."""
    return target + path[len(source) :] if _lies_in(path, source) else path


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _read(file: Path) -> list[tuple[str, str | None]]:
    try:
        return _decode(file.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError, msgspec.ValidationError) as error:
        _log.error(
            "DriftDB: expected in %s which notebook has which room, got: %s. Notebooks that were "
            "renamed get other rooms.",
            file,
            error,
        )
        return []


def _decode(content: bytes) -> list[tuple[str, str | None]]:
    return msgspec.convert(json.loads(content), _File).rooms


def _encode(rooms: dict[str, str | None]) -> bytes:
    # Not by msgspec: the name of a file needn't be UTF-8.
    return json.dumps(msgspec.to_builtins(_File(list(rooms.items())))).encode()


def _write(file: Path, content: bytes) -> None:
    partial = file.with_name(file.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    partial.replace(file)
