"""The requests by which the ``driftdb`` command reaches a running server."""

from __future__ import annotations

import asyncio
import hmac
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from ...access.policy import parse_policy
from ...protocol.codec import error_fields
from ...protocol.errors import BadMessage, DriftDBError, Refusal, RoomNotFound, Unavailable
from .administration import Administration, Restored
from .answer import send_pieces
from .bearers import Bearers
from .site import Route
from .token_handlers import end_of_token

__all__ = ["PREFIX", "AdministrationRequest", "administration_routes"]

PREFIX = "admin/"
_SCHEME = "DriftDB "
_BYTES_AT_ONCE = 64 * 1024
# What is imported between two pauses of the thread that does it: a millisecond of work. Whoever
# waits for the interpreter's lock waits for a pause, or for 5 ms, each time the loop has let go
# of it, and that is at every call of the system.
_BYTES_BETWEEN_PAUSES = 8 * 1024
_PAUSE_SECONDS = 0.0001
# What is gathered up to there is written to a file in one piece.
_SPOOL_BYTES = 1024 * 1024
_PROGRESS_SECONDS = 0.3
_POLICY_BYTES = 16 * 1024 * 1024


@stream_request_body
class AdministrationRequest(RequestHandler):
    """A request for administration: it comes with the secret of the server's own control file.

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
            address = self.request.remote_ip or ""
            self.administration.denied(address, "expected the secret of the control file")
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.set_header("Cache-Control", "no-store")

    def set_default_headers(self) -> None:
        """Don't tell which version of which server this is; have no browser guess what it says."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")

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

    _no_space: str | None = None

    def prepare(self) -> None:
        """Take a body of any size: what a room may hold is checked when it is read."""
        super().prepare()
        self.body = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115
        connection: Any = self.request.connection
        connection.set_max_body_size(1 << 62)

    def data_received(self, chunk: bytes) -> None:
        """Gather the body; drop what no disk has room for."""
        if self._no_space is not None:
            return
        try:
            self.body.write(chunk)
        except OSError as error:
            self._no_space = error.strerror or str(error)
            with suppress(OSError):  # of what is yet to be written
                self.body.close()

    def on_finish(self) -> None:
        """Give the space back."""
        if hasattr(self, "body"):
            with suppress(OSError):
                self.body.close()

    async def get(self, name: str) -> None:
        """Export a room, some lines at a time."""
        lines = await self.administration.export(name)
        self.set_header("Content-Type", "application/x-ndjson")
        await send_pieces(self, _joined(lines), self.administration.backlog)

    async def put(self, name: str) -> None:
        """Import a room; with ``?replace=true`` in the place of another.

        With ``?owners=true`` who owns it comes along. Answers with how many records of that kind
        were left out.
        """
        if self._no_space is not None:
            raise Unavailable(
                "the server can't hold what is imported: its folder for temporary files (TMPDIR)"
                f" can't be written ({self._no_space})"
            )
        self.body.seek(0)
        pieces = _with_pauses(iter(partial(self.body.read, _BYTES_BETWEEN_PAUSES), b""))
        owners = self.get_query_argument("owners", "") == "true"
        room, left_out = await asyncio.to_thread(self.administration.read, pieces, owners=owners)
        replace = self.get_query_argument("replace", "") == "true"
        await self.administration.put(name, room, replace=replace, owners=owners)
        self.answer(left_out)

    async def delete(self, name: str) -> None:
        """Delete a room."""
        await self.administration.delete(name)
        self.answer(None)


def _with_pauses(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces, and let other threads have their turn between them."""
    for piece in pieces:
        yield piece
        time.sleep(_PAUSE_SECONDS)


class _WithBody(AdministrationRequest):
    """A request with a body of any length that a policy may have, and a link, which has grants."""

    def prepare(self) -> None:
        """Make room for the body."""
        super().prepare()
        self.body = bytearray()
        connection: Any = self.request.connection
        connection.set_max_body_size(_POLICY_BYTES)

    def data_received(self, chunk: bytes) -> None:
        """Gather the body."""
        self.body += chunk


class RoomPolicy(_WithBody):
    """``/admin/rooms/NAME/access``: who may do what in a room, ``null`` where it has no policy."""

    async def get(self, name: str) -> None:
        """Answer with the policy."""
        policy = await self.administration.policy(name)
        self.answer(None if policy is None else policy.to_builtins())

    async def put(self, name: str) -> None:
        """Set the policy; ``null`` takes it away."""
        body = bytes(self.body)
        policy = None if body.strip() == b"null" else parse_policy(body)
        await self.administration.set_policy(name, policy)
        self.answer(None)


class RoomLinks(_WithBody):
    """``/admin/rooms/NAME/links``: the share links of a room."""

    async def get(self, name: str) -> None:
        """Answer with all of them."""
        self.answer(await self.administration.links(name))

    async def post(self, name: str) -> None:
        """Make one, and answer with where it leads."""
        try:
            content = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadMessage(f"expected a link as JSON: {error}") from None
        self.answer(await self.administration.make_link(name, content))


class RoomLink(AdministrationRequest):
    """``DELETE /admin/rooms/NAME/links/LINK``."""

    async def delete(self, name: str, link: str) -> None:
        """Take back the link with an id, or all of a name, and answer with how many there were."""
        self.answer(await self.administration.revoke_link(name, link))


class RoomTokens(AdministrationRequest):
    """``DELETE /admin/rooms/NAME/tokens/TOKEN``; without an id all of a room."""

    def initialize(  # type: ignore[override]  # the routes give it
        self, administration: Administration, secret: str, bearers: Bearers
    ) -> None:
        """``bearers``: what verifies a token that is given whole."""
        super().initialize(administration, secret)
        self.bearers = bearers

    async def delete(self, name: str, token_id: str | None = None) -> None:
        """Take back the token with an id, or all."""
        until = await end_of_token(self.request, self.bearers, name, token_id)
        await self.administration.revoke_tokens(name, token_id, until=until)
        self.answer(None)


class RoomOwners(AdministrationRequest):
    """``DELETE /admin/rooms/NAME/owners``."""

    async def delete(self, name: str) -> None:
        """Forget who owns a room, and answer with how many secrets did."""
        self.answer(await self.administration.forget_owners(name))


class Trouble(AdministrationRequest):
    """``GET /admin/trouble``."""

    async def get(self) -> None:
        """Answer with what keeps rooms from being kept, ``null`` where nothing does."""
        self.answer(self.administration.trouble)


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


class LongWork(AdministrationRequest):
    """Work that takes long: answers with lines of JSON, the last one with the result.

    The others are ``[DONE, TOTAL]``; the last one is ``{"result": …}`` or an ``error``.
    """

    async def post(self) -> None:
        """Do it, to its end even if nobody listens any more."""
        how_far = (0, 0)

        def progress(done: int, total: int) -> None:
            nonlocal how_far
            how_far = done, total

        path = self.get_query_argument("path", strip=False)
        replace = self.get_query_argument("replace", "") == "true"
        work = asyncio.ensure_future(self.work(path, replace=replace, progress=progress))
        self.set_header("Content-Type", "application/x-ndjson")
        listens = True
        while not (await asyncio.wait([work], timeout=_PROGRESS_SECONDS))[0]:
            with suppress(StreamClosedError):
                self.write(msgspec.json.encode(how_far) + b"\n")
                await self.flush()
                continue
            listens = False
            await asyncio.wait([work])
        try:
            last = {"result": work.result()}
        except Refusal as refusal:
            last = error_fields(refusal)
        if listens:
            self.finish(msgspec.json.encode(last) + b"\n")

    async def work(self, path: str, *, replace: bool, progress: Callable[[int, int], None]) -> Any:
        """Do the work with a file of this machine, and return its result."""
        raise NotImplementedError


class Backup(LongWork):
    """``POST /admin/backup?path=FILE``."""

    async def work(self, path: str, *, replace: bool, progress: Callable[[int, int], None]) -> int:
        """Copy all rooms to a file; with ``&replace=true`` in the place of another."""
        return await self.administration.backup(path, replace=replace, progress=progress)


class Restore(LongWork):
    """``POST /admin/restore?path=FILE``."""

    async def work(
        self, path: str, *, replace: bool, progress: Callable[[int, int], None]
    ) -> Restored:
        """Bring back the rooms of a backup; with ``&replace=true`` in the place of others."""
        return await self.administration.restore(path, replace=replace, progress=progress)


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines, many short ones at once: between two pieces others have their turn."""
    some: list[bytes] = []
    byte_count = 0
    for line in lines:
        some.append(line)
        byte_count += len(line)
        if byte_count >= _BYTES_AT_ONCE:
            yield b"".join(some)
            some, byte_count = [], 0
    if some:
        yield b"".join(some)


def administration_routes(
    administration: Administration, prefix: str, *, secret: str, bearers: Bearers
) -> list[Route]:
    """Return the routes, below ``prefix`` (literal text that ends with a slash).

    ``bearers``: what the server knows of tokens.
    """
    common = {"administration": administration, "secret": secret}
    tokens = {**common, "bearers": bearers}
    prefix = re.escape(prefix + PREFIX)
    return [
        (prefix + "rooms", Rooms, common),
        (prefix + "rooms/([^/]+)", ExportedRoom, common),
        (prefix + "rooms/([^/]+)/access", RoomPolicy, common),
        (prefix + "rooms/([^/]+)/owners", RoomOwners, common),
        (prefix + "rooms/([^/]+)/tokens", RoomTokens, tokens),
        (prefix + "rooms/([^/]+)/tokens/([^/]+)", RoomTokens, tokens),
        (prefix + "rooms/([^/]+)/links", RoomLinks, common),
        (prefix + "rooms/([^/]+)/links/([^/]+)", RoomLink, common),
        (prefix + "trouble", Trouble, common),
        (prefix + "vacuum", Vacuum, common),
        (prefix + "check", Check, common),
        (prefix + "backup", Backup, common),
        (prefix + "restore", Restore, common),
    ]
