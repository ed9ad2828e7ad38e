"""A client whose session and heartbeat are the real ones."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import Any

from driftdb_jupyter.client.session import messages
from driftdb_jupyter.client.session.log import (
    Compacted,
    Follower,
    Heard,
    LogReplica,
    StartedOver,
)
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.transport.heartbeat import Heartbeat
from driftdb_jupyter.protocol.errors import QueueFull, Uncertain

from .kinds import KINDS
from .server import IDS_REMEMBERED, Link, Server

__all__ = ["Client"]

QUEUE_LIMIT_COUNT = 12


class _SmallPushes(Pushes):
    """Pushes with a window as narrow as the server's memory of ids."""

    widest_window = IDS_REMEMBERED
    narrowest_window = 1


class Client:
    """A session, and the link that it has to the server, if any."""

    def __init__(self, number: int, server: Server) -> None:
        self.server = server
        pushes = _SmallPushes(queue_limit_count=QUEUE_LIMIT_COUNT)
        self.session = Session(secret=f"client-{number}", pushes=pushes, page=2)
        self.heartbeat = Heartbeat(interval_seconds=20, now=server.now, wall=server.now)
        self.link: Link | None = None
        self.replicas: dict[str, Any] = {}
        self.written: dict[str, list[str]] = {key: [] for key in KINDS}
        """The marks of what was written to each key."""
        self.uncertain: set[str] = set()
        """Those of which the client was told that nobody knows."""
        self.there: dict[str, bytes] = {}
        """With what it is there under a key."""
        self._number = number
        self._cbor = number == 1  # so that both encodings meet in each room
        self._count = 0
        self._followers: dict[str, Follower] = {}
        self._positions: dict[str, int | None] = defaultdict(lambda: None)
        for key in KINDS:
            self.join(key)

    def join(self, key: str) -> None:
        """Take part in a key, anew where that was so already."""
        if key not in self.replicas or KINDS[key].forget(self.session, key):
            self.there.pop(key, None)
            self.replicas[key] = KINDS[key].join(self.session, key)
            self._positions.pop(key, None)
            if isinstance(self.replicas[key], LogReplica):
                self._followers[key] = self.replicas[key].follow()
            self.pump()

    def write(self, key: str) -> None:
        """Write something that nobody else writes."""
        self._count += 1
        mark = f"w{self._number}-{self._count}"
        text = b'"%b"' % mark.encode()
        try:
            outcome = KINDS[key].write(self.replicas[key], text)
        except QueueFull:
            return
        if KINDS[key].kept:
            self.written[key].append(mark)
        else:
            self.there[key] = text
        if isinstance(outcome, Outcome):
            outcome.add_done_callback(lambda done: self._note(mark, done))
        self.pump()

    def delete(self, key: str) -> None:
        """Empty a key for everybody."""
        with contextlib.suppress(QueueFull):
            self.session.send(key, action="delete")
        self.pump()

    def connect(self) -> None:
        """Open a connection, if there is none."""
        if self.link is None:
            self.link = self.server.connect(self.session.secret, cbor=self._cbor)
        else:
            return
        if self.link is not None:
            self.session.connected()
            self.heartbeat.heard(self.server.now)
            self.pump()

    def read(self) -> None:
        """Take the next frame, or see the end of the connection."""
        if self.link is None or not self.link.down:
            return
        item = self.link.down.popleft()
        if isinstance(item, int):
            self.notice(close_code=item)
            return
        self.heartbeat.heard(self.server.now)
        self.session.receive(item)
        self.session.events()
        for key, replica in self.replicas.items():
            if isinstance(replica, LogReplica):
                self._hear(key, replica)
            elif hasattr(replica, "advance"):
                replica.advance()
        self.pump()

    def cut(self) -> None:
        """Lose the connection, without a sign of it."""
        if self.link is not None:
            self.link.cut()

    def notice(self, *, close_code: int | None = None) -> None:
        """See that the connection has ended."""
        if self.link is not None:
            self.link.cut()
            self.link = None
            self.session.disconnected(close_code=close_code, now=self.server.now)

    def tick(self) -> None:
        """Look after the connection, as time has passed."""
        self.session.retry()
        state = self.heartbeat.tick(self.server.now)
        if state == "dead":
            self.notice()
        elif state == "ask" and self.link is not None:
            self._send(messages.ping())
        self.pump()

    def pump(self) -> None:
        """Put on its way what the session has to say."""
        for frame in self.session.outgoing():
            self._send(frame)
        for replica in self.session.stale():
            rebase = replica.rebase()
            base = rebase and rebase.base
            for update in rebase.updates if rebase else ():
                base = update.result = update.step(base)
            if rebase is not None:
                replica.rebased(rebase)
            self.pump()

    @property
    def at_rest(self) -> bool:
        """Whether it knows the newest, and everything that it wrote was taken."""
        return (
            self.link is not None
            and self.link.alive
            and not (self.link.up or self.link.down)
            and self.session.settled
            and all(replica.current for replica in self.replicas.values())
        )

    def _send(self, frame: bytes) -> None:
        if self.link is not None and self.link.alive:
            self.link.up.append(frame)

    def _note(self, mark: str, outcome: Outcome[Any]) -> None:
        if isinstance(outcome.exception(), Uncertain):
            self.uncertain.add(mark)

    def _hear(self, key: str, replica: LogReplica) -> None:
        """Hold each push that is heard against what was broadcast: none missing, none twice."""
        for news in self._followers[key].take():
            if isinstance(news, StartedOver):
                held = [each.seq for each in news.held]
                assert held == sorted(set(held)), "a stream ascends"
                self._positions[key] = held[-1] if held else None
                continue
            if isinstance(news, Compacted):
                continue
            assert isinstance(news, Heard)
            assert replica.epoch is not None
            broadcasts = self.server.broadcasts[replica.epoch, key]
            assert news.seq in broadcasts, "what is heard was broadcast in this epoch"
            position = self._positions[key]
            if position is not None:
                next_one = next(seq for seq in broadcasts if seq > position)
                assert news.seq == next_one, "no gap, no double, no reordering"
            self._positions[key] = news.seq
