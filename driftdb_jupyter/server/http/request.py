"""The checks that every request over HTTP passes before its body is read.

Requests are counted and authorized when their head has arrived, so that no body is sent or gathered
in vain. Tornado does so for handlers that stream their bodies; these all do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from contextvars import Context
from functools import cached_property
from http import HTTPStatus
from math import ceil
from typing import Any, ClassVar

import msgspec
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from ...protocol.codec import error_fields
from ...protocol.errors import RateExceeded, Refusal
from ..hosting.hub import Hub
from ..limits.callers import Caller
from ..sending.tornado_sender import forget_frames
from .answer import Response
from .site import Site

__all__ = [
    "ALLOWED_HEADERS",
    "MISSING_HEADER",
    "TOKEN_HEADER",
    "NoSuchRoom",
    "NotFound",
    "Request",
    "Unauthorized",
]

MISSING_HEADER = "DriftDB-Missing"
"""In an answer of status 404: a room is missing here, as no proxy says it of a server that is."""

TOKEN_HEADER = "DriftDB-Token"
"""In a request that takes back a token: that token."""

ALLOWED_HEADERS = f"Authorization, Accept, Content-Type, {TOKEN_HEADER}"
"""The headers of a request that a page elsewhere may set."""

_NONE_NEEDED_BYTES = 4096
# What is still read, and dropped, of a body that was refused: were it left unread, the reset that
# follows would overtake the answer.
_LINGER_BYTES = 64 * 1024 * 1024
_LINGER_SECONDS = 2.0
# What is read and dropped of a body that doesn't declare its length, before it is cut off.
_EXCESS_BYTES = 1024 * 1024
_ANY_SIZE = 1 << 62
_DENYING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

_lingering: set[asyncio.Task[None]] = set()


@stream_request_body
class Request(RequestHandler):
    """Counts a request, bounds its body in size and time, and refuses early what it refuses.

    A subclass that overrides :meth:`prepare` calls :meth:`admit` there, before anything else. A
    body is dropped unless :meth:`take_body` is overridden; a short one is allowed everywhere, for
    some clients send ``{}`` where none is needed.
    """

    site: Site
    hub: Hub
    caller: Caller
    is_public: ClassVar[bool] = False
    """Whether pages of all websites may ask for it, without a login."""
    is_message: ClassVar[bool] = False
    """Whether a POST counts as a message of its address (``rate_limit_per_second``), too."""
    body_length = 0
    """How many bytes of the body have come, those that were dropped among them."""

    _has_body = False
    _no_room: Refusal | None = None

    def initialize(self, site: Site) -> None:
        """``site``: the server that is asked."""
        self.site = site
        self.hub = site.hub
        if not site.proxies.apply(self.request):
            self.hub.events.unbelieved(self.address)

    @property
    def address(self) -> str:
        """The client's address; behind a trusted proxy, the one that the proxy names."""
        return self.request.remote_ip or ""

    @property
    def body_limit_bytes(self) -> int:
        """The longest body that is accepted, in bytes."""
        return _NONE_NEEDED_BYTES

    @property
    def who(self) -> str:
        """The client's address, and the id of this request: of a socket that of the connection."""
        return f"{self.address} #{self.request_id}"

    @cached_property
    def request_id(self) -> str:
        """What all lines of the log about this request or connection have in common."""
        return os.urandom(6).hex()

    def prepare(self) -> Any:
        """Check the head of the request."""
        self.admit()

    def demand_rights(self) -> Awaitable[None] | None:
        """Refuse who lacks a right, before the body is read; ``None`` where nothing is awaited.

        The site's own base class calls it at the end of :meth:`prepare`, when it is known who asks.
        """

    def admit(self, caller: str | None = None) -> None:
        """Count the request; refuse it if there are too many, or if its body is too long.

        ``caller``: what to count it for, in place of the address. Raises :class:`RateExceeded`, or
        what :meth:`body_too_long` returns.
        """
        self.caller = self.hub.callers[self.address if caller is None else caller]
        self.demand_rate(self.caller.count_request())
        if self.is_message and self.request.method == "POST":
            self.demand_rate(self.caller.count_message())
        headers = self.request.headers
        declared = headers.get("Content-Length", "0")
        length = int(declared) if declared.isascii() and declared.isdigit() else 0
        self._has_body = length > 0 or "Transfer-Encoding" in headers
        if not self._has_body:
            return
        if length > self.body_limit_bytes:
            raise self.body_too_long(length)
        connection: Any = self.request.connection
        connection.set_max_body_size(_ANY_SIZE)  # data_received has the say
        connection.set_body_timeout(self.hub.settings.body_timeout_seconds)

    def demand_rate(self, seconds: float) -> None:
        """Raise :class:`RateExceeded` unless ``seconds``, when it may come again, is 0."""
        if seconds:
            error = RateExceeded("too many requests; see Retry-After")
            error.retry_after_seconds = ceil(seconds)
            try:
                raise error
            finally:
                del error  # which would hold the frame that holds it, until a collection

    def body_too_long(self, length: int) -> Exception:
        """Return the error for a body of at least that many bytes."""
        return HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def data_received(self, chunk: bytes) -> None:
        """Receive a part of the body; drop what exceeds the limit."""
        if not self.body_length:
            self._has_body = False  # it is no longer to be waited for
        self.body_length += len(chunk)
        excess = self.body_length - self.body_limit_bytes
        if excess <= 0:
            if self._no_room is None:
                try:
                    self.take_body(chunk)
                except Refusal as refusal:
                    self._no_room = refusal.with_traceback(None)
        elif excess > _EXCESS_BYTES and not self._finished:
            error = self.body_too_long(self.body_length)
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self.send_error(status, exc_info=(type(error), error, None))

    def take_body(self, chunk: bytes) -> None:
        """Keep a part of a body; what this raises :meth:`check_body` raises later."""

    def check_body(self) -> None:
        """Refuse a body of which not all was taken.

        Raises what :meth:`take_body` raised, or :meth:`body_too_long` returns.
        """
        if self.body_length > self.body_limit_bytes:
            raise self.body_too_long(self.body_length)
        no_room, self._no_room = self._no_room, None
        try:
            if no_room is not None:
                raise no_room
        finally:
            del no_room  # which would hold the frame that holds it, until a collection

    def finish(self, chunk: Any = None) -> Any:
        """Finish the answer, without waiting for a body that has not begun to arrive."""
        if not self._has_body:
            # Tornado closes the connection where it is finished before it was read to its end,
            # though there be no body, and doesn't say so.
            if not getattr(self.request.connection, "_read_finished", True):
                self.set_header("Connection", "close")
            return self._finish(chunk)
        if chunk is not None:
            self.write(chunk)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", sum(map(len, self._write_buffer)))
        written = self.flush()
        # Under Jupyter this context holds the request, and a timer its context until its time.
        task = Context().run(asyncio.ensure_future, _linger(self.detach()))
        _lingering.add(task)
        task.add_done_callback(_lingering.discard)
        self.application.log_request(self)
        self.on_finish()
        return written

    def _finish(self, chunk: Any) -> Any:
        """Finish the answer, and see that the client takes it."""
        connection: Any = self.request.connection
        stream: IOStream | None = connection.stream
        if stream is None or stream.closed():
            return super().finish(chunk)
        response = Response(self)
        if chunk is not None:
            self.write(chunk)
        length = sum(map(len, self._write_buffer))
        written = super().finish()
        if stream.writing():
            backlog = self.hub.backlog
            backlog.add(length)
            backlog.watch(response)

            def done(future: asyncio.Future[None]) -> None:
                if not future.cancelled():
                    future.exception()  # seen: the client has gone
                backlog.unwatch(response)
                backlog.add(-length)
                forget_frames(stream)

            written.add_done_callback(done)
        elif stream.closed():
            forget_frames(stream)
        return written

    def on_connection_close(self) -> None:
        """Let go of what the connection's error holds."""
        super().on_connection_close()
        connection: Any = self.request.connection
        if connection.stream is not None:
            forget_frames(connection.stream)

    def set_default_headers(self) -> None:
        """Don't name the server and its version; have no browser guess what an answer is."""
        super().set_default_headers()
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")

    def answer(self, content: Any) -> None:
        """Finish with a JSON body."""
        self.answer_encoded(msgspec.json.encode(content))

    def answer_encoded(self, content: bytes) -> None:
        """Finish with a body that is JSON already."""
        self.set_header("Content-Type", "application/json")
        self.finish(content)

    @property
    def asked_room(self) -> str | None:
        """The name of the room that is asked about, as it came; ``None`` for no room."""
        return None

    @property
    def subject(self) -> str | None:
        """Who asks, as a policy knows the person; ``None`` for somebody without a name."""
        return None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer an error, and log it if something is refused by it: the one way to refuse."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        events = self.hub.events
        if isinstance(error, Refusal):
            events.refused(self.asked_room, self.who, error, by=self.subject)
        elif status_code in _DENYING or (isinstance(error, NoSuchRoom) and error.hidden):
            why = error.why if isinstance(error, Unauthorized) else HTTPStatus(status_code).phrase
            events.denied(self.asked_room, self.who, why, by=self.subject)
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a refusal with its ``error`` object, and anything else with the status alone."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        self.mark_missing(**kwargs)
        if isinstance(error, Unauthorized):
            self.set_header("WWW-Authenticate", error.challenge)
        if not isinstance(error, Refusal):
            self.finish()
            return
        self.set_status(error.http_status, error.http_reason)
        if isinstance(error, RateExceeded) and error.retry_after_seconds is not None:
            self.set_header("Retry-After", str(error.retry_after_seconds))
        self.answer(error_fields(error))

    def mark_missing(self, **kwargs: Any) -> None:
        """Say in the answer's header that a room is missing, if that is why there is an error."""
        if isinstance(kwargs.get("exc_info", (None, None, None))[1], NoSuchRoom):
            self.set_header(MISSING_HEADER, "room")

    def log_exception(self, *exc_info: Any) -> None:
        """Log errors of the server; a refusal is none."""
        error = exc_info[1]
        if isinstance(error, HTTPError):
            super().log_exception(*exc_info)
        elif error is not None and not isinstance(error, Refusal):
            self.hub.events.failed(f"{self.request.method} {self.request.uri}", error)


class NoSuchRoom(HTTPError):
    """There is no such room here, which the answer says in a header: 404 alone may be a proxy's.

    ``hidden``: there is one, which the caller isn't to know of.
    """

    def __init__(self, *, hidden: bool = False) -> None:
        """Make the error, whose status is 404."""
        super().__init__(HTTPStatus.NOT_FOUND)
        self.hidden = hidden


class Unauthorized(HTTPError):
    """What a request came with is no good, or no longer: another one is to be got (RFC 6750).

    ``why``: in words without quotes, and never the secret itself.
    """

    def __init__(self, why: str) -> None:
        """Make the error, whose status is 401."""
        super().__init__(HTTPStatus.UNAUTHORIZED)
        self.why = why
        self.challenge = f'Bearer error="invalid_token", error_description="{why}"'


class NotFound(Request):
    """Any request for a path that does not exist."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in a line what answers here, and where its front page is."""
        if status_code != HTTPStatus.NOT_FOUND:
            super().write_error(status_code, **kwargs)
            return
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(
            f"There is nothing here. This server hosts DriftDB rooms: see {self._front()}\n"
        )

    def _front(self) -> str:
        """Return the front page's URL, or its path where the request's host is not to be shown."""
        public: str = self.hub.settings.public_url
        return public or self.site.root

    async def refuse(self, *args: str) -> None:
        """Answer with 404, whatever the method."""
        raise HTTPError(HTTPStatus.NOT_FOUND)

    get = head = post = put = patch = delete = options = refuse


async def _linger(stream: IOStream) -> None:
    async def drop() -> None:
        dropped = 0
        while dropped < _LINGER_BYTES:
            dropped += len(await stream.read_bytes(65536, partial=True))

    try:
        await asyncio.wait_for(drop(), _LINGER_SECONDS)
    except (StreamClosedError, asyncio.TimeoutError):
        pass
    finally:
        stream.close()
