"""The hub: the rooms and peers of this process."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from ...access.credential import Credential, Guest
from ...access.read_policies import read_policies
from ...broker.broker import Broker
from ...protocol.errors import QuotaExceeded
from ...protocol.frame import PING, frame
from ..limits.callers import Caller, Callers
from ..limits.floods import Floods
from ..limits.incomplete import Incomplete
from ..limits.malformed import Malformed
from ..limits.others import Others
from ..limits.people import People
from ..limits.room_rates import RoomRates
from ..process.durations import Durations
from ..process.ending import within
from ..process.event_log import EventLog
from ..process.periodic import Periodic
from ..sending.backlog import Backlog
from ..sending.close_codes import CLOSE_SILENT, CLOSE_STOPPING
from ..sending.outbox import Flusher
from ..sending.traffic import Traffic
from ..sending.turns import Turns
from ..settings import DriftDB
from .carried import Carried, TokenMaker
from .hosted_room import HostedRoom
from .links import Links
from .open_rooms import OpenRooms
from .peer import Peer
from .reclaim import Reclaimer
from .subscriptions import Subscriptions
from .tickets import SharedTickets, Tickets
from .unwritten import Unwritten
from .watchers import Pace

__all__ = ["Hub"]

T = TypeVar("T")

# From an authorizer that looks into a dictionary to one that asks another machine.
_AUTHORIZER_BOUNDS_SECONDS = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0)
_PING = frame(PING, b"")
_TIDY_INTERVAL_SECONDS = 1
_WINDOW_INTERVAL_SECONDS = 10
_EXPIRY_INTERVAL_SECONDS = 600
# The part of stop_timeout_seconds that rooms which are being opened or left may take.
_SETTLING_PART = 3


class Hub:
    """Registry of the open rooms and connected peers of this process, and of what bounds them.

    Make, :meth:`start` and use it on one event loop. ``rooms`` are the open rooms, ``memory`` is
    the budget of all that the server holds, ``events`` is told what happens, and ``expired`` is
    called with the names of rooms that were deleted because nobody used them. ``authorizer``:
    how long another server's authorizer takes for each answer.
    """

    def __init__(
        self,
        broker: Broker,
        settings: DriftDB,
        *,
        events: EventLog | None = None,
        expired: Callable[[list[str]], object] = lambda names: None,
    ) -> None:
        self.broker = broker
        read_policies.limit_bytes = settings.policy_cache_limit_bytes
        self.memory = broker.memory
        self.settings = settings
        self.limits = settings.limits
        self.traffic = Traffic()
        self.authorizer = Durations(_AUTHORIZER_BOUNDS_SECONDS)
        self.flusher = Flusher(self.traffic)
        others = Others()
        self.floods = Floods(self.flusher.flush_some, others=others)
        self.malformed = Malformed(settings.malformed_limit_per_second)
        self.incomplete = Incomplete(
            max(settings.incomplete_limit_bytes, settings.limits.frame_bytes)
        )
        self.backlog = Backlog(
            self.memory,
            limit_bytes=settings.backlog_limit_bytes,
            minimum_bytes_per_second=settings.read_minimum_bytes_per_second,
            grace_seconds=settings.read_grace_seconds,
            turns=Turns(pause=others.pause),
        )
        self.pace = Pace()
        self.subscriptions = Subscriptions(
            self.memory, limit_bytes=settings.subscription_limit_bytes
        )
        self.events = events or EventLog(logging.getLogger(__name__))
        self.rooms = OpenRooms(
            broker,
            host=self._host,
            events=self.events,
            idle_seconds=settings.room_idle_seconds,
            turns=self.backlog.turns,
        )
        self._expired = expired
        self._peers: dict[Peer, HostedRoom] = {}
        self._timers: list[Periodic] = []
        self._asking: set[asyncio.Future[None]] = set()  # whether credentials are good
        self._expiries: dict[Peer, float] = {}
        self._notices: dict[Peer, float] = {}  # when each is told that it will be closed
        self._next_expiry = math.inf
        self._unreviewed: dict[HostedRoom, dict[Peer, None]] = {}  # who may do other things now
        self._asked: dict[HostedRoom, dict[Peer, asyncio.Future[None]]] = {}  # and waits to be told
        self._muting = False
        self.callers = Callers(settings)
        self.people = People(settings, shared=broker.shared)
        self.access_changes = RoomRates(
            settings.access_change_limit_per_second, settings.access_change_limit_burst
        )
        self.tickets: Tickets | SharedTickets = Tickets(
            settings.ticket_lifetime_seconds, settings.ticket_limit, settings.address_ticket_limit
        )
        self.links = Links(self.rooms, self.events.audit, credentials=self.credentials_in)
        self.peer_limit = settings.peer_limit
        self._seats = 0
        self.unwritten_requests = self.new_unwritten()
        self._reclaimer = Reclaimer(self.memory, leave_idle=self.rooms.relieve_memory)
        self._trouble: str | None = None

    def share_tickets(self, *, guest: Guest | None, token: TokenMaker | None) -> None:
        """Have tickets good at all servers that share the rooms (see :class:`.Carried`)."""
        shared = self.broker.shared
        if shared is not None and isinstance(self.tickets, Tickets):
            carried = Carried(guest=guest, token=token, access=self.rooms.access)
            self.tickets = SharedTickets(self.tickets, shared, carried)

    @property
    def bytes_sent(self) -> int:
        """The number of bytes that the sockets of all connections have taken so far."""
        return self.traffic.bytes_sent + sum(peer.outbox.bytes_sent for peer in self._peers)

    @property
    def peer_count(self) -> int:
        """The number of connections."""
        return len(self._peers)

    def peers_in(self, hosted: HostedRoom) -> int:
        """Return the number of connections to a room."""
        return sum(room is hosted for room in self._peers.values())

    def credentials_in(self, name: str) -> Iterator[Credential]:
        """Iterate over the credentials of the connections to the room of a name."""
        for peer, hosted in self._peers.items():
            if hosted.name == name:
                yield peer.guard.credential

    def start(self) -> None:
        """Start the timers."""
        for work, seconds in (
            (self.tidy, _TIDY_INTERVAL_SECONDS),
            (self.expire_windows, _WINDOW_INTERVAL_SECONDS),
            (self.expire, _EXPIRY_INTERVAL_SECONDS),
            (self.check_signs_of_life, self.settings.ping_interval_seconds),
            (self.check_credentials, self.settings.credential_check_seconds),
        ):
            if seconds:
                self._timers.append(Periodic(work, seconds))
        for timer in self._timers:
            timer.start()
        self._reclaimer.start()
        self._report_trouble()

    def join(self, peer: Peer, hosted: HostedRoom) -> None:
        """Register a peer that has connected to a room."""
        self.rooms.enter(hosted)
        self._peers[peer] = hosted
        if peer.client is not None:
            self.client_joined(hosted, peer.client)
            hosted.presence.joined(peer.author.client)
        self.renewed(peer)

    def leave(self, peer: Peer, *, for_good: bool = False) -> None:
        """Remove a peer whose connection has ended; ``for_good``: it will not come back."""
        hosted = self._peers.pop(peer)
        self._unreviewed.get(hosted, {}).pop(peer, None)
        self._asked.get(hosted, {}).pop(peer, None)
        self.traffic.bytes_sent += peer.outbox.bytes_sent
        self._expiries.pop(peer, None)
        self._notices.pop(peer, None)
        peer.left()
        if peer.client is None:
            hosted.presence.forget(peer.author.client)
        else:
            self.client_left(hosted, peer.client)
            hosted.presence.left(peer.author.client, for_good=for_good)
            self.rooms.keep_presences(hosted)
        self.rooms.exit(hosted)

    def client_joined(self, hosted: HostedRoom, client: str) -> None:
        """Remember the pushes of a client with a secret while it is connected."""
        hosted.sequencer.joined(client)

    def client_left(self, hosted: HostedRoom, client: str) -> None:
        """End what :meth:`client_joined` began: from now on they are remembered for a while."""
        hosted.sequencer.left(client)

    def take_seat(self, caller: Caller) -> None:
        """Count a connection that is about to be opened, until :meth:`leave_seat`.

        Raises :class:`~..protocol.errors.QuotaExceeded` where there are as many as may be, in all
        or of that address.
        """
        if self._seats >= self.peer_limit:
            raise QuotaExceeded(f"expected at most {self.peer_limit} connections, got one more")
        caller.enter()
        self._seats += 1

    def leave_seat(self, caller: Caller) -> None:
        """End what :meth:`take_seat` began."""
        caller.leave()
        self._seats -= 1

    def new_unwritten(self) -> Unwritten:
        """Return the bound on what waits for the journal of a new connection."""
        return Unwritten(
            limit_count=self.settings.unwritten_limit_count,
            limit_bytes=self.settings.unwritten_limit_bytes,
            memory=self.memory,
        )

    def check_signs_of_life(self) -> asyncio.Future[None]:
        """Close the peers that were silent since the last time, and ask the others.

        A ping queues behind what waits for a peer, here or in the kernel, so its silence says
        nothing as long as it goes on taking that; while something waits here, the backlog holds it
        to a minimum. They are looked at one after the other, a few milliseconds of the loop at a
        time. Returns what to wait for: a check that began before that would find peers silent that
        were asked a moment ago.
        """
        return self._act_in_turns(list(self._peers), self._check_sign_of_life)

    @staticmethod
    def _check_sign_of_life(peer: Peer) -> None:
        outbox = peer.outbox
        if outbox.waits:
            peer.heard = True
        elif peer.heard or peer.held or outbox.progresses():
            peer.heard = False
            outbox.put(_PING)
            outbox.flush()  # in this turn, or those of all would be written at the end of the tick
        else:
            peer.close(CLOSE_SILENT, "no answer to a ping")

    def check_credentials(self) -> asyncio.Future[None]:
        """Ask whether the credentials of all peers are still good, and act on what they allow.

        Whose isn't is closed with 4401, and who may read nothing any more with 4403. They are asked
        one after the other, a few milliseconds of the loop at a time. Returns what to wait for
        until all have been asked.
        """
        return self._act_in_turns(list(self._peers), Peer.revalidate)

    def renewed(self, peer: Peer) -> None:
        """Note when the credential of a peer ends, which it joined with or was renewed by."""
        expires_at = peer.guard.credential.expires_at
        if expires_at is None:
            self._expiries.pop(peer, None)
            self._notices.pop(peer, None)
        else:
            left = max(0.0, expires_at - time.time())
            notice = min(self.settings.expiry_notice_seconds, left / 2)
            self._expiries[peer] = expires_at
            self._notices[peer] = expires_at - notice
            self._next_expiry = min(self._next_expiry, expires_at - notice)

    def expire_credentials(self) -> None:
        """Close the peers whose credential has ended (4401), and tell those whose soon will."""
        now = time.time()
        if now < self._next_expiry:
            return
        noticed = [peer for peer, notice_at in self._notices.items() if notice_at <= now]
        for peer in noticed:
            del self._notices[peer]
        self._act_in_turns(noticed, self._tell_expiry)
        ended = [peer for peer, expires_at in self._expiries.items() if expires_at <= now]
        for peer in ended:
            del self._expiries[peer]
        self._act_in_turns(ended, self._expire)
        due = (*self._notices.values(), *self._expiries.values())
        self._next_expiry = min(due, default=math.inf)

    def tidy(self) -> None:
        """Do the work of each second: let go of what is unused, and report trouble."""
        self.rooms.tidy()
        self.expire_credentials()
        self.tickets.forget_old()
        self.callers.tidy()
        self.people.tidy()
        self.access_changes.tidy()
        self.events.tidy()
        self.broker.look()
        self.backlog.check()
        if self.broker.trouble is not None:
            for peer in self._peers:
                peer.release()
        self._report_trouble()

    def _report_trouble(self) -> None:
        if not self.broker.keeps and self.broker.trouble != self._trouble:
            self._trouble = self.broker.trouble
            if self._trouble:
                self.events.log.error("DriftDB: %s", self._trouble)
            else:
                self.events.log.info("DriftDB: all is well again")

    def expire_windows(self) -> asyncio.Future[None]:
        """Forget the pushes that are too old to be recovered, of one room after the other.

        Returns what to wait for until all have been looked at.
        """
        return self._in_turns(list(self.rooms), self._expire_window)

    @staticmethod
    def _expire_window(hosted: HostedRoom) -> None:
        window = hosted.sequencer.room.window
        if window is not None:
            window.expire(now=time.time())

    async def expire(self) -> None:
        """Delete rooms and forget clients that were unused for as long as the settings say."""
        names = await self.broker.expire(
            room_seconds=self.settings.room_retention_seconds,
            client_seconds=self.settings.producer_retention_seconds,
        )
        if names:
            self._expired(names)
            self.events.expired(names)

    async def stop(self) -> None:
        """Close all peers with 1001, and the broker; takes no longer than the settings allow."""
        for timer in self._timers:
            timer.stop()
        for peer in list(self._peers):
            self._close_peer(peer, CLOSE_STOPPING, "the server is stopping")
        patience, log = self.settings.stop_timeout_seconds, self.events.log
        await within(patience / _SETTLING_PART, self.rooms.settle(), "leaving rooms", log)
        await within(patience, self.broker.close(), "keeping what is to be kept", log)
        self._reclaimer.stop()
        self.events.end()

    def _host(self, name: str) -> HostedRoom:
        hosted = HostedRoom(
            name,
            self.flusher,
            ended=self._ended,
            access_changed=self._access_changed,
            backlog=self.backlog,
            pace=self.pace,
            subscriptions=self.subscriptions,
        )
        hosted.presence = self.broker.presence(
            name,
            hosted,
            limits=self.settings.presence_limits,
            grace_seconds=self.settings.presence_grace_seconds,
        )
        return hosted

    def _access_changed(self, hosted: HostedRoom) -> None:
        """Let the peers of a room do what they may do now, and nothing else.

        That holds at once. They are told one after the other, a few milliseconds of the loop at a
        time; until then each message of the room finds out first who may no longer have it.
        """
        self.flusher.flush()
        peers = [peer for peer, room in self._peers.items() if room is hosted]
        if not peers:
            return
        unreviewed = self._unreviewed.get(hosted)
        if unreviewed is None:
            unreviewed = self._unreviewed[hosted] = {}
            self.backlog.turns.wait(partial(self._review_next, hosted))
        for peer in peers:
            peer.outdate()
            unreviewed[peer] = None
        hosted.mute = partial(self._mute, hosted)

    def _review_next(self, hosted: HostedRoom) -> None:
        unreviewed = self._unreviewed[hosted]
        if unreviewed:
            self.backlog.turns.wait(partial(self._review_next, hosted))
            self._review(hosted, next(iter(unreviewed)))
        else:
            del self._unreviewed[hosted]
            self._end_muting(hosted)

    def _review(self, hosted: HostedRoom, peer: Peer) -> None:
        del self._unreviewed[hosted][peer]
        asking = self._act(peer, peer.review)
        if asking is not None and peer.is_asking:
            self._asked.setdefault(hosted, {})[peer] = asking
            asking.add_done_callback(partial(self._answered, hosted, peer))

    def _answered(self, hosted: HostedRoom, peer: Peer, asking: asyncio.Future[None]) -> None:
        asked = self._asked.get(hosted, {})
        if asked.get(peer) is asking:  # else it was asked about another change meanwhile
            del asked[peer]
        self._end_muting(hosted)

    def _end_muting(self, hosted: HostedRoom) -> None:
        if not self._asked.get(hosted):
            self._asked.pop(hosted, None)
            if hosted not in self._unreviewed:
                hosted.mute = None

    def _mute(self, hosted: HostedRoom, key: str) -> None:
        """Keep news of a key from those who were not told yet that they may not hear them.

        Among them are those of whom others have yet to say whether they may.
        """
        asking, self._muting = not self._muting, True
        unreviewed = self._unreviewed.get(hosted, {})
        try:
            for peer in list(unreviewed):
                if not self._mute_peer(peer, key, asking=asking) and peer in unreviewed:
                    self._review(hosted, peer)
            for peer in list(self._asked.get(hosted, ())):
                if peer.is_asking:
                    self._mute_peer(peer, key, asking=False)
        finally:
            self._muting = not asking

    def _mute_peer(self, peer: Peer, key: str, *, asking: bool) -> bool:
        try:
            return peer.mute(key, asking=asking)
        except Exception:
            self._fail(peer)
            return True

    def _act_in_turns(
        self, peers: list[Peer], action: Callable[[Peer], Awaitable[None] | None]
    ) -> asyncio.Future[None]:
        """Have those peers act that are still there, each in a turn of its own."""

        def act(peer: Peer) -> None:
            if peer in self._peers:
                self._act(peer, partial(action, peer))

        return self._in_turns(peers, act)

    def _in_turns(self, things: Iterable[T], action: Callable[[T], object]) -> asyncio.Future[None]:
        """Do something to one thing after the other, each in a turn of its own.

        Returns a future that is done when it was done to all.
        """
        left = iter(things)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go_on() -> None:
            for thing in left:
                self.backlog.turns.wait(go_on)
                action(thing)
                return
            if not done.done():
                done.set_result(None)

        go_on()
        return done

    def _tell_expiry(self, peer: Peer) -> None:
        expires_at = self._expiries.get(peer)
        if expires_at is None or peer in self._notices:
            return  # it has ended, or was renewed meanwhile
        left = expires_at - time.time()
        if left > self.settings.expiry_notice_seconds:  # the clock was set back
            self.renewed(peer)
        elif left > 0:
            peer.tell_expiry(left)

    def _expire(self, peer: Peer) -> None:
        expires_at = peer.guard.credential.expires_at
        if expires_at is not None and expires_at <= time.time():
            peer.expire()
        else:  # it was renewed meanwhile, or the clock was set back
            self.renewed(peer)

    def _act(
        self, peer: Peer, action: Callable[[], Awaitable[None] | None]
    ) -> asyncio.Future[None] | None:
        """Have a peer act on what it may do, and go on with the others where that fails.

        It may do nothing more then, and is closed. Returns what to wait for.
        """
        try:
            asking = action()
        except Exception:
            self._fail(peer)
            return None
        if asking is None:
            return None
        task = asyncio.ensure_future(asking)
        self.backlog.turns.end()  # what it does comes after this turn
        self._asking.add(task)
        task.add_done_callback(partial(self._acted, peer))
        return task

    def _acted(self, peer: Peer, task: asyncio.Future[None]) -> None:
        self._asking.discard(task)
        if task.cancelled():
            return
        try:
            task.result()
        except Exception:
            self._fail(peer)

    def _fail(self, peer: Peer) -> None:
        try:
            peer.fail()  # before the log, which may fail as well
        except Exception:
            self.events.log.exception("A connection can't be closed")
        self.events.log.exception("What a connection may do can't be told; it is closed")

    def _ended(self, hosted: HostedRoom, code: int, reason: str) -> None:
        """Let go of a room that the broker has ended, and close its peers."""
        self.rooms.put_away(hosted)
        peers = [peer for peer, room in self._peers.items() if room is hosted]
        self.flusher.flush()
        for peer in peers:
            peer.left()  # from now on it is told nothing, and nothing of it is taken
        for peer in peers:
            self.backlog.turns.wait(partial(self._close_peer, peer, code, reason))

    def _close_peer(self, peer: Peer, code: int, reason: str) -> None:
        if peer not in self._peers:
            return
        try:
            peer.close(code, reason)
        except Exception:
            self.events.log.exception("A connection can't be closed")
