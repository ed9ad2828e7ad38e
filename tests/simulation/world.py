"""Some clients, a server and time; a schedule moves them, then all must be well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from driftdb_jupyter.protocol.errors import (
    Forbidden,
    QuotaExceeded,
    RateExceeded,
    Refusal,
    Unavailable,
)

from .client import Client
from .kinds import KINDS
from .schedule import Schedules, Step
from .server import PRESENCE_GRACE_SECONDS, Server

__all__ = ["SCHEDULES", "World"]

CLIENTS = 3
_TROUBLES: tuple[type[Refusal], ...] = (Unavailable, RateExceeded, QuotaExceeded, Forbidden)

_WEIGHTS = {
    "nothing": 1,  # what a schedule that failed is made shorter with
    "write": 20,
    "write much": 2,
    "client reads": 6,
    "server reads": 6,
    "flow": 14,
    "connect": 8,
    "cut": 3,
    "cut in silence": 2,
    "late frame": 3,
    "server notices": 2,
    "commit": 4,
    "crash": 1,
    "stop": 1,
    "amnesia": 1,
    "start": 3,
    "trouble": 2,
    "no trouble": 3,
    "commit fails": 3,
    "answer fails": 2,
    "room breaks": 1,
    "write elsewhere": 6,
    "expire": 1,
    "export": 3,
    "replace": 2,
    "disk full": 1,
    "disk works": 2,
    "wait": 4,
    "delete": 1,
    "rejoin": 2,
    "leave for good": 1,
}
SCHEDULES = Schedules(_WEIGHTS, count=CLIENTS, least=60, most=140)


class World:
    """Moved by :meth:`run`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clients = [Client(number, self.server) for number in range(CLIENTS)]
        for client in self.clients:
            client.connect()
        self._gone: set[int] = set()
        self._refused_for_good = False

    @property
    def present(self) -> list[Client]:
        """The clients that did not leave for good."""
        return [client for n, client in enumerate(self.clients) if n not in self._gone]

    def run(self, schedule: Sequence[Step]) -> None:
        """Make every step, let all come to rest, and look whether everything is as promised."""
        for step in schedule:
            self.do(*step)
        self.heal()
        self.check()

    def do(self, action: str, number: int, pick: int) -> None:
        """Make one step."""
        client, server = self.clients[number], self.server
        key = list(KINDS)[pick % len(KINDS)]
        if action == "late frame" and server.links:
            server.read(server.links[pick % len(server.links)])
        elif action == "server notices":
            for link in [link for link in server.links if not link.alive][:1]:
                server.notice(link)
        elif action == "commit":
            for _ in range(1 + pick % 4):
                server.commit()
        elif action in ("crash", "stop", "amnesia") and server.running:
            loses = {"crash": "tail", "stop": "nothing", "amnesia": "everything"}[action]
            server.stop(loses=loses, politely=pick % 2 == 0)
            if pick % 3:
                server.start()
        elif action == "start":
            server.start()
        elif action == "trouble":
            server.troubles = [_TROUBLES[pick % len(_TROUBLES)]] * (pick // 2 + 1)
            self._refused_for_good = self._refused_for_good or pick % len(_TROUBLES) > 1
        elif action == "no trouble":
            server.troubles = []
        elif action in ("disk full", "disk works") and server.running:
            server.set_disk(full=action == "disk full")
        elif action == "commit fails":
            server.failing_commits = 1 + pick % 2
        elif action == "answer fails":
            server.failing_answers = 1
        elif action == "room breaks":
            server.breaking = True
        elif action == "write elsewhere":
            server.write_elsewhere()
        elif action == "expire" and server.breaking:
            pass  # a room that is out of service is not in use
        elif action in ("expire", "export", "replace") and server.running:
            {"expire": server.expire, "export": server.export, "replace": server.replace}[action]()
        elif action == "wait":
            self.wait((1, 3, 10, 30, 120, 3600)[pick % 6])
        elif number not in self._gone:
            self._do_to(client, action, number, key)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.server.wait(seconds)
        for client in self.present:
            client.tick()

    def heal(self) -> None:
        """End all faults, and let everything come to rest."""
        self.server.troubles = []
        self.server.failing_commits = self.server.failing_answers = 0
        self.server.breaking = False
        self.server.start()
        self.server.set_disk(full=False)
        if self._refused_for_good:  # a refused initial value is offered on the next connection
            for client in self.present:
                client.notice()
        for _ in range(100):
            self.server.start()
            for client in self.present:
                client.connect()
                self._flow(client)
            self.server.commit()
            if all(client.at_rest for client in self.present) and self._all_left():
                return
            if not any(client.link and client.link.down for client in self.present):
                self.wait(60)
        raise AssertionError("it never comes to rest")

    def check(self) -> None:
        """All replicas are equal, no acknowledged push is lost, none was applied twice."""
        server = self.server
        server.check_elsewhere()
        applied = Counter(server.applied())
        assert max(applied.values(), default=1) == 1, "no push is applied twice"
        # Of one that was refused an old copy may come late, when its id is forgotten.
        promised = server.acknowledged - server.refused - server.deleted - server.wiped
        assert promised <= applied.keys(), "no acknowledged push is lost"
        for key, kind in KINDS.items():
            if not kind.kept:
                there = sorted(each.there[key] for each in self.present if key in each.there)
                assert kind.held(server.hosted, key) == there, f"{key}: who is there is there"
        for client in self.present:
            for key, kind in KINDS.items():
                shown, held = kind.shown(client.replicas[key]), kind.held(server.hosted, key)
                assert shown == held, f"{key}: every replica ends as the room is"
                marks = client.written[key] if kind.every_write_counts else client.written[key][-1:]
                excused = server.lost | server.refused | server.deleted | server.wiped
                missing = set(marks) - applied.keys() - excused - client.uncertain
                assert not missing, f"{key}: whatever was written arrives"

    def _do_to(self, client: Client, action: str, number: int, key: str) -> None:
        if action == "write":
            client.write(key)
        elif action == "write much":
            for _ in range(12):
                client.write(key)
        elif action == "client reads":
            client.read()
        elif action == "server reads" and client.link is not None:
            self.server.read(client.link)
        elif action == "flow":
            self._flow(client)
        elif action == "connect":
            client.connect()
        elif action == "cut":
            client.notice()
        elif action == "cut in silence":
            client.cut()
        elif action == "delete":
            client.delete(key)
        elif action == "rejoin":
            client.join(key)
        elif action == "leave for good" and len(self.present) > 2:
            client.cut()
            self._gone.add(number)

    def _all_left(self) -> bool:
        """Whether the server knows of everybody who is gone that they are."""
        for link in [link for link in self.server.links if not link.alive]:
            self.server.notice(link)
        leaving = self.server.hosted.presence.leaving
        if leaving:
            self.wait(PRESENCE_GRACE_SECONDS)
        return not leaving

    def _flow(self, client: Client) -> None:
        """Bring whatever is on its way to where it belongs."""
        while (link := client.link) is not None and (link.down or (link.up and link.alive)):
            self.server.read(link)
            client.read()
