"""The requests of the protocol, the same under Jupyter and standalone.

What differs between the two stands in their :class:`~.site.Site`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from math import ceil
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler, WebSocketProtocol

from ...access.credential import Credential
from ...access.grants import ENDED, Grants, action_names
from ...access.owner import owner_change, owner_secret
from ...access.room_access import NO_ROOM, RoomAccess
from ...access.tokens.claims import TOKEN_LIMIT_LENGTH
from ...protocol.cbor_codec import CBOR
from ...protocol.entry import Author
from ...protocol.errors import BadMessage, Forbidden, RateExceeded, Refusal, Unavailable
from ...protocol.frame import BINARY, TEXT
from ...protocol.json_codec import JSON
from ...protocol.messages import Can, ClientMessage, Get, Keys, Ping, Push, Renew, SetPresence
from ...protocol.name import is_name, new_id
from ...protocol.steps import Steps, at_once
from ...protocol.value import LONG_BYTES
from ...rooms.room import Applied
from ..hosting.answers import answer_to_get, answers_to_push, check_readable
from ..hosting.author import author, client_key
from ..hosting.guard import Guard, check, denial
from ..hosting.hosted_room import HostedRoom, short_list
from ..hosting.hub import Hub
from ..hosting.peer import Peer
from ..limits.callers import Caller
from ..limits.people import PersonShare
from ..process.audit import OwnerMade
from ..process.log_text import printable
from ..receiving.reader import BatchReader, available
from ..sending.answer import Answer
from ..sending.outbox import Outbox
from .address import room_address
from .answer import send_answer
from .bearer import bearer
from .bearers import Bearers
from .gathered import Gathered
from .request import NoSuchRoom, Request, Unauthorized
from .site import Route, Site
from .subprotocol import SUBPROTOCOL, client_among, offered
from .throttle import Throttle

__all__ = ["Connect", "NewRoom", "RoomInfo", "RoomRequest", "Send", "routes"]

# Of a longer URI Jupyter's log has no more.
_URI_LIMIT = 8000
_FOR_GOOD = (1000, 1001)  # the close codes of a client that has ended, or a page that is left
_VIOLATIONS = (1002, 1003, 1007, 1009, 1010, 1011)
_CLIENT = re.compile(r"[A-Za-z0-9_-]{16,64}")


class RoomRequest(Request):
    """Base class of the requests about rooms.

    The site's own base class sets ``credential``, before the method of the request is called.
    """

    credential: Credential
    entered: HostedRoom | None = None

    def initialize(self, site: Site) -> None:
        """``site``: the server that is asked."""
        super().initialize(site)
        # The arguments are parsed already; what is left of the URL goes into logs.
        if self.request.uri is not None:
            names = self.hub.events.names
            self.request.uri = names.shown_uri(self.request.uri, site.root, _URI_LIMIT)

    @property
    def hides_rooms(self) -> bool:
        """Whether nobody learns that a room exists who may do nothing in it, and makes none.

        So it is where rooms have names, which can be guessed.
        """
        return self.site.names_allowed

    def shown_credential(self) -> Credential | Awaitable[Credential] | None:
        """Return that of the ticket, secret or token that the request shows, or what to wait for.

        ``None`` where it shows none that this site knows. Raises :class:`Unauthorized` for one
        that is no good. A ticket is used up.
        """
        ticket = self.get_query_argument("ticket", None, strip=False)
        if ticket is not None:
            room = self.path_args[0] if self.path_args else ""
            found = self.hub.tickets.redeem(ticket, room)
            return self._wait(found) if isinstance(found, Awaitable) else self._good(found)
        text = bearer(self.request.headers)
        return None if text is None else self.site.bearers.credential(text)

    async def _wait(self, found: Awaitable[Credential | None]) -> Credential:
        return self._good(await found)

    def _good(self, found: Credential | None) -> Credential:
        if found is None:
            raise Unauthorized("the ticket was used, is too old, or is for another room")
        return found

    @property
    def asked_room(self) -> str | None:
        """The name of the room that is asked about, as it came; ``None`` for no room."""
        args = getattr(self, "path_args", ())  # a method that there isn't is refused without them
        return args[0] if args and not self.is_public else None

    @property
    def subject(self) -> str | None:
        """Who asks, as a policy knows the person; ``None`` for somebody without a name."""
        credential: Credential | None = getattr(self, "credential", None)
        return None if credential is None else credential.identity.subject

    @property
    def has_ticket(self) -> bool:
        """Whether the request came in by a ticket."""
        return self.get_query_argument("ticket", None) is not None

    def lasting_credential(self) -> Credential:
        """Return the credential as something that outlives the request."""
        return self.credential

    async def grants(self, access: RoomAccess = NO_ROOM) -> Grants:
        """Return what the caller may do now, in a room or at the server as a whole."""
        grants = self.credential.grants(access)
        return grants if isinstance(grants, Grants) else await grants

    async def demand_grants(self, access: RoomAccess) -> Grants:
        """Return what the caller may do in a room now; raise 403 if that is nothing.

        Where rooms are hidden, raise 404 if the caller would find that there is no such room.
        """
        grants = await self.grants(access)
        if grants is ENDED:
            raise Unauthorized("the token was taken back")
        if not grants:
            if self.hides_rooms and await self._would_miss(access.name):
                raise NoSuchRoom(hidden=True)
            raise HTTPError(HTTPStatus.FORBIDDEN)
        return grants

    async def _would_miss(self, name: str) -> bool:
        """Return whether the caller would be told of a room of that name that there is none."""
        grants = await self.grants(RoomAccess(name))
        return bool(name) and grants.reads_any and not await self.may_create(name)

    async def demand_reading(self, access: RoomAccess = NO_ROOM) -> Grants:
        """Return the same; raise 403 unless the caller may read something."""
        grants = await self.demand_grants(access)
        if not grants.reads_any:
            raise HTTPError(HTTPStatus.FORBIDDEN)
        return grants

    @property
    def person(self) -> PersonShare | None:
        """The share of the person whom the credential names, ``None`` if it names nobody."""
        return self.hub.people.of(self.credential.identity)

    def count_message_of_person(self) -> None:
        """Count a message that comes by this request; raise :class:`RateExceeded` for too many."""
        person = self.person
        if person is not None:
            self.demand_rate(person.count_message())

    async def may_create(self, name: str = "") -> bool:
        """Return whether the caller may make a room of that name, or any (without one)."""
        if not await self.grants(
            RoomAccess(name)
        ):  # a token is for some rooms, and makes no others
            return False
        allowed = self.credential.may_create()
        return allowed if isinstance(allowed, bool) else await allowed

    async def room(self, name: str) -> HostedRoom:
        """Return the room of that name; make a named one if it does not exist and that is allowed.

        It stays open until the request is finished. Raises 404 if there is no such room.
        """
        hosted = await self.hub.rooms.open(name)
        named = hosted is None and self.site.names_allowed and is_name(name)
        if named and await self.may_create(name):
            await self.make(name)
            hosted = await self.hub.rooms.open(name)
        if hosted is None:
            raise NoSuchRoom
        self.entered = hosted
        self.hub.rooms.enter(hosted)
        return hosted

    def new_room_name(self) -> str:
        """Return the name of a room that nobody has: an id that can't be guessed."""
        return new_id()

    async def make(self, name: str) -> None:
        """Make a room of that name unless it exists: one of the caller's."""
        if await self.hub.rooms.create(name, maker=self.caller):
            self.hub.events.made(name, self.who, by=self.subject)

    async def demand_entry(self, name: str) -> None:
        """Raise 403 if the caller may do nothing in a room of that name, before it is opened.

        So that somebody who may do nothing learns not even whether it exists.
        """
        hosted = self.hub.rooms.find(name)
        access = RoomAccess(name) if hosted is None else hosted.sequencer.room.access
        if await self.grants(access):
            return
        kept = await self.hub.rooms.access(name) if hosted is None else None
        await self.demand_grants(access if kept is None else kept)

    async def room_access(self, name: str) -> RoomAccess:
        """Return who may do what in a room; raise 404 as :meth:`demand_room` does.

        Neither makes nor opens it.
        """
        access = await self.hub.rooms.access(name)
        if access is None:
            access = RoomAccess(name)
            await self.demand_reading(access)  # else one learns not even that there is no room
            await self.demand_room(name)
        return access

    async def demand_room(self, name: str) -> None:
        """Raise 404 unless the room exists, or its first use would make it.

        Neither makes nor opens it.
        """
        usable = self.site.names_allowed and is_name(name) and await self.may_create(name)
        if not usable and not await self.hub.rooms.has(name):
            raise NoSuchRoom

    def answer_address(self, name: str, *, admin: str | None = None) -> None:
        """Finish with the URLs of a room; they are the asker's own, so nothing keeps them.

        ``admin``: the secret of its owner, told to the caller that made it.
        """
        self.set_header("Cache-Control", "no-store")
        settings = self.hub.settings
        told = room_address(self.request, self.site.root, name, public=settings.public_url)
        if admin is not None:
            told["admin"] = admin
        self.answer(told)

    def on_finish(self) -> None:
        """Leave the room; the peer of a socket has entered it by itself."""
        if self.entered is not None:
            self.hub.rooms.exit(self.entered)
            self.entered = None
        super().on_finish()

    def client(self, told: str | None) -> str | None:
        """Return the client's secret, ``None`` if it gave none; ``told``: outside of the URL.

        Raises :class:`BadMessage` if it is malformed (protocol, "Knowing that …").
        """
        secret = self.get_query_argument("client", None, strip=False) if told is None else told
        if secret is not None and not _CLIENT.fullmatch(secret):
            raise BadMessage("expected the client's secret to be 16 to 64 URL-safe characters")
        return secret


class NewRoom(RoomRequest):
    """``POST /new``."""

    is_message = True

    async def post(self) -> None:
        """Make a room with an id that can't be guessed."""
        if not await self.may_create():
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.count_message_of_person()
        name = self.new_room_name()
        await self.make(name)
        secret = None
        if self.get_query_argument("admin", "") == "true" and self.site.has_owners:
            secret = owner_secret()
            try:
                await self.hub.rooms.change_access(name, owner_change(secret))
            except Refusal:  # nobody knows a room whose maker is refused
                await self.hub.rooms.delete(name)
                raise
            owner = OwnerMade(room=name, by=self.subject, address=self.who)
            self.hub.events.audit.tell(owner)
        self.answer_address(name, admin=secret)


class RoomInfo(RoomRequest):
    """``GET /room/ID``."""

    async def get(self, name: str) -> None:
        """Say where the room is."""
        await self.demand_reading(await self.room_access(name))
        self.answer_address(name)


class Send(Gathered, RoomRequest):
    """``POST /room/ID/send``."""

    is_message = True

    @property
    def body_limit_bytes(self) -> int:
        """Return twice the limit of a message: up to there it is read, and refused then."""
        return self.hub.limits.frame_bytes

    def body_too_long(self, length: int) -> Exception:
        """Return the refusal that a message of that length gets over a socket."""
        return self.hub.limits.message_too_large(length)

    async def post(self, name: str) -> None:
        """Take one message, and answer what a socket would."""
        self.hub.traffic.messages_received += 1
        self.hub.traffic.bytes_received += self.body_length
        body = self.whole_body()
        await self.demand_entry(name)
        self.count_message_of_person()
        hosted = await self.room(name)
        reading = self._read(body)
        if len(body) <= LONG_BYTES:
            message, client = at_once(reading)
        else:
            message, client = await self.hub.backlog.turns.take(reading)
        try:
            await self._take(hosted, message, client)
        except Refusal as refusal:
            refusal.push_id = message.id if isinstance(message, Push) else None
            raise

    def _read(self, body: bytes) -> Steps[tuple[ClientMessage, str | None]]:
        """Read a message and the client's secret beside it, in steps."""
        if len(body) <= self.hub.limits.message_bytes:  # else it is refused for its length
            try:
                body.decode()
            except UnicodeDecodeError:
                raise BadMessage("expected JSON in UTF-8, got other bytes") from None
            yield
        message = yield from JSON.decode_in_steps(body, self.hub.limits)
        yield
        return message, self.client(_client_in(body))

    async def _take(self, hosted: HostedRoom, message: ClientMessage, client: str | None) -> None:
        grants = await self.demand_grants(hosted.sequencer.room.access)
        if isinstance(message, Get) and not grants.may_read(message.key):
            self._withhold(message, grants, client)
            return
        check(grants, message)
        if isinstance(message, Keys) and not grants.reads_any:
            raise HTTPError(HTTPStatus.FORBIDDEN)
        if isinstance(message, Ping):
            self.answer_encoded(JSON.pong(message.nonce))
        elif isinstance(message, Get):
            await self._get(hosted, message, client)
        elif isinstance(message, Keys):
            await self._stream(hosted.keys(JSON, message, grants))
        elif isinstance(message, Can):
            actions = action_names(grants.actions(message.key))
            self.answer_encoded(JSON.can(message.key, actions))
        elif isinstance(message, Push):
            await self._push(hosted, message, client, grants)
        elif isinstance(message, Renew):
            raise BadMessage("expected a renew over a socket: a request shows what it has itself")
        elif isinstance(message, SetPresence):
            raise BadMessage("expected a presence over a socket: it lasts as long as that does")
        else:
            self.answer(None)

    def _withhold(self, get: Get, grants: Grants, client: str | None) -> None:
        """Answer as if the key were empty, or refuse who knows refusals (protocol, "Grants")."""
        if get.epoch is not UNSET or not grants.reads_any:
            check(grants, get)
        withheld = denial(grants, get)
        if withheld is not None:  # the answer doesn't say so, but the logs do
            self.hub.events.refused(self.asked_room, self.who, withheld, by=self.subject)
        if get.seq is not None:
            self.answer_encoded(JSON.init(get.key, 0).whole(()))
        elif get.presence:
            own = author(client).client
            self.answer_encoded(JSON.presence_state(get.key, own, 0).whole(()))
        else:
            self.answer(None)

    async def _get(self, hosted: HostedRoom, get: Get, client: str | None) -> None:
        if get.seq is not None:
            check_readable(hosted.sequencer.room, get)
            listing, found, _ = answer_to_get(JSON, hosted.sequencer.room, get)
            short = short_list(found)
            if short is not None:
                self.answer_encoded(listing.whole(short))
            else:
                await self._stream(hosted.init(JSON, get.key, listing, found))
        elif get.presence:
            own = author(client).client
            await self._stream(hosted.presence_state(JSON, get.key, own))
        else:
            self.answer(None)

    async def _stream(self, answer: Answer) -> None:
        self.set_header("Content-Type", "application/json")
        await send_answer(self, answer, self.hub.backlog)

    async def _push(
        self, hosted: HostedRoom, push: Push, client: str | None, grants: Grants
    ) -> None:
        values = JSON.values(push, self.hub.limits)
        if self.body_length > LONG_BYTES:
            await self.hub.backlog.turns.take(hosted.prepare(push.key, values))
            grants = await self.demand_grants(hosted.sequencer.room.access)  # as of now
            check(grants, push)
        key = client_key(client)
        pusher = _RequestPusher(key, author(client, self.credential.identity))
        unwritten = self.hub.unwritten_requests
        if unwritten.full:
            raise Unavailable("the server is writing as fast as it can; try again")
        if hosted.sequencer.push(push, values, pusher):
            unwritten.add(push, self.body_length)
        if push.id is not None and key is not None:
            self.hub.client_joined(hosted, key)
            self.hub.client_left(hosted, key)
        try:
            applied = await pusher.outcome
        finally:
            unwritten.remove(push)
        sized = grants.may_read(push.key)
        answers = answers_to_push(JSON, push, applied, sized=sized)
        if answers:
            self.answer_encoded(answers[0])
        else:
            self.answer(None)


class _OfClient(Struct):
    client: str | None = None


def _client_in(body: bytes) -> str | None:
    """Return the client's secret that a message over HTTP has beside its own fields."""
    if b'"client"' not in body:
        return None
    try:
        return msgspec.json.decode(body, type=_OfClient).client
    except msgspec.MsgspecError:
        raise BadMessage("expected client to be the client's secret, a text") from None


class _RequestPusher:
    """A pusher over HTTP; ``outcome`` resolves when the broker has answered."""

    hears_all = True

    def __init__(self, client: str | None, author: Author) -> None:
        self.client = client
        self.author = author
        self.outcome: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        if self.outcome.done():
            return  # the request was cut off meanwhile
        if isinstance(outcome, Refusal):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class _Renewal:
    """Finds another credential for a connection, as a request would show it."""

    def __init__(self, hub: Hub, bearers: Bearers, caller: Caller, room: str) -> None:
        self._hub = hub
        self._bearers = bearers
        self._caller = caller
        self._room = room

    def credential(
        self, token: str | None, ticket: str | None
    ) -> Credential | Awaitable[Credential]:
        if ticket is not None:
            found = self._hub.tickets.redeem(ticket, self._room)
            if isinstance(found, Awaitable):
                return self._wait_for_ticket(found)
            return self._good(found)
        assert token is not None
        seconds = self._caller.count_request()
        if seconds:  # for others may have to be asked about it
            raise RateExceeded(f"too many requests; renew in {ceil(seconds)} s")
        try:
            shown = self._bearers.credential(token) if len(token) <= TOKEN_LIMIT_LENGTH else None
        except Unauthorized as error:
            raise Forbidden(error.why, action="renew") from None
        if shown is None:
            raise Forbidden("that is no token that is known here", action="renew")
        return self._wait(shown) if isinstance(shown, Awaitable) else shown

    def renewed(self, peer: Peer) -> None:
        self._hub.renewed(peer)

    async def _wait_for_ticket(self, found: Awaitable[Credential | None]) -> Credential:
        return self._good(await found)

    def _good(self, found: Credential | None) -> Credential:
        if found is None:
            raise Forbidden("that ticket is no good, or not any more", action="renew")
        return found

    async def _wait(self, shown: Awaitable[Credential]) -> Credential:
        try:
            return await shown
        except Unauthorized as error:
            raise Forbidden(error.why, action="renew") from None


class Connect(RoomRequest, WebSocketHandler):
    """``GET /room/ID/connect``: the WebSocket."""

    # A handshake has no body: without waiting for one it costs the loop 5 % less. What comes all
    # the same the HTTP server bounds.
    _stream_request_body = False
    peer: Peer | None = None
    hosted: HostedRoom
    guard: Guard
    _seated = False
    _share: PersonShare | None = None
    _closed = False
    _receive_all: Callable[[int, Iterator[bytes]], Awaitable[None] | None]
    _pong_bytes = 0

    async def get(self, name: str) -> None:
        """Open the WebSocket, or refuse it with a status."""
        headers = self.request.headers
        if headers.get("Upgrade", "").lower() != "websocket":  # or an image's URL would make rooms
            raise HTTPError(HTTPStatus.BAD_REQUEST, reason="Expected a WebSocket handshake")
        if "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0":
            raise HTTPError(HTTPStatus.BAD_REQUEST)  # frames would begin where the body does
        if self._flag("debug") and not self.hub.settings.debug_allowed:
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.hub.take_seat(self.caller)
        self._seated = True
        person = self.person
        if person is not None:
            person.enter()
            self._share = person
            counting = person.enter_elsewhere()
            if counting is not None:
                await counting
        await self.demand_entry(name)
        self.hosted = await self.room(name)
        self.guard = Guard(self.credential, self.hosted.sequencer.room.access)
        self.guard.learn(await self.demand_reading(self.hosted.sequencer.room.access))
        self.secret = self.client(client_among(offered(headers)))
        if self._seated:  # otherwise the client has gone meanwhile
            await super().get(name)

    @property
    def max_message_size(self) -> int:
        """The longest message that is read at all, in bytes."""
        return self.hub.limits.frame_bytes

    @property
    def ping_interval(self) -> float:
        """Return 0: the hub pings all connections with one timer."""
        return 0

    def get_compression_options(self) -> dict[str, Any] | None:
        """Compress only where the settings say so."""
        # With Tornado's own reader a ping between the fragments of a message would garble it.
        return {} if self.hub.settings.compression and available() else None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Choose ours, which clients offer along with their secret."""
        return SUBPROTOCOL if SUBPROTOCOL in offered(self.request.headers) else None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Our own reader, or Tornado's where that can't be; none for another version."""
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return BatchReader(self) if available() else super().get_websocket_protocol()

    def open(self, *args: str, **kwargs: str) -> None:
        """Join the room."""
        connection: Any = self.ws_connection
        self.set_nodelay(True)
        codec = CBOR if self._flag("cbor") else JSON
        outbox = Outbox(
            connection.stream,
            self.hub.flusher,
            self.hub.backlog,
            deflate=connection.deflate if isinstance(connection, BatchReader) else None,
            limit_bytes=self.hub.settings.outbox_limit_bytes,
            ends=self._end,
            rises=self.hosted.pressure.rise,
        )
        self.peer = Peer(
            self.hosted,
            outbox,
            guard=self.guard,
            author=author(self.secret, self.credential.identity),
            client=client_key(self.secret),
            close=self.close,
            codec=codec,
            limits=self.hub.limits,
            subscription_limit=self.hub.settings.subscription_limit,
            malformed=self.hub.malformed,
            unwritten=self.hub.new_unwritten(),
            refused=self._refused,
            renews=_Renewal(self.hub, self.site.bearers, self.caller, self.hosted.name),
        )
        rates = self.caller.rates()
        if self._share is not None and self._share.rate is not None:
            rates.append(self._share.rate)
        self._receive_all = self.peer.receive_all
        if rates:
            self._receive_all = Throttle(self.peer, rates, self._slowed).receive_all
        if isinstance(connection, BatchReader):
            connection.on_messages = self._receive_all
            connection.on_part = self._hear
            connection.settled = self.peer.settled
            connection.outbox = outbox
            connection.incomplete = self.hub.incomplete
            connection.flusher = self.hub.flusher
            connection.traffic = self.hub.traffic
            connection.floods = self.hub.floods
        self.hub.join(self.peer, self.hosted)
        self.hub.events.connected(self.hosted.name, self.who)
        if self._flag("debug"):
            self.hosted.watch(outbox, codec, self.peer.may_read)

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Receive a message from Tornado's own reader."""
        if self.peer is None:
            return None  # it has ended
        if isinstance(message, str):
            unfinished = self._receive_all(TEXT, iter((message.encode(),)))
        else:
            unfinished = self._receive_all(BINARY, iter((message,)))
        # That reader answers a close or a violation at once, and would overtake what waits. It has
        # no turns: what is in its buffer is lost where the peer's end comes while it waits.
        self.peer.outbox.flush()
        return unfinished

    def on_ping(self, data: bytes) -> None:
        """Take a ping as a sign of life.

        The reader of older Tornados piles up the pongs of a peer that takes none.
        """
        self._hear()
        connection: Any = self.ws_connection
        if isinstance(connection, BatchReader) or connection is None:
            return
        self._pong_bytes = self._pong_bytes + len(data) if connection.stream.writing() else 0
        if self._pong_bytes > self.hub.settings.outbox_limit_bytes:
            assert self.peer is not None
            self.peer.outbox.give_up()

    def on_pong(self, data: bytes) -> None:
        """Count a pong as a sign of life."""
        self._hear()

    def on_finish(self) -> None:
        """Leave the room if the handshake was refused."""
        super().on_finish()
        if self.get_status() != HTTPStatus.SWITCHING_PROTOCOLS:
            self._leave_seat()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake."""
        if code is not None and not self._closed:
            self._closed = True
            self.hub.events.closed(self.hosted.name, self.who, code, reason or "", by=self.subject)
        super().close(code, reason)

    def on_close(self) -> None:
        """Leave the room."""
        self._leave_seat()
        if self.peer is None:
            return
        self.hub.leave(self.peer, for_good=self.close_code in _FOR_GOOD)
        if self.close_code in _VIOLATIONS and not self._closed:
            # By the reader, or by a client that thinks so of the server.
            reason = printable(self.close_reason or "")
            self.hub.events.closed(self.hosted.name, self.who, self.close_code, reason)
        elif not self._closed:
            self.hub.events.left(self.hosted.name, self.who, self.close_code)
        # Peer and handler hold each other: only a collection would free them.
        self.peer = None
        del self._receive_all

    def _refused(self, refusal: Refusal) -> None:
        self.hub.events.refused(self.hosted.name, self.who, refusal, by=self.subject)

    def _slowed(self) -> None:
        self.hub.events.slowed(self.hosted.name, self.who)

    def _leave_seat(self) -> None:
        if self._seated:
            self._seated = False
            self.hub.leave_seat(self.caller)
            if self._share is not None:
                self._share.leave()

    def _hear(self) -> None:
        if self.peer is not None:
            self.peer.heard = True

    def _end(self, code: int, reason: str) -> None:
        if self.peer is not None:
            self.peer.close(code, reason)

    def _flag(self, name: str) -> bool:
        # After a drop the npm client appends its query once more: ?cbor=true?cbor=true.
        return self.get_query_argument(name, "").partition("?")[0] == "true"


def routes(site: Site) -> list[Route]:
    """Return the protocol's routes."""
    return [
        site.route(r"new", NewRoom),
        site.route(r"room/([^/]+)", RoomInfo),
        site.route(r"room/([^/]+)/send", Send),
        site.route(r"room/([^/]+)/connect", Connect),
    ]
