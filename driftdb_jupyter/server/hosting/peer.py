"""A peer: one connection in a room."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from msgspec import UNSET, structs

from ...access.credential import Credential
from ...access.grants import ENDED, EVERYTHING, PRESENCE, Grants, action_names
from ...protocol.cbor_codec import CBOR
from ...protocol.codec import Codec
from ...protocol.entry import Author
from ...protocol.errors import Forbidden, QuotaExceeded, Refusal
from ...protocol.frame import TEXT, frame
from ...protocol.json_codec import JSON, decode_short
from ...protocol.limits import Limits
from ...protocol.messages import (
    Can,
    ClientMessage,
    Get,
    Keys,
    Push,
    Renew,
    SetPresence,
    Unsubscribe,
)
from ...protocol.value import LONG_BYTES, Value
from ...rooms.room import Applied
from ..limits.malformed import Malformed
from ..sending.close_codes import CLOSE_EXPIRED, CLOSE_FORBIDDEN
from ..sending.outbox import Outbox
from .answers import Cursor, answer_to_get, answers_to_push, check_readable
from .guard import GUARDED, Guard, denial
from .hosted_room import HostedRoom
from .subscriptions import cost_of_subscription
from .unwritten import Unwritten

__all__ = ["Peer", "Renewal"]


class Renewal(Protocol):
    """The way to another credential for a connection."""

    def credential(
        self, token: str | None, ticket: str | None
    ) -> Credential | Awaitable[Credential]:
        """Return the credential of a token or ticket; raises :class:`Forbidden`, also later."""

    def renewed(self, peer: Peer) -> None:
        """Note that a peer goes on with another credential."""


_log = logging.getLogger("driftdb_jupyter")

# How many keys are given back before others have their turn: that takes some milliseconds.
_META = "$meta/"  # and the key that it describes (protocol, "Which keys there are")
_KEYS_A_TURN = 64


class Peer:
    """Reads the messages of one connection, and does or refuses what they ask.

    ``guard`` knows what it may do, ``author`` is how others see it, ``client`` its
    :func:`~.author.client_key` or ``None``.
    ``codec`` is the encoding that it wants to hear, ``close`` begins the closing handshake,
    ``refused`` hears of each refusal,
    ``malformed`` paces what can't be read. ``renews`` finds another credential for a ``renew``.
    ``hears_expiry`` is whether it asked to be told before its credential ends.
    ``heard`` is whether it gave a sign of life since the hub last looked, ``throttled`` whether it
    has sent more than it may (:class:`~.throttle.Throttle`).
    """

    __slots__ = (
        "_asking_count",
        "_close",
        "_codec",
        "_cost_bytes",
        "_cursors",
        "_description_count",
        "_harmless_bytes",
        "_limits",
        "_malformed",
        "_muted",
        "_refused",
        "_renews",
        "_room",
        "_subscription_limit",
        "_subscriptions",
        "_told_actions",
        "_unlimited",
        "_unwritten",
        "_withheld",
        "author",
        "client",
        "guard",
        "heard",
        "hears_all",
        "hears_expiry",
        "outbox",
        "throttled",
    )

    def __init__(
        self,
        room: HostedRoom,
        outbox: Outbox,
        *,
        guard: Guard,
        author: Author,
        client: str | None,
        close: Callable[[int, str], None],
        codec: Codec,
        limits: Limits,
        subscription_limit: int,
        unwritten: Unwritten,
        malformed: Malformed | None = None,
        refused: Callable[[Refusal], object] = lambda refusal: None,
        renews: Renewal | None = None,
    ) -> None:
        self._asking_count = 0  # of reviews
        self._close = close
        self._codec = codec
        self._harmless_bytes = limits.harmless_bytes
        self._limits = limits
        self._malformed = malformed or Malformed()
        self._muted: list[str] | None = None  # keys that were taken away, which it wasn't told yet
        self._cost_bytes = 0
        self._description_count = 0  # of keys that begin with $meta/, which are counted apart
        self._cursors: dict[str, tuple[Get, Cursor]] = {}  # of streams that were given in part
        self._refused = refused
        self._renews = renews
        self._room = room
        self._subscription_limit = subscription_limit
        self._subscriptions: dict[str, Get] = {}
        self._told_actions: dict[str, int] = {}  # of the keys that it asked about
        self._unlimited = guard.unlimited  # here, too: read for each push
        self._withheld: dict[str, Get] = {}  # asked for, and not allowed
        self._unwritten = unwritten
        self.author = author
        self.client = client
        self.guard = guard
        self.heard = True
        self.hears_all = False  # here and not in the class: read for each push, where it is faster
        self.hears_expiry = False
        self.outbox = outbox
        self.throttled = False

    def receive(self, opcode: int, message: bytes) -> Awaitable[None] | None:
        """Take one message, text that is valid UTF-8 or binary.

        Returns ``None`` when it is done, or what to wait for before the next one is read.
        """
        return self.receive_all(opcode, iter((message,)))

    def receive_all(self, opcode: int, messages: Iterator[bytes]) -> Awaitable[None] | None:
        """Take messages, each as :meth:`receive` does, until one has to be waited for.

        The rest stays in the iterator then.
        """
        self.heard = True
        outbox, room, limits = self.outbox, self._room, self._limits
        codec: Codec = JSON if opcode == TEXT else CBOR
        short_bytes = self._harmless_bytes if opcode == TEXT else -1
        for message in messages:
            if outbox.closed:
                return None
            length = len(message)
            try:
                if length <= short_bytes:
                    try:
                        decoded = decode_short(message)
                    except (ValueError, RecursionError):
                        decoded = codec.decode(message, limits)
                elif length > LONG_BYTES:
                    return self._receive_long(codec, message)
                else:
                    decoded = codec.decode(message, limits)
                if type(decoded) is Push:
                    values = codec.values(decoded, limits)
                    allowed = self._unlimited or self.guard.allows(decoded)
                    if not allowed:
                        grants = self.guard.ask()
                        allowed = isinstance(grants, Grants) and denial(grants, decoded) is None
                    if allowed:
                        waits = room.sequencer.push(decoded, values, self)
                        if waits or room.pressure.high:
                            unfinished = self._hold(decoded, length, waits=waits)
                            if unfinished is not None:
                                return unfinished
                        continue
                else:
                    values = _values(codec, decoded, limits)
                    grants = self.guard.ask() if type(decoded) in GUARDED else EVERYTHING
                if isinstance(grants, Grants):
                    unfinished = self._carry_out(decoded, values, length, grants)
                else:
                    unfinished = self._wait_for_grants(decoded, values, length, grants)
            except Refusal as refusal:
                self._refuse(refusal)
                unfinished = self._malformed.pause(length)
            if unfinished is not None:
                return unfinished
        return None

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        """Tell the peer what became of its push; where that fails, it is closed, to ask again."""
        self._unwritten.remove(push)
        try:
            if isinstance(outcome, Refusal):
                outcome.push_id = push.id
                self._refuse(outcome)
                return
            sized = self._unlimited or outcome.value_count < 2 or self.guard.may_read(push.key)
            for message in answers_to_push(self._codec, push, outcome, sized=sized):
                self._send(message)
        except Exception:
            _log.exception("An answer failed; its connection is closed")
            self.outbox.fail()

    def may_read(self, key: str) -> bool:
        """Return whether it may read a key, as far as that is known without asking."""
        return self.guard.may_read(key)

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

    def revalidate(self) -> Awaitable[None] | None:
        """Ask whether the credential is still good (else 4401), and act on what it allows now.

        Returns what to wait for.
        """
        good = self.guard.credential.revalidate()
        if not isinstance(good, bool):
            return self._wait_for_validity(good, self.guard.credential)
        if not good:
            self.expire()
            return None
        return self._review_less()

    def review(self) -> Awaitable[None] | None:
        """Act on what is allowed now: end what isn't any more, and give what was withheld.

        A connection that may read nothing of the room is closed (4403). Returns what to wait for.
        """
        grants = self.guard.ask()
        self._unlimited = self.guard.unlimited
        if isinstance(grants, Grants):
            return self._follow(grants)
        self._asking_count += 1
        return self._wait_to_follow(grants, self.guard.credential)

    @property
    def is_asking(self) -> bool:
        """Whether others have yet to tell a :meth:`review` what is allowed now."""
        return self._asking_count > 0

    def outdate(self) -> None:
        """Allow from now on what is allowed now; :meth:`review` tells the peer of it."""
        self.guard.outdate()
        self._unlimited = False

    def mute(self, key: str, *, asking: bool = True) -> bool:
        """Stop to hear of a key if it may no longer be read; :meth:`review` tells the peer.

        For the time between :meth:`outdate` and that. Returns False where others have to be asked
        whether it may: then it is to be reviewed at once. Without ``asking`` it hears no more of
        the key then, until it is reviewed in its turn, or others have answered: then it is given
        what the key holds.
        """
        is_known = self.guard.credential.steady
        if asking and not is_known:
            return False
        hears = key in self._subscriptions or key in self._cursors
        if hears and not (is_known and self.may_read(key)):
            self._mute(key)
        return True

    def renew(self, credential: Credential) -> Awaitable[None] | None:
        """Go on with another credential; returns what to wait for."""
        self.guard.renew(credential)
        return self.review()

    def tell_expiry(self, in_seconds: float) -> None:
        """Say that the credential is about to end, if the peer asked for that."""
        if self.hears_expiry and not self.outbox.closed:
            self._send(self._codec.expires(round(in_seconds, 3)))

    def expire(self) -> None:
        """Close the connection: its credential is no longer good (4401)."""
        self._end_rights()
        self.close(CLOSE_EXPIRED, "the credential has ended")

    def fail(self) -> None:
        """Allow nothing more, and close the connection (1011), which comes back to be asked."""
        self._end_rights()
        self.outbox.fail()

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close."""
        try:
            self.outbox.flush()
        finally:
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
        self._withheld.clear()
        self._told_actions.clear()
        self._muted = None
        self._room.subscriptions.add(-self._cost_bytes)
        self._cost_bytes = self._description_count = 0
        self._room.unwatch(self.outbox)

    def _carry_out(
        self, message: ClientMessage, values: Sequence[Value], length: int, grants: Grants
    ) -> Awaitable[None] | None:
        if grants is ENDED:
            self.expire()
            return None
        refusal = denial(grants, message)
        if isinstance(message, (Get, Keys)) and not grants.unlimited and not grants.reads_any:
            self._expel()
            return None
        if isinstance(message, (Get, Keys)) and self._room.sequencer.reads_wait:
            settled = self.settled()
            if settled is not None:
                return self._wait_for_own(settled, message, length)
            behind = self._behind(message)
            if behind is not None:
                return self._wait_to_catch_up(behind, message, length)
        try:
            if refusal is not None:
                if isinstance(message, Get):
                    self._withhold(message, refusal)
                else:
                    self._refuse(refusal)
                return None
            if isinstance(message, Get):
                return self._get(message)
            if isinstance(message, Keys):
                return self._room.put_keys(self.outbox, self._codec, message, grants)
            if isinstance(message, Push):
                waits = self._room.sequencer.push(message, values, self)
                return self._hold(message, length, waits=waits)
            if isinstance(message, SetPresence):
                value = None if values[0].is_null else values[0]
                self._room.set_presence(message.key, self.author, value)
            elif isinstance(message, Unsubscribe):
                self._unsubscribe(message.key)
            elif isinstance(message, Renew):
                return self._renew(message)
            elif isinstance(message, Can):
                self._charge_subscription(message.key)
                self._tell_actions(message.key, grants)
            else:
                self._send(self._codec.pong(message.nonce))
        except Refusal as refusal:
            self._refuse(refusal)
        return None

    def _renew(self, message: Renew) -> Awaitable[None] | None:
        """Go on with another credential, or with the same one, and be told before it ends."""
        self.hears_expiry = True
        if message.token is None and message.ticket is None:
            self._tell_renewed()
            return None
        if self._renews is None:
            raise Forbidden("nothing can be renewed here", action="renew")
        credential = self._renews.credential(message.token, message.ticket)
        if isinstance(credential, Awaitable):
            return self._wait_to_renew(credential)
        return self._go_on_with(credential)

    async def _wait_to_renew(self, asked: Awaitable[Credential]) -> None:
        try:
            credential = await asked
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if not self.outbox.closed:
            try:
                waiting = self._go_on_with(credential)
            except Refusal as refusal:
                self._refuse(refusal)
                return
            if waiting is not None:
                await waiting

    def _go_on_with(self, credential: Credential) -> Awaitable[None] | None:
        before, after = self.guard.credential.identity, credential.identity
        if not before.is_same_person(after):
            # The others have been told who it is.
            raise Forbidden("that is another person's; connect with it", action="renew")
        waiting = self.renew(credential)
        assert self._renews is not None
        self._renews.renewed(self)
        if not self.outbox.closed:
            self._tell_renewed()
        return waiting

    def _tell_renewed(self) -> None:
        credential = self.guard.credential
        expires_at = credential.expires_at
        left = None if expires_at is None else round(max(0.0, expires_at - time.time()), 3)
        self._send(self._codec.renewed(left, credential.identity.person))

    def _hold(self, push: Push, length: int, *, waits: bool) -> Awaitable[None] | None:
        """Return what to wait for after a push of ``length`` bytes, which may itself wait."""
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
        grants = self.guard.ask() if type(decoded) in GUARDED else EVERYTHING
        if isinstance(grants, Grants):
            waiting = self._carry_out(decoded, values, len(message), grants)
            if waiting is not None:
                await waiting
        else:
            await self._wait_for_grants(decoded, values, len(message), grants)

    async def _wait_for_grants(
        self,
        message: ClientMessage,
        values: Sequence[Value],
        length: int,
        asked: Awaitable[Grants],
    ) -> None:
        grants = await asked
        if not self.outbox.closed:
            waiting = self._carry_out(message, values, length, grants)
            if waiting is not None:
                await waiting

    def _behind(self, message: Get | Keys) -> Awaitable[bool] | None:
        """Return what to wait for where the client has heard more at another server."""
        if isinstance(message, Get) and isinstance(message.epoch, str):
            return self._room.sequencer.behind(message.epoch, message.seq or 0)
        return None

    async def _wait_to_catch_up(
        self, caught_up: Awaitable[bool], message: Get | Keys, length: int
    ) -> None:
        """Answer once the room is as far as the client knows it, or with all that it holds."""
        if not await caught_up:
            message = structs.replace(message, epoch=None)
        await self._carry_on(message, length)

    async def _wait_for_own(
        self, settled: Awaitable[None], message: Get | Keys, length: int
    ) -> None:
        """Answer once all that the connection pushed before is in the room."""
        await settled
        await self._carry_on(message, length)

    async def _carry_on(self, message: Get | Keys, length: int) -> None:
        if not self.outbox.closed:
            grants = self.guard.ask()
            if isinstance(grants, Grants):
                waiting = self._carry_out(message, (), length, grants)
                if waiting is not None:
                    await waiting
            else:
                await self._wait_for_grants(message, (), length, grants)

    async def _wait_to_follow(self, asked: Awaitable[Grants], credential: Credential) -> None:
        try:
            grants = await asked
        finally:
            self._asking_count -= 1
        if credential is not self.guard.credential:
            return  # it goes on with another one, which was asked by itself
        giving = self._follow(grants)
        if giving is not None:
            await giving

    async def _wait_for_validity(self, asked: Awaitable[bool], credential: Credential) -> None:
        good = await asked
        if self.outbox.closed or credential is not self.guard.credential:
            return
        if not good:
            self.expire()
            return
        following = self._review_less()
        if following is not None:
            await following

    def _review_less(self) -> Awaitable[None] | None:
        """Review it, unless everything is allowed as before: then there is nothing to tell."""
        was_unlimited = self._unlimited
        self.guard.review()
        self._unlimited = self.guard.unlimited
        return None if was_unlimited and self._unlimited else self.review()

    def _withhold(self, get: Get, refusal: Refusal) -> None:
        """Answer as if the key were empty, and remember what was asked for."""
        key = get.key
        self._charge_subscription(key)
        if get.epoch is not UNSET or get.presence:
            self._refuse(refusal)
        else:  # the answer doesn't say so, but the logs do
            self._refused(refusal)
        room, codec = self._room, self._codec
        if get.seq is not None:
            known = get.epoch is not UNSET
            epoch, seq = (room.sequencer.room.epoch, 0) if known else (None, None)
            self._send(codec.init(key, 0, epoch=epoch, seq=seq).whole(()))
        if get.presence:
            self._send(codec.presence_state(key, self.author.client, 0).whole(()))
        self._take_away(key)
        _keep(get, self._withheld)

    def _follow(self, grants: Grants) -> Awaitable[None] | None:
        """Hear what may be read, and nothing else; returns what to wait for."""
        self.guard.learn(grants)
        if self.outbox.closed:
            return None
        if grants is ENDED:
            self.expire()
            return None
        if not grants.reads_any:
            self._expel()
            return None
        for key, told in list(self._told_actions.items()):
            if grants.actions(key) != told:
                self._tell_actions(key, grants)
        gained = [key for key in self._withheld if grants.may_read(key)]
        for key in {**self._subscriptions, **self._cursors}:
            if not grants.may_read(key):
                self._mute(key)
        if not grants.unlimited:
            room, client = self._room, self.author.client
            room.presence.restrict(client, lambda key: grants.allows(PRESENCE, key))
        keys = {**dict.fromkeys(gained, False), **dict.fromkeys(self._muted or (), True)}
        self._muted = None
        return self._tell(keys)

    def _mute(self, key: str) -> None:
        self._take_away(key)
        if self._muted is None:  # which nearly all always are
            self._muted = []
        self._muted.append(key)

    def _take_away(self, key: str) -> None:
        """End a subscription, if there is one, and remember all that was asked for of its key."""
        part = self._cursors.get(key)
        if part is not None:
            _keep(part[0], self._subscriptions)
        get = self._subscriptions.get(key)
        if get is not None:
            self._withheld[key] = get
            self._end_subscription(key)

    def _tell(self, lost: dict[str, bool]) -> Awaitable[None] | None:
        """Say of each of these keys that it was lost, or answer what was withheld of it.

        Returns what to wait for.
        """
        keys = list(lost.items())
        self._tell_some(keys[:_KEYS_A_TURN])
        return self._tell_in_turns(keys[_KEYS_A_TURN:]) if len(keys) > _KEYS_A_TURN else None

    async def _tell_in_turns(self, keys: Sequence[tuple[str, bool]]) -> None:
        for first in range(0, len(keys), _KEYS_A_TURN):
            await self._room.turns.come()
            self._tell_some(keys[first : first + _KEYS_A_TURN])

    def _tell_some(self, keys: Sequence[tuple[str, bool]]) -> None:
        for key, is_lost in keys:
            get = self._withheld.get(key)  # none where it was given, ended, or the peer has left
            if get is None:
                continue
            missing = denial(self.guard.known, get)  # as of now
            if missing is not None:
                if is_lost and get.epoch is not UNSET:
                    self._refuse(missing)
                continue
            if get.epoch is not UNSET:
                get.epoch = None  # it was told that the key is empty, and knows nothing of it
            try:
                self._get(get)
            except Refusal as refusal:
                self._unsubscribe(key)
                self._refuse(refusal)

    def _tell_actions(self, key: str, grants: Grants) -> None:
        actions = self._told_actions[key] = grants.actions(key)
        self._send(self._codec.can(key, action_names(actions)))

    def _end_subscription(self, key: str) -> None:
        self._subscriptions.pop(key, None)
        self._cursors.pop(key, None)
        self._room.unsubscribe(key, self.outbox)

    def _get(self, get: Get) -> Awaitable[None] | None:
        # The subscription and what the room holds now belong together: nothing comes between.
        waiting: Awaitable[None] | None = None
        cursor = None
        room = self._room
        if get.seq is not None:
            check_readable(room.sequencer.room, get)
        self._charge_subscription(get.key)
        if get.seq is not None:
            _, before = self._cursors.pop(get.key, (None, None))
            listing, found, cursor = answer_to_get(self._codec, room.sequencer.room, get, before)
            waiting = room.put_init(self.outbox, self._codec, get.key, listing, found)
            if self.outbox.closed:
                return waiting  # it took too little of what waited before
        self._withheld.pop(get.key, None)
        if cursor is not None:
            self._cursors[get.key] = get, cursor
        else:
            _keep(get, self._subscriptions)
            room.subscribe(
                get.key,
                self.outbox,
                self._codec,
                stamps=get.stamps,
                held=get.held and get.epoch is not UNSET,
                with_client=self.client is not None,
            )
        if get.presence:
            _keep(get, self._subscriptions)
            room.subscribe_presence(get.key, self.outbox, self._codec)
            own = self.author.client
            waiting = room.put_presence_state(self.outbox, self._codec, get.key, own)
        return waiting

    def _charge_subscription(self, key: str) -> None:
        """Make room for a subscription, or for the cursor that comes before it."""
        if self._has_charged(key):
            return
        count, is_description = self._description_count, key.startswith(_META)
        if not is_description:
            of_keys = len(self._subscriptions) + len(self._cursors) + len(self._withheld)
            count = of_keys + len(self._told_actions) - count
        if count >= self._subscription_limit:
            what = "subscriptions to descriptions" if is_description else "subscriptions"
            raise QuotaExceeded(f"expected at most {self._subscription_limit} {what}, got one more")
        cost_bytes = cost_of_subscription(key)
        self._room.check_subscription(key, cost_bytes)
        self._room.subscriptions.add(cost_bytes)
        self._cost_bytes += cost_bytes
        self._description_count += is_description

    def _has_charged(self, key: str) -> bool:
        return (
            key in self._subscriptions
            or key in self._cursors
            or key in self._withheld
            or key in self._told_actions
        )

    def _unsubscribe(self, key: str) -> None:
        if not self._has_charged(key):
            return
        self._withheld.pop(key, None)
        self._told_actions.pop(key, None)
        self._end_subscription(key)
        cost_bytes = cost_of_subscription(key)
        self._room.subscriptions.add(-cost_bytes)
        self._cost_bytes -= cost_bytes
        self._description_count -= key.startswith(_META)

    def _end_rights(self) -> None:
        self.guard.end()
        self._unlimited = False

    def _expel(self) -> None:
        self._room.presence.forget(self.author.client)
        self.close(CLOSE_FORBIDDEN, "You have no permission to read this room.")

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


def _keep(get: Get, subscriptions: dict[str, Get]) -> None:
    """Remember what was asked for of a key, with what was asked for before."""
    before = subscriptions.get(get.key)
    if before is not None:
        get.stamps = get.stamps or before.stamps
        get.held = get.held or before.held
        get.presence = get.presence or before.presence
        get.epoch = before.epoch if get.epoch is UNSET else get.epoch
        if get.seq is None:
            get.seq, get.limit = before.seq, before.limit
    if get.epoch is not UNSET:
        get.epoch = None  # which takes no memory
    subscriptions[get.key] = get
