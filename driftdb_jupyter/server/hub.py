"""The hub: the rooms and peers of this process."""

from __future__ import annotations

import time

from tornado.ioloop import PeriodicCallback

from ..broker.broker import Broker
from ..protocol.frame import PING, frame
from .hosted_room import HostedRoom
from .outbox import Flusher
from .peer import CLOSE_STOPPING, Peer
from .settings import DriftDB

__all__ = ["Hub"]

CLOSE_SILENT = 1011
_PING = frame(PING, b"")
_EXPIRY_INTERVAL_SECONDS = 600


class Hub:
    """Opens rooms at the broker for those who come, and knows who is connected.

    Make, :meth:`start` and use it on one event loop.
    """

    def __init__(self, broker: Broker, settings: DriftDB) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.flusher = Flusher()
        self._broker = broker
        self._rooms: dict[str, HostedRoom] = {}
        self._peers: dict[Peer, HostedRoom] = {}
        self._timers: list[PeriodicCallback] = []

    @property
    def room_count(self) -> int:
        """How many rooms were opened here."""
        return len(self._rooms)

    @property
    def peer_count(self) -> int:
        """How many connections there are."""
        return len(self._peers)

    @property
    def newest(self) -> int:
        """The sum of all sequence numbers: it grows with every push."""
        return sum(hosted.sequencer.room.seq for hosted in self._rooms.values())

    def start(self) -> None:
        """Begin to look after the connections."""
        interval = self.settings.ping_interval_seconds
        if interval:
            self._timers.append(PeriodicCallback(self.check_signs_of_life, interval * 1000))
        self._timers.append(PeriodicCallback(self.expire, _EXPIRY_INTERVAL_SECONDS * 1000))
        for timer in self._timers:
            timer.start()

    async def create(self, name: str) -> None:
        """Make a room of that name, unless there is one.

        Raises :class:`~..protocol.errors.QuotaExceeded` where no more rooms are allowed.
        """
        await self._broker.create(name)

    async def open(self, name: str) -> HostedRoom | None:
        """The room of that name, ``None`` where there is none."""
        hosted = self._rooms.get(name)
        if hosted is None:
            hosted = HostedRoom(name, self.flusher)
            sequencer = await self._broker.open(name, hosted)
            if sequencer is None:
                return None
            hosted.sequencer = sequencer
            self._rooms[name] = hosted
        return hosted

    def join(self, peer: Peer, hosted: HostedRoom) -> None:
        """A peer has connected to a room."""
        self._peers[peer] = hosted
        if peer.client is not None:
            self.client_joined(hosted, peer.client)

    def leave(self, peer: Peer) -> None:
        """A peer's connection has ended."""
        hosted = self._peers.pop(peer)
        peer.left()
        if peer.client is not None:
            self.client_left(hosted, peer.client)

    def client_joined(self, hosted: HostedRoom, client: str) -> None:
        """A client with a secret has come; its pushes are remembered while it is there."""
        hosted.sequencer.producers.joined(client)

    def client_left(self, hosted: HostedRoom, client: str) -> None:
        """End what :meth:`client_joined` began; from now on they are remembered for a while."""
        hosted.sequencer.producers.left(client, now=time.time())

    def check_signs_of_life(self) -> None:
        """Close the peers that were silent since the last time, and ask the others."""
        for peer in list(self._peers):
            if peer.heard:
                peer.heard = False
                peer.outbox.put(_PING)
            else:
                peer.close(CLOSE_SILENT, "no answer to a ping")

    def expire(self) -> None:
        """Forget what is older than the settings say."""
        before = time.time() - self.settings.producer_retention_seconds
        for hosted in self._rooms.values():
            hosted.sequencer.producers.expire(before=before)

    async def stop(self) -> None:
        """Say goodbye to all peers (close code 1001), and end."""
        for timer in self._timers:
            timer.stop()
        for peer in list(self._peers):
            peer.close(CLOSE_STOPPING, "the server is stopping")
        await self._broker.close()
