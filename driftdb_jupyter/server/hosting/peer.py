"""A peer: one connection in a room."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec import UNSET

from ...protocol.cbor_codec import CBOR
from ...protocol.codec import Codec
from ...protocol.entry import Author
from ...protocol.errors import Forbidden, QuotaExceeded, Refusal
from ...protocol.frame import TEXT, frame
from ...protocol.json_codec import JSON, decode_short
from ...protocol.limits import Limits
from ...protocol.messages import ClientMessage, Get, Keys, Push, SetPresence, Unsubscribe
from ...protocol.value import LONG_BYTES, Value
from ...rooms.room import Applied
from ..limits.malformed import Malformed
from ..sending.close_codes import CLOSE_FORBIDDEN
from ..sending.outbox import Outbox
from .access import Access, Anyone, Right
from .answers import Cursor, answer_to_get, answers_to_push, check_readable
from .hosted_room import HostedRoom
from .subscriptions import cost_of_subscription
from .unwritten import Unwritten

__all__ = [
    "RIGHTS",
    "Peer",
]

_log = logging.getLogger("driftdb_jupyter")

# What one has to be allowed to send a message; the others anybody may who is there.
RIGHTS: dict[type[ClientMessage], Right] = {
    Get: "read",
    Keys: "read",
    Push: "write",
    SetPresence: "write",
}


class Peer:
    """Reads the messages of one connection, and does or refuses what they ask.

    ``author`` is how others see it, ``client`` its :func:`~.author.client_key` or ``None``.
    ``codec`` is the encoding that it wants to hear, ``close`` begins the closing handshake,
    ``refused`` hears of each refusal,
    ``malformed`` paces what can't be read.
    ``heard`` is whether it gave a sign of life since the hub last looked, ``throttled`` whether it
    has sent more than it may (:class:`~.throttle.Throttle`).
    """

    __slots__ = (
        "_access",
        "_close",
        "_codec",
        "_cost_bytes",
        "_cursors",
        "_harmless_bytes",
        "_limits",
        "_malformed",
        "_refused",
        "_room",
        "_subscription_limit",
        "_subscriptions",
        "_trusted",
        "_unwritten",
        "author",
        "client",
        "heard",
        "hears_all",
        "outbox",
        "throttled",
    )

    def __init__(
        self,
        room: HostedRoom,
        outbox: Outbox,
        *,
        access: Access,
        author: Author,
        client: str | None,
        close: Callable[[int, str], None],
        codec: Codec,
        limits: Limits,
        subscription_limit: int,
        unwritten: Unwritten,
        malformed: Malformed | None = None,
        refused: Callable[[Refusal], object] = lambda refusal: None,
    ) -> None:
        self._access = access
        self._close = close
        self._codec = codec
        self._harmless_bytes = limits.harmless_bytes
        self._limits = limits
        self._malformed = malformed or Malformed()
        self._cost_bytes = 0
        self._cursors: dict[str, Cursor] = {}
        self._refused = refused
        self._room = room
        self._subscription_limit = subscription_limit
        self._subscriptions: set[str] = set()
        self._trusted = isinstance(access, Anyone)  # without asking for every message
        self._unwritten = unwritten
        self.author = author
        self.client = client
        self.heard = True
        self.hears_all = False  # here and not in the class: read for each push, where it is faster
        self.outbox = outbox
        self.throttled = False

    def receive(self, opcode: int, message: bytes) -> Awaitable[None] | None:
        """Take one message, text that is valid UTF-8 or binary.

        Returns ``None`` when it is done, or what to wait for before the next one is read.
        """
        if self.outbox.closed:
            return None
        self.heard = True
        codec: Codec = JSON if opcode == TEXT else CBOR
        try:
            if opcode == TEXT and len(message) <= self._harmless_bytes:
                try:
                    decoded = decode_short(message)
                except (ValueError, RecursionError):
                    decoded = codec.decode(message, self._limits)
            elif len(message) > LONG_BYTES:
                return self._receive_long(codec, message)
            else:
                decoded = codec.decode(message, self._limits)
            if type(decoded) is Push:
                values = codec.values(decoded, self._limits)
                allowed = self._trusted or self._access.may("write")
                if allowed is True:  # the common case, without another call
                    room = self._room
                    waits = room.sequencer.push(decoded, values, self)
                    if waits or room.pressure.high:
                        return self._hold(decoded, len(message), waits=waits)
                    return None
            else:
                values = _values(codec, decoded, self._limits)
                right = RIGHTS.get(type(decoded))
                allowed = right is None or self._access.may(right)
        except Refusal as refusal:
            self._refuse(refusal)
            return self._malformed.pause(len(message))
        if isinstance(allowed, bool):
            return self._carry_out(decoded, values, len(message), allowed=allowed)
        return self._wait_for_access(decoded, values, len(message), allowed)

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        """Tell the peer what became of its push; where that fails, it is closed, to ask again."""
        self._unwritten.remove(push)
        try:
            if isinstance(outcome, Refusal):
                outcome.push_id = push.id
                self._refuse(outcome)
                return
            for message in answers_to_push(self._codec, push, outcome):
                self._send(message)
        except Exception:
            _log.exception("An answer failed; its connection is closed")
            self.outbox.fail()

    @property
    def held(self) -> bool:
        """Whether nothing is read from it: it is over a rate, or waits for the journal."""
        return self.throttled or self._unwritten.holds

    def release(self) -> None:
        """Read on, though the journal takes nothing: what is to be written is refused now."""
        self._unwritten.release()

    def settled(self) -> Awaitable[None] | None:
        """Return what to wait for until all that it pushed is answered, ``None`` if it is."""
        return self._unwritten.settled()

    def ask_access(self) -> Awaitable[None] | None:
        """Close the connection if it may no longer read (4403); returns what to wait for."""
        if self._trusted:
            return None
        allowed = self._access.may("read")
        if not isinstance(allowed, bool):
            return self._wait_for_right_to_read(allowed)
        if not allowed:
            self._expel()
        return None

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close."""
        self.outbox.flush()
        self.left()
        self._close(code, reason)

    def left(self) -> None:
        """Take the peer out of its room: the connection has ended, or is ending."""
        self.outbox.close()
        self._unwritten.release()
        for key in self._subscriptions:
            self._room.unsubscribe(key, self.outbox)
        self._subscriptions.clear()
        self._cursors.clear()
        self._room.subscriptions.add(-self._cost_bytes)
        self._cost_bytes = 0
        self._room.unwatch(self.outbox)

    def _carry_out(
        self, message: ClientMessage, values: Sequence[Value], length: int, *, allowed: bool
    ) -> Awaitable[None] | None:
        if not allowed:
            self._forbid(message)
            return None
        try:
            if isinstance(message, Get):
                return self._get(message)
            if isinstance(message, Keys):
                return self._room.put_keys(self.outbox, self._codec, message)
            if isinstance(message, Push):
                waits = self._room.sequencer.push(message, values, self)
                return self._hold(message, length, waits=waits)
            if isinstance(message, SetPresence):
                value = None if values[0].is_null else values[0]
                self._room.set_presence(message.key, self.author, value)
            elif isinstance(message, Unsubscribe):
                self._unsubscribe(message.key)
            else:
                self._send(self._codec.pong(message.nonce))
        except Refusal as refusal:
            self._refuse(refusal)
        return None

    def _hold(self, push: Push, length: int, *, waits: bool) -> Awaitable[None] | None:
        """Return what to wait for after a push of so many bytes, which may itself wait."""
        if waits:
            self._unwritten.add(push, length)
            if self._unwritten.full:
                return self._unwritten.wait()
        pressure = self._room.pressure
        return pressure.hold(self.outbox, length) if pressure.high else None

    async def _receive_long(self, codec: Codec, message: bytes) -> None:
        """Take a long message: in steps, with turns for the others between them."""
        turns = self._room.turns
        try:
            decoded = await turns.take(codec.decode_in_steps(message, self._limits))
            values = _values(codec, decoded, self._limits)
            if isinstance(decoded, (Push, SetPresence)):
                await turns.take(self._room.prepare(decoded.key, values))
        except Refusal as refusal:
            self._refuse(refusal)
            await self._malformed.pause(len(message))
            return
        if self.outbox.closed:
            return
        right = RIGHTS.get(type(decoded))
        allowed = right is None or self._access.may(right)
        if isinstance(allowed, bool):
            waiting = self._carry_out(decoded, values, len(message), allowed=allowed)
            if waiting is not None:
                await waiting
        else:
            await self._wait_for_access(decoded, values, len(message), allowed)

    async def _wait_for_access(
        self,
        message: ClientMessage,
        values: Sequence[Value],
        length: int,
        access: Awaitable[bool],
    ) -> None:
        allowed = await access
        if not self.outbox.closed:
            waiting = self._carry_out(message, values, length, allowed=allowed)
            if waiting is not None:
                await waiting

    async def _wait_for_right_to_read(self, access: Awaitable[bool]) -> None:
        if not await access and not self.outbox.closed:
            self._expel()

    def _get(self, get: Get) -> Awaitable[None] | None:
        # The subscription and what the room holds now belong together: nothing comes between.
        waiting: Awaitable[None] | None = None
        cursor = None
        room = self._room
        if get.seq is not None:
            check_readable(room.sequencer.room, get)
        self._charge_subscription(get.key)
        if get.seq is not None:
            before = self._cursors.pop(get.key, None)
            listing, found, cursor = answer_to_get(self._codec, room.sequencer.room, get, before)
            waiting = room.put_init(self.outbox, self._codec, get.key, listing, found)
        if cursor is not None:
            self._cursors[get.key] = cursor
        else:
            self._subscriptions.add(get.key)
            room.subscribe(
                get.key,
                self.outbox,
                self._codec,
                stamps=get.stamps,
                held=get.held and get.epoch is not UNSET,
                with_client=self.client is not None,
            )
        if get.presence:
            self._subscriptions.add(get.key)
            room.subscribe_presence(get.key, self.outbox, self._codec)
            own = self.author.client
            waiting = room.put_presence_state(self.outbox, self._codec, get.key, own)
        return waiting

    def _charge_subscription(self, key: str) -> None:
        """Make room for a subscription, or for the cursor that comes before it."""
        if key in self._subscriptions or key in self._cursors:
            return
        if len(self._subscriptions) + len(self._cursors) >= self._subscription_limit:
            raise QuotaExceeded(
                f"expected at most {self._subscription_limit} subscriptions, got one more"
            )
        cost_bytes = cost_of_subscription(key)
        self._room.check_subscription(key, cost_bytes)
        self._room.subscriptions.add(cost_bytes)
        self._cost_bytes += cost_bytes

    def _unsubscribe(self, key: str) -> None:
        if key not in self._subscriptions and key not in self._cursors:
            return
        self._subscriptions.discard(key)
        self._cursors.pop(key, None)
        self._room.unsubscribe(key, self.outbox)
        cost_bytes = cost_of_subscription(key)
        self._room.subscriptions.add(-cost_bytes)
        self._cost_bytes -= cost_bytes

    def _forbid(self, message: ClientMessage) -> None:
        if RIGHTS.get(type(message)) == "read":
            self._expel()
            return
        refusal = Forbidden("you may not write in this room")
        refusal.push_id = message.id if isinstance(message, Push) else None
        self._refuse(refusal)

    def _expel(self) -> None:
        self.close(CLOSE_FORBIDDEN, "no right to read in this room")

    def _refuse(self, refusal: Refusal) -> None:
        self._refused(refusal)
        self._send(self._codec.error(refusal))

    def _send(self, message: bytes) -> None:
        self.outbox.put(frame(self._codec.opcode, message))


def _values(codec: Codec, message: ClientMessage, limits: Limits) -> Sequence[Value]:
    """Return the values that a message carries."""
    if isinstance(message, Push):
        return codec.values(message, limits)
    return (codec.value(message.value),) if isinstance(message, SetPresence) else ()
