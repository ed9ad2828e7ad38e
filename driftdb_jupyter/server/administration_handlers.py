"""The requests by which the ``driftdb`` command reaches a running server."""

from __future__ import annotations

import asyncio
import hmac
import re
import tempfile
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.web import HTTPError, RequestHandler, stream_request_body

from ..protocol.codec import error_fields
from ..protocol.errors import DriftDBError, Refusal, RoomNotFound
from .administration import Administration
from .site import Route

__all__ = ["PREFIX", "administration_routes"]

PREFIX = "admin/"
_SCHEME = "DriftDB "
_LINES_AT_ONCE = 1000
_SPOOL_BYTES = 16 * 1024 * 1024


@stream_request_body
class AdministrationRequest(RequestHandler):
    """What they have in common: they come with the secret of the server's own control file.

    Whoever doesn't know it is refused before a body is read.
    """

    def initialize(self, administration: Administration, secret: str) -> None:
        """``secret``: what opens these requests."""
        self.administration = administration
        self.secret = secret

    def prepare(self) -> None:
        """Refuse who doesn't know the secret."""
        given = self.request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), (_SCHEME + self.secret).encode()):
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.set_header("Cache-Control", "no-store")

    def data_received(self, chunk: bytes) -> None:
        """Drop a body that nobody needs."""

    def check_xsrf_cookie(self) -> None:
        """Need none: no page sends the header that :meth:`prepare` asks for."""

    def answer(self, content: Any) -> None:
        """Finish with a JSON body."""
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what was raised on purpose with its text, anything else with the status alone."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            self.set_status(error.http_status)
            self.answer(error_fields(error))
        elif isinstance(error, RoomNotFound):
            self.set_status(HTTPStatus.NOT_FOUND)
            self.answer({"type": "error", "code": "not_found", "message": str(error)})
        else:
            self.finish()

    def log_exception(self, *exc_info: Any) -> None:
        """Log what went wrong; what was raised on purpose did not."""
        if not isinstance(exc_info[1], DriftDBError):
            super().log_exception(*exc_info)


class Rooms(AdministrationRequest):
    """``GET /admin/rooms``."""

    async def get(self) -> None:
        """List all rooms."""
        self.answer(await self.administration.rooms())


class ExportedRoom(AdministrationRequest):
    """``/admin/rooms/NAME``: a room as JSON Lines."""

    def prepare(self) -> None:
        """Take a body of any size: what a room may hold is checked when it is read."""
        super().prepare()
        self.body = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115
        connection: Any = self.request.connection
        connection.set_max_body_size(1 << 62)

    def data_received(self, chunk: bytes) -> None:
        """Gather the body."""
        self.body.write(chunk)

    def on_finish(self) -> None:
        """Give the space back."""
        if hasattr(self, "body"):
            self.body.close()

    async def get(self, name: str) -> None:
        """Export a room, some lines at a time."""
        lines = await self.administration.export(name)
        self.set_header("Content-Type", "application/x-ndjson")
        for number, line in enumerate(lines, 1):
            self.write(line)
            if number % _LINES_AT_ONCE == 0:
                await self.flush()

    async def put(self, name: str) -> None:
        """Import a room; with ``?replace=true`` in the place of another."""
        self.body.seek(0)
        room = await asyncio.to_thread(self.administration.read, self.body)
        replace = self.get_query_argument("replace", "") == "true"
        await self.administration.put(name, room, replace=replace)
        self.answer(None)

    async def delete(self, name: str) -> None:
        """Delete a room."""
        await self.administration.delete(name)
        self.answer(None)


class Vacuum(AdministrationRequest):
    """``POST /admin/vacuum``."""

    async def post(self) -> None:
        """Answer with the bytes that the disk got back."""
        self.answer(await self.administration.vacuum())


class Check(AdministrationRequest):
    """``POST /admin/check``."""

    async def post(self) -> None:
        """Answer with what is damaged."""
        self.answer(await self.administration.check())


def administration_routes(
    administration: Administration, prefix: str, *, secret: str
) -> list[Route]:
    """The routes, below ``prefix`` (literal text that ends with a slash)."""
    common = {"administration": administration, "secret": secret}
    prefix = re.escape(prefix + PREFIX)
    return [
        (prefix + "rooms", Rooms, common),
        (prefix + "rooms/([^/]+)", ExportedRoom, common),
        (prefix + "vacuum", Vacuum, common),
        (prefix + "check", Check, common),
    ]
