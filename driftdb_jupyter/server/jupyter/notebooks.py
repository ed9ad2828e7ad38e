"""The notebooks of a Jupyter server: which one a kernel runs, and what room it has.

Jupyter tells a kernel the path that its notebook has when the kernel is started. Later ones are
known from two places: from the kernel's session, if the front end that renamed the notebook told
it, and from the events of the contents manager, whoever renamed it.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import to_api_path
from tornado.web import HTTPError

from ...protocol.errors import Unavailable
from ...protocol.name import notebook_room
from .notebook_rooms import NotebookRooms, SharedNotebookRooms, moved

__all__ = ["Notebooks"]

_log = logging.getLogger("driftdb_jupyter")

_CONTENTS_EVENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
# jupyter-collaboration's drive for files that are edited together: it stands before the path in a
# session, and in no event.
_SHARED_DRIVE = "RTC:"


class Notebooks:
    """Follows a Jupyter server's notebooks to the paths where they are now."""

    def __init__(self, server: ServerApp, rooms: NotebookRooms | SharedNotebookRooms) -> None:
        self._server = server
        assert server.event_logger is not None
        self._events = server.event_logger
        self._rooms = rooms
        # By session that wasn't told of a rename (yet): the path that it has, and the true one.
        self._renamed: dict[str, tuple[str, str]] = {}
        self._lock = asyncio.Lock()  # one after the other, in the order of the events

    def start(self) -> None:
        """Begin to hear of renames."""
        self._events.add_listener(schema_id=_CONTENTS_EVENTS, listener=self.heard)

    def stop(self) -> None:
        """Hear no more."""
        self._events.remove_listener(schema_id=_CONTENTS_EVENTS, listener=self.heard)

    async def room_of_kernel(self, kernel: str, *, started_as: str) -> str:
        """Return the name of the own room of a kernel's notebook.

        ``started_as`` is the kernel's ``JPY_SESSION_NAME``. It alone tells which notebook is meant
        where no notebook's session has the kernel (a script that was started in a cell).
        """
        async with self._lock:
            session = await self._session_of(kernel)
            if session is None:
                root = self._server.kernel_manager.root_dir
                asked = to_api_path(started_as, root).strip("/")
                room = await self._rooms.change(lambda rooms: rooms.get(asked))
                return room or notebook_room(started_as)
            path = self._path_of(session)
            first = notebook_room(self._name_of(session, path))
            return await self._rooms.change(lambda rooms: rooms.give(path, first=first))

    async def heard(self, logger: object, schema_id: str, data: dict[str, Any]) -> None:
        """Take one of the contents manager's events."""
        action, path = data["action"], data["path"].strip("/")
        source = data["source_path"].strip("/") if action == "rename" else path
        async with self._lock:
            try:
                if action == "rename":
                    await self._rooms.change(lambda rooms: rooms.move(source, path))
                elif action in ("delete", "copy"):
                    await self._rooms.change(lambda rooms: rooms.leave(path))
            except Unavailable as error:
                _log.error("DriftDB: a notebook's room doesn't follow its %s: %s", action, error)
            if action == "rename" or self._renamed:
                await self._follow(source, path)

    async def _session_of(self, kernel: str) -> dict[str, Any] | None:
        sessions = self._server.session_manager
        try:
            session: dict[str, Any] = await ensure_async(
                sessions.get_session(kernel_id=kernel, type="notebook")
            )
        except HTTPError as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return None
        return session

    async def _follow(self, source: str, target: str) -> None:
        renamed = {}
        for session in await ensure_async(self._server.session_manager.list_sessions()):
            told = _api_path(session)
            path = moved(self._path_of(session), source, target)
            if path != told:
                renamed[session["id"]] = (told, path)
        self._renamed = renamed

    def _path_of(self, session: dict[str, Any]) -> str:
        told = _api_path(session)
        before, after = self._renamed.get(session["id"], (told, told))
        return after if before == told else told

    def _name_of(self, session: dict[str, Any], path: str) -> str:
        """Return what a kernel that is started there gets as ``JPY_SESSION_NAME``."""
        name = path.rpartition("/")[2] if session["name"] else None
        environment = self._server.session_manager.get_kernel_env(path, name)
        started_as: str = environment["JPY_SESSION_NAME"]
        return started_as


def _api_path(session: dict[str, Any]) -> str:
    path: str = session["path"]
    return path.removeprefix(_SHARED_DRIVE).strip("/")
