"""A peer: one connection in a room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..protocol.cbor_codec import CBOR
from ..protocol.codec import Codec
from ..protocol.entry import Author
from ..protocol.errors import BadMessage, Forbidden, Refusal
from ..protocol.frame import TEXT, frame
from ..protocol.json_codec import JSON
from ..protocol.limits import Limits
from ..protocol.messages import Get, Ping, Push
from ..rooms.room import Applied
from .access import Access, Anyone
from .hosted_room import HostedRoom
from .outbox import Outbox

__all__ = ["CLOSE_FORBIDDEN", "CLOSE_STOPPING", "CLOSE_TOO_SLOW", "Peer"]

# Protocol, "Errors and closing".
CLOSE_STOPPING = 1001
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_SLOW = 4408


class Peer:
    """Reads the messages of one connection, and does or refuses what they ask.

    ``codec`` is the encoding that it wants to hear, ``client`` its secret or ``None``,
    ``close`` begins the closing handshake. ``heard`` is whether it gave a sign of life since
    the hub last looked.
    """

    __slots__ = (
        "_access",
        "_close",
        "_codec",
        "_limits",
        "_room",
        "_subscriptions",
        "_trusted",
        "author",
        "client",
        "heard",
        "outbox",
    )

    def __init__(
        self,
        room: HostedRoom,
        outbox: Outbox,
        *,
        access: Access,
        client: str | None,
        close: Callable[[int, str], None],
        codec: Codec,
        limits: Limits,
    ) -> None:
        self.author: Author | None = None
        self._access = access
        self._close = close
        self._codec = codec
        self._limits = limits
        self._room = room
        self._subscriptions: set[str] = set()
        self._trusted = isinstance(access, Anyone)  # without asking for every message
        self.client = client
        self.heard = True
        self.outbox = outbox

    def receive(self, opcode: int, message: bytes) -> Awaitable[None] | None:
        """Take one message, text that is valid UTF-8 or binary.

        Returns ``None`` when it is done, or what to wait for before the next one is read.
        """
        if self.outbox.closed:
            return None
        self.heard = True
        codec: Codec = JSON if opcode == TEXT else CBOR
        try:
            decoded = codec.decode(message, self._limits)
            if type(decoded) is Push:
                values = codec.values(decoded, self._limits)
        except Refusal as refusal:
            self._refuse(refusal)
            return None
        if type(decoded) is Push:
            allowed = self._trusted or self._access.may("write")
            if allowed is True:  # the common case, without another call
                self._room.sequencer.push(decoded, values, self)
                return None
        elif isinstance(decoded, Get):
            allowed = self._access.may("read")
        elif isinstance(decoded, Ping):
            self._send(self._codec.pong(decoded.nonce))
            return None
        else:
            self._refuse(BadMessage(f"expected another message, got {type(decoded).__name__}"))
            return None
        if isinstance(allowed, bool):
            return self._carry_out(codec, decoded, allowed=allowed)
        return self._wait_for_access(codec, decoded, allowed)

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        """Tell the peer what became of its push."""
        if isinstance(outcome, Refusal):
            outcome.push_id = push.id
            self._refuse(outcome)
            return
        if push.id is not None:
            self._send(self._codec.ack(push.id, outcome.seq))
        if outcome.size > 1:
            self._send(self._codec.stream_size(push.key, outcome.size))

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close."""
        self.outbox.flush()
        self.left()
        self._close(code, reason)

    def left(self) -> None:
        """Take the peer out of its room: the connection has ended, or is ending."""
        self.outbox.close()
        for key in self._subscriptions:
            self._room.unsubscribe(key, self.outbox)
        self._subscriptions.clear()
        self._room.unwatch(self.outbox)

    def _carry_out(
        self, codec: Codec, message: Push | Get, *, allowed: bool
    ) -> Awaitable[None] | None:
        if isinstance(message, Push):
            if allowed:
                self._room.sequencer.push(message, codec.values(message, self._limits), self)
            else:
                self.answer(message, Forbidden("expected the right to write in this room"))
        elif allowed:
            return self._get(message)
        else:
            self.close(CLOSE_FORBIDDEN, "no right to read in this room")
        return None

    async def _wait_for_access(
        self, codec: Codec, message: Push | Get, access: Awaitable[bool]
    ) -> None:
        allowed = await access
        if not self.outbox.closed and (waiting := self._carry_out(codec, message, allowed=allowed)):
            await waiting

    def _get(self, get: Get) -> Awaitable[None] | None:
        # The subscription and what the room holds now belong together: nothing comes between.
        if get.key not in self._subscriptions:
            self._subscriptions.add(get.key)
            self._room.subscribe(get.key, self.outbox, self._codec)
        if get.seq is None:
            return None
        entries = self._room.sequencer.room.read(get.key, above=get.seq)
        return self.outbox.put_init(frame(self._codec.opcode, self._codec.init(get.key, entries)))

    def _refuse(self, refusal: Refusal) -> None:
        self._send(self._codec.error(refusal))

    def _send(self, message: bytes) -> None:
        self.outbox.put(frame(self._codec.opcode, message))
