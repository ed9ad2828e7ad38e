"""The hub: the rooms and peers of this process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from itertools import takewhile

from ..broker.broker import Broker
from ..broker.memory_presence import MemoryPresence
from ..protocol.errors import QuotaExceeded
from ..protocol.frame import PING, frame
from ..rooms.memory_cost import HOSTED_ROOM_COST_BYTES
from ..rooms.presence import Presence
from .backlog import Backlog
from .callers import Caller, Callers
from .close_codes import CLOSE_SILENT, CLOSE_STOPPING
from .event_log import EventLog
from .hosted_room import HostedRoom
from .incomplete import Incomplete
from .outbox import Flusher
from .peer import Peer
from .periodic import Periodic
from .reclaim import Reclaimer
from .settings import DriftDB
from .unwritten import Unwritten
from .watchers import Pace

__all__ = ["Hub"]

_PING = frame(PING, b"")
_TIDY_INTERVAL_SECONDS = 1
_WINDOW_INTERVAL_SECONDS = 10
_EXPIRY_INTERVAL_SECONDS = 600


class Hub:
    """Opens rooms at the broker for those who come, and knows who is connected.

    A room is opened when it is first asked for, and left when nobody has used it for a while.
    Make, :meth:`start` and use it on one event loop. ``memory`` is the budget of all that the
    server holds. ``events`` is told what happens, and ``expired`` the names of rooms that are no
    more because nobody used them.
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
        self.memory = broker.memory
        self.settings = settings
        self.limits = settings.limits
        self.flusher = Flusher()
        self.incomplete = Incomplete(
            max(settings.incomplete_limit_bytes, settings.limits.frame_bytes)
        )
        self.backlog = Backlog(
            self.memory,
            limit_bytes=settings.backlog_limit_bytes,
            minimum_bytes_per_second=settings.read_minimum_bytes_per_second,
            grace_seconds=settings.read_grace_seconds,
        )
        self.pace = Pace()
        self.events = events or EventLog(logging.getLogger(__name__))
        self._expired = expired
        self._rooms: dict[str, HostedRoom] = {}
        self._peers: dict[Peer, HostedRoom] = {}
        self._timers: list[Periodic] = []
        # Rooms that are about to be opened, and such that are about to be left or deleted: who
        # asks for one meanwhile waits for that.
        self._opening: dict[str, asyncio.Task[bool]] = {}
        self._leaving: dict[str, asyncio.Task[bool]] = {}
        # Since when nobody uses them, the longest first.
        self._idle: dict[HostedRoom, float] = {}
        self._absent: set[HostedRoom] = set()  # where clients left, and are still shown
        self._asking: set[asyncio.Future[None]] = set()  # for the right to read
        self.callers = Callers(settings)
        self.peer_limit = settings.peer_limit
        self._seats = 0
        self.unwritten_requests = self.new_unwritten()
        self._left_seqs = 0
        self._reclaimer = Reclaimer(self.memory, leave_idle=self.relieve_memory)
        self._trouble: str | None = None

    @property
    def room_count(self) -> int:
        """How many rooms are open here."""
        return len(self._rooms)

    @property
    def peer_count(self) -> int:
        """How many connections there are."""
        return len(self._peers)

    def peers_in(self, hosted: HostedRoom) -> int:
        """How many connections there are to a room."""
        return sum(room is hosted for room in self._peers.values())

    @property
    def newest(self) -> int:
        """A number that grows with every push."""
        return self._left_seqs + sum(hosted.sequencer.room.seq for hosted in self._rooms.values())

    def start(self) -> None:
        """Begin to look after rooms and connections."""
        for work, seconds in (
            (self.tidy, _TIDY_INTERVAL_SECONDS),
            (self.expire_windows, _WINDOW_INTERVAL_SECONDS),
            (self.expire, _EXPIRY_INTERVAL_SECONDS),
            (self.check_signs_of_life, self.settings.ping_interval_seconds),
        ):
            if seconds:
                self._timers.append(Periodic(work, seconds))
        for timer in self._timers:
            timer.start()
        self._reclaimer.start()
        self._report_trouble()

    async def create(self, name: str) -> None:
        """Make a room of that name, unless there is one.

        Raises :class:`~..protocol.errors.QuotaExceeded` where no more rooms are allowed, and
        :class:`~..protocol.errors.Unavailable` where none can be made at the moment.
        """
        await self.broker.create(name)

    async def has(self, name: str) -> bool:
        """Whether there is a room of that name; it is not opened for that.

        Raises :class:`~..protocol.errors.Unavailable` where that can't be read at the moment.
        """
        while task := self._leaving.get(name):
            await asyncio.wait([task])
        return name in self._rooms or await self.broker.has(name)

    def find(self, name: str) -> HostedRoom | None:
        """The room of that name if it is open here; it is not opened for that."""
        return self._rooms.get(name)

    async def open(self, name: str) -> HostedRoom | None:
        """The room of that name, ``None`` where there is none.

        It stays open at least until the caller awaits something else; :meth:`enter` it to keep it.
        Raises :class:`~..protocol.errors.Unavailable` where it can't be read at the moment.
        """
        while (hosted := self._rooms.get(name)) is None or name in self._leaving:
            opening = self._opening.get(name)
            if opening is None:
                opening = self._opening[name] = asyncio.create_task(self._open(name))
            if not await asyncio.shield(opening):
                return None
        return hosted

    async def delete(self, name: str) -> bool:
        """Delete a room, and tell whether there was one; who is in it is told (4404).

        Raises :class:`~..protocol.errors.Unavailable` where it can't be deleted at the moment: it
        stays as it is, and so does who is in it.
        """
        while task := self._opening.get(name) or self._leaving.get(name):
            await asyncio.wait([task])
        deleting = self._leaving[name] = asyncio.create_task(self._delete(name))
        return await asyncio.shield(deleting)

    def enter(self, hosted: HostedRoom) -> None:
        """A connection or request uses a room: it stays open."""
        hosted.users += 1
        self._idle.pop(hosted, None)

    def exit(self, hosted: HostedRoom) -> None:
        """End what :meth:`enter` began."""
        hosted.users -= 1
        if not hosted.users and self._rooms.get(hosted.name) is hosted:
            self._idle[hosted] = time.monotonic()

    def join(self, peer: Peer, hosted: HostedRoom) -> None:
        """A peer has connected to a room."""
        self.enter(hosted)
        self._peers[peer] = hosted
        if peer.client is not None:
            self.client_joined(hosted, peer.client)
            hosted.presence.joined(peer.author.client)

    def leave(self, peer: Peer, *, for_good: bool = False) -> None:
        """A peer's connection has ended; ``for_good``: it said that it does not come back."""
        hosted = self._peers.pop(peer)
        peer.left()
        if peer.client is None:
            hosted.presence.forget(peer.author.client)
        else:
            self.client_left(hosted, peer.client)
            hosted.presence.left(peer.author.client, for_good=for_good)
            if hosted.presence.leaving:
                self._absent.add(hosted)
        self.exit(hosted)

    def client_joined(self, hosted: HostedRoom, client: str) -> None:
        """A client with a secret has come; its pushes are remembered while it is there."""
        hosted.sequencer.joined(client)

    def client_left(self, hosted: HostedRoom, client: str) -> None:
        """End what :meth:`client_joined` began; from now on they are remembered for a while."""
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
        """What bounds how much of a new connection waits for the journal."""
        return Unwritten(
            limit_count=self.settings.unwritten_limit_count,
            limit_bytes=self.settings.unwritten_limit_bytes,
        )

    def check_signs_of_life(self) -> None:
        """Close the peers that were silent since the last time, and ask the others.

        A ping queues behind what waits for a peer, here or in the kernel, so its silence says
        nothing as long as it goes on taking that; while something waits here, the backlog holds it
        to a minimum. Peers that may no longer read are closed, too.
        """
        for peer in list(self._peers):
            if peer.outbox.waits:
                peer.heard = True
            elif not (peer.heard or peer.held or peer.outbox.progresses()):
                peer.close(CLOSE_SILENT, "no answer to a ping")
                continue
            else:
                peer.heard = False
                peer.outbox.put(_PING)
            asking = peer.ask_access()
            if asking is not None:
                task = asyncio.ensure_future(asking)
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    def tidy(self) -> None:
        """Let those go who left and did not come back, leave idle rooms, report trouble."""
        now = time.monotonic()
        for hosted in list(self._absent):
            hosted.presence.expire()
            if not hosted.presence.leaving:
                self._absent.remove(hosted)
        until = now - self.settings.room_idle_seconds
        for hosted in list(takewhile(lambda room: self._idle[room] <= until, self._idle)):
            self._leave_idle(hosted)
        self.callers.tidy()
        self.events.tidy()
        self.broker.look()
        self.backlog.check()
        if self.broker.trouble is not None:
            for peer in self._peers:
                peer.release()
        self._report_trouble()

    def relieve_memory(self) -> None:
        """Leave idle rooms that are kept elsewhere, the longest unused first, until enough is free.

        Enough is when the budget of memory is no longer tight.
        """
        if self.broker.journal is None:
            return
        expected = self.memory.used_bytes
        for hosted in list(self._idle):
            if not self.memory.is_tight_at(expected):
                break
            if self._leave_idle(hosted):
                expected -= hosted.sequencer.room.cost_bytes

    def _leave_idle(self, hosted: HostedRoom) -> bool:
        if hosted in self._absent or hosted.name in self._leaving:
            return False
        self._put_away(hosted)
        self._leaving[hosted.name] = asyncio.create_task(self._leave(hosted.name))
        return True

    def _report_trouble(self) -> None:
        if self.broker.trouble != self._trouble:
            self._trouble = self.broker.trouble
            if self._trouble:
                self.events.log.error("DriftDB: %s", self._trouble)
            else:
                self.events.log.info("DriftDB: all is well again")

    def expire_windows(self) -> None:
        """Forget the pushes that are too old to be asked for."""
        now = time.time()
        for hosted in self._rooms.values():
            window = hosted.sequencer.room.window
            if window is not None:
                window.expire(now=now)

    async def expire(self) -> None:
        """Forget clients and rooms that were not seen for as long as the settings say."""
        names = await self.broker.expire(
            room_seconds=self.settings.room_retention_seconds,
            client_seconds=self.settings.producer_retention_seconds,
        )
        if names:
            self._expired(names)
            self.events.expired(names)

    async def stop(self) -> None:
        """Say goodbye to all peers (close code 1001), and end."""
        for timer in self._timers:
            timer.stop()
        for peer in list(self._peers):
            peer.close(CLOSE_STOPPING, "the server is stopping")
        tasks: list[Awaitable[object]] = [*self._opening.values(), *self._leaving.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.broker.close()
        self._reclaimer.stop()
        self.events.end()

    async def _open(self, name: str) -> bool:
        try:
            while name in self._leaving:
                await asyncio.wait([self._leaving[name]])
            if name in self._rooms:  # it was not deleted after all
                return True
            hosted = HostedRoom(
                name, self.flusher, ended=self._ended, backlog=self.backlog, pace=self.pace
            )
            hosted.presence = MemoryPresence(
                Presence(limits=self.settings.presence_limits, memory=self.memory),
                hosted,
                grace_seconds=self.settings.presence_grace_seconds,
            )
            sequencer = await self.broker.open(name, hosted)
            if sequencer is None:
                return False
            if not hosted.has_ended:  # else it did so at once, and is asked for again
                hosted.sequencer = sequencer
                self._rooms[name] = hosted
                self.memory.charge(HOSTED_ROOM_COST_BYTES)
                self._idle[hosted] = time.monotonic()
                self._left_seqs -= sequencer.room.seq
            return True
        finally:
            del self._opening[name]

    def _put_away(self, hosted: HostedRoom) -> None:
        del self._rooms[hosted.name]
        self.memory.release(HOSTED_ROOM_COST_BYTES)
        hosted.presence.close()
        self._idle.pop(hosted, None)
        self._absent.discard(hosted)
        self._left_seqs += hosted.sequencer.room.seq

    async def _leave(self, name: str) -> bool:
        try:
            await self.broker.leave(name)
            return True
        finally:
            del self._leaving[name]

    async def _delete(self, name: str) -> bool:
        try:
            there = await self.broker.delete(name)
            if there:
                self.events.deleted(name)
            return there
        finally:
            del self._leaving[name]

    def _ended(self, hosted: HostedRoom, code: int, reason: str) -> None:
        """Let go of a room that the broker has ended, and close those who are in it."""
        if self._rooms.get(hosted.name) is hosted:
            self._put_away(hosted)
        for peer in [peer for peer, room in self._peers.items() if room is hosted]:
            try:
                peer.close(code, reason)
            except Exception:
                self.events.log.exception("A connection to a room that has ended can't be closed")
