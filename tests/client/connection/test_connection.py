from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Literal

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.runtime.background import background
from driftdb_jupyter.client.runtime.waker import wait_for
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.state import StateReplica
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.backoff import Backoff
from driftdb_jupyter.client.transport.heartbeat import Heartbeat
from driftdb_jupyter.client.transport.location import Location
from driftdb_jupyter.protocol.errors import (
    Forbidden,
    QueueFull,
    RateExceeded,
    Refusal,
    RoomNotFound,
    TooLarge,
    Unreachable,
)

from ...certificates import CERTIFICATE
from ..fakes import FakePeer, FakeServer, serving


class Ear:
    """A listener that only counts."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def has_news(self) -> bool:
        return True

    def deliver(self) -> None:
        pass

    def refused(self, error: Refusal) -> None:
        self.refusals.append(error)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def connection(server: FakeServer) -> Iterator[Connection]:
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection.start()
    yield connection
    connection.close()


def wait_for_status(connection: Connection, status: str) -> None:
    assert connection.wait_until(lambda: connection.status == status, 60), connection.status


def test_it_sends_what_opens_the_room(server: FakeServer) -> None:
    place = Location(server=server.url, room="a", authorization="DriftDB s3cret")
    connection = Connection(place, Settings())
    connection.start()
    wait_for_status(connection, "connected")
    assert server.authorizations == ["DriftDB s3cret"]
    connection.close()


def test_a_server_that_knows_no_writers_is_told_of_and_gets_nothing(server: FakeServer) -> None:
    server.subprotocol = None
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection.start()
    assert connection.wait_until(lambda: connection.error is not None, 60)
    assert "is older than this client" in str(connection.error)
    assert not server.room.applied
    connection.close()


def test_small_frames_are_sent_at_once(server: FakeServer, connection: Connection) -> None:
    wait_for_status(connection, "connected")
    link = connection._connector._link
    assert link is not None
    assert link._stream is not None
    assert link._stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_large_room_is_read(server: FakeServer, connection: Connection, ear: Ear) -> None:
    server.write("k", "x" * 12_000_000)
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    assert len(replica.shown or b"") > 12_000_000


def test_after_an_answer_the_next_delay_is_a_short_one(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    wait_for_status(connection, "connected")
    connection._driver.supervisor.backoff = Backoff(uniform=lambda low, high: high)
    backoff = connection._driver.supervisor.backoff
    first, longer = backoff.next_delay(), backoff.next_delay()
    assert longer > first
    connection.wait_ready(connection.subscribe("k", ear, initial=None), 10)
    assert connection._driver.supervisor.backoff.next_delay() == first


def test_it_comes_back_when_it_is_cut(server: FakeServer, connection: Connection) -> None:
    for n in (1, 2, 3):
        server.wait_for(lambda n=n: server.connections == n)  # type: ignore[misc]
        wait_for_status(connection, "connected")
        server.cut()


@pytest.mark.parametrize("code", [1001, 1007, 1009, 4408, 4999])
def test_it_comes_back_after_any_other_close_code(
    server: FakeServer, connection: Connection, code: int
) -> None:
    server.wait_for(lambda: server.connections == 1)
    server.close_sockets(code)
    server.wait_for(lambda: server.connections == 2)


def test_text_that_was_changed_on_its_way_is_reported_once(
    server: FakeServer, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    server.wait_for(lambda: server.connections == 1)
    server.close_sockets(1007)
    server.wait_for(lambda: server.connections == 2)
    server.close_sockets(1007)
    server.wait_for(lambda: server.connections == 3)
    (message,) = caplog.messages
    assert message.startswith(f"{server.url} got text that is no UTF-8")


@pytest.mark.parametrize(("code", "kind"), [(4403, Forbidden), (4404, RoomNotFound)])
def test_it_stops_where_it_may_not_come_back_until_asked_to(
    server: FakeServer, connection: Connection, code: int, kind: type[Exception]
) -> None:
    server.wait_for(lambda: server.connections == 1)
    server.close_sockets(code)
    wait_for_status(connection, "stopped")
    assert isinstance(connection.error, kind)
    connection.retry()
    wait_for_status(connection, "connected")
    assert connection.error is None


def test_it_keeps_trying_while_the_server_is_away(
    server: FakeServer, connection: Connection
) -> None:
    wait_for_status(connection, "connected")
    server.do(lambda: setattr(server, "status", 503))
    server.cut()
    server.wait_for(lambda: len(server.authorizations) > 2)
    assert connection.wait_until(lambda: connection.error is not None, 60)
    assert connection.status == "reconnecting"
    assert isinstance(connection.error, Unreachable)
    server.do(lambda: setattr(server, "status", 101))
    connection.retry()
    wait_for_status(connection, "connected")


def test_a_first_attempt_that_fails_is_the_last_until_asked(server: FakeServer) -> None:
    server.status = 500
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection.start()
    wait_for_status(connection, "stopped")
    assert len(server.authorizations) == 1
    connection.close()


def test_after_1009_the_push_that_was_too_long_is_refused(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    server.room.silent = True
    connection.write(replica, b"[1,2,3]")
    assert not connection.flush(0.05)
    server.room.silent = False
    server.close_sockets(1009)
    assert connection.flush(10)
    (error,) = ear.refusals
    assert isinstance(error, TooLarge)
    assert replica.shown is None


def test_garbage_from_the_server_is_no_end(
    server: FakeServer, connection: Connection, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    server.do(lambda: [each.write_message("nonsense") for each in server.sockets])
    server.wait_for(lambda: server.connections == 2)
    assert "expected a message of the room protocol" in caplog.text


def go_deaf(server: FakeServer) -> None:
    """Have the server's present connections stay open, and answer nothing any more."""

    def go_deaf() -> None:
        for each in server.sockets:
            assert each.ws_connection is not None
            each.ws_connection._handle_message = lambda *_: None  # type: ignore[attr-defined]

    server.do(go_deaf)


def test_a_dead_link_is_noticed(server: FakeServer) -> None:
    settings = Settings(ping_interval_seconds=0.05)
    connection = Connection(Location(server=server.url, room="a"), settings)
    connection.start()
    server.wait_for(lambda: server.connections == 1)
    go_deaf(server)
    server.wait_for(lambda: server.connections == 2)
    connection.close()


def test_a_link_that_only_was_silent_stays(server: FakeServer) -> None:
    asked: list[str] = []
    receive = server.room.receive

    def listen(peer: FakePeer, frame: str | bytes) -> None:
        asked.append(json.loads(frame)["type"])
        receive(peer, frame)

    server.room.receive = listen  # type: ignore[method-assign]
    connection = Connection(
        Location(server=server.url, room="a"), Settings(ping_interval_seconds=0.5)
    )
    connection.start()
    server.wait_for(lambda: asked == ["ping"] * 2)
    assert server.connections == 1
    connection.close()


class Sleepy(Heartbeat):
    """A heartbeat that says that the machine slept, once asked for it."""

    slept = False

    def __init__(self) -> None:
        super().__init__(interval_seconds=0.4, now=0, wall=0)

    def woke(self, *, now: float, wall: float) -> bool:
        slept, self.slept = self.slept, False
        return slept

    def tick(self, now: float, *, doubtful: bool = False) -> Literal["well", "ask", "dead"]:
        self.heard(now) if self._deadline is None and not doubtful else None
        return super().tick(now, doubtful=doubtful)


def test_after_a_sleep_the_link_is_tried_at_once(server: FakeServer) -> None:
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection._connector.heartbeat = heartbeat = Sleepy()
    connection.start()
    server.wait_for(lambda: server.connections == 1)
    go_deaf(server)
    heartbeat.slept = True
    server.wait_for(lambda: server.connections == 2)
    connection.close()


def test_after_a_sleep_an_absent_server_is_looked_for_at_once(server: FakeServer) -> None:
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection._connector.heartbeat = heartbeat = Sleepy()
    never = Backoff(base_seconds=1e6, cap_seconds=1e6, uniform=lambda _, high: high)
    connection._driver.supervisor.backoff = never
    connection.start()
    server.wait_for(lambda: server.connections == 1)
    server.cut()
    wait_for_status(connection, "reconnecting")
    heartbeat.slept = True
    server.wait_for(lambda: server.connections == 2)
    connection.close()


def test_another_network_is_noticed(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["10.0.0.1"]
    monkeypatch.setattr(
        "driftdb_jupyter.client.connection.connector.local_address", lambda _: addresses[0]
    )
    connection = Connection(Location(server=server.url, room="a"), Settings())
    connection._connector.heartbeat = Sleepy()
    connection.start()
    server.wait_for(lambda: server.connections == 1)
    go_deaf(server)
    addresses[0] = "10.0.0.2"
    server.wait_for(lambda: server.connections == 2)
    connection.close()


def test_it_tells_what_waits_and_since_when_there_is_no_connection(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    assert (connection.waiting, connection.offline_since is None) == (0, True)
    server.do(lambda: setattr(server, "status", 503))
    server.cut()
    wait_for_status(connection, "reconnecting")
    connection.write(replica, b"1")
    assert connection.waiting == 1
    assert connection.offline_since is not None
    server.do(lambda: setattr(server, "status", 101))
    connection.retry()
    assert connection.flush(10)
    assert (connection.waiting, connection.offline_since is None) == (0, True)


def test_what_the_server_had_no_time_for_is_sent_again(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    connection._driver.patience = Backoff(base_seconds=0.01, uniform=lambda low, high: high)
    server.room.deaf_for = 3
    connection.write(replica, b"1")
    assert connection.wait_until(lambda: connection.held is not None, 60)
    assert isinstance(connection.held, RateExceeded)
    assert connection.flush(10)
    assert connection.held is None
    assert server.room.value("k") == (1, 1)
    assert ear.refusals == []


def test_a_full_queue_is_an_error_while_there_is_no_connection(
    server: FakeServer, ear: Ear
) -> None:
    settings = Settings(queue_limit_count=2)
    connection = Connection(Location(server=server.url, room="a"), settings)
    log = connection.listen("k", ear, keep=True)
    connection.wait_ready(log, 10)
    server.do(lambda: setattr(server, "status", 503))
    server.cut()
    wait_for_status(connection, "reconnecting")
    connection.push(log, b"1", keep=True)
    connection.push(log, b"2", keep=True)
    with pytest.raises(QueueFull, match="there has been no connection since"):
        connection.push(log, b"3", keep=True)
    connection.close()


def test_who_writes_faster_than_the_server_takes_waits_for_it(server: FakeServer, ear: Ear) -> None:
    settings = Settings(queue_limit_count=2)
    connection = Connection(Location(server=server.url, room="a"), settings)
    log = connection.listen("k", ear, keep=True)
    connection.wait_ready(log, 10)
    for n in range(20):
        connection.push(log, b"%d" % n, keep=True)
    assert connection.flush(10)
    assert [value for _, _, value in server.room.applied] == list(range(20))
    assert [entry.value for entry in log.entries] == [b"%d" % n for n in range(20)]
    connection.close()


def test_a_room_that_is_too_long_to_be_read_is_asked_for_in_smaller_pages(
    server: FakeServer, ear: Ear
) -> None:
    limits: list[int] = []
    receive = server.room.receive

    def listen(peer: FakePeer, frame: str | bytes) -> None:
        message = json.loads(frame)
        if message["type"] == "get":
            limits.append(message["limit"])
            if message["limit"] > 100:
                peer.send(json.dumps({"type": "init", "key": "k", "data": [], "x": "x" * 3000}))
                return
        receive(peer, frame)

    server.room.receive = listen  # type: ignore[method-assign]
    settings = Settings(receive_limit_bytes=2000)
    connection = Connection(Location(server=server.url, room="a"), settings)
    connection.wait_ready(connection.subscribe("k", ear, initial=None), 10)
    assert limits == [1000, 100]
    connection.close()


def test_a_room_that_cannot_be_read_at_all_is_told(server: FakeServer, ear: Ear) -> None:
    server.write("k", "x" * 3000)
    settings = Settings(receive_limit_bytes=2000)
    connection = Connection(Location(server=server.url, room="a"), settings)
    with pytest.raises(TooLarge, match=r"more than 2000 bytes, .* DRIFTDB_RECEIVE_LIMIT_BYTES"):
        connection.wait_ready(connection.subscribe("k", ear, initial=None), 10)
    assert connection.status == "stopped"
    connection.close()


def test_flush_gives_up_at_once_when_there_is_no_hope(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    server.room.silent = True
    connection.write(replica, b"1")
    server.close_sockets(4404)
    wait_for_status(connection, "stopped")
    assert not connection.flush(1e6)


def test_an_abandoned_connection_closes_after_its_writes_arrived(ear: Ear) -> None:
    with serving() as server:
        connection = Connection(Location(server=server.url, room="a"), Settings())
        replica = connection.subscribe("k", ear, initial=None)
        connection.wait_ready(replica, 10)
        server.room.silent = True
        connection.write(replica, b"5")
        connection.abandon()
        server.wait_for(lambda: server.connections == 1)
        assert connection.status == "connected"
        server.room.silent = False
        server.cut()
        wait_for_status(connection, "closed")
        assert server.room.value("k") == (5, 1)


def test_all_connections_share_one_thread(server: FakeServer) -> None:
    connections = [Connection(Location(server=server.url, room=n), Settings()) for n in "abc"]
    for connection in connections:
        connection.start()
        wait_for_status(connection, "connected")
    assert [thread.name for thread in threading.enumerate()].count("driftdb") == 1
    for connection in connections:
        connection.close()


@pytest.fixture
def tls_server() -> Iterator[FakeServer]:
    with serving(certfile=str(CERTIFICATE)) as server:
        yield server


def test_a_servers_own_certificate_is_trusted_whatever_host_it_is_for(
    tls_server: FakeServer,
) -> None:
    connection = Connection(
        Location(server=tls_server.url, room="a", certfile=str(CERTIFICATE)), Settings()
    )
    connection.start()
    wait_for_status(connection, "connected")
    connection.close()


def test_a_certificate_that_nobody_vouches_for_is_told(tls_server: FakeServer) -> None:
    connection = Connection(Location(server=tls_server.url, room="a"), Settings())
    connection.start()
    wait_for_status(connection, "stopped")
    assert isinstance(connection.error, Unreachable)
    assert "no trusted connection to https://" in str(connection.error)
    assert "DRIFTDB_CERTFILE" in str(connection.error)
    connection.close()


def test_it_comes_back_after_a_fault_of_its_own(
    server: FakeServer,
    connection: Connection,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    connection.wait_ready(replica, 10)
    with monkeypatch.context() as patch:
        patch.setattr(StateReplica, "acknowledged", lambda *_: 1 / 0)
        connection.write(replica, b"1")
        server.wait_for(lambda: server.connections == 2)
    wait_for_status(connection, "connected")
    connection.write(replica, b"2")
    server.wait_for(lambda: server.room.value("k") == (2, 2))
    assert "ZeroDivisionError" in caplog.text


def test_after_faults_in_a_row_it_stops_and_says_so(
    server: FakeServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_status(connection, "connected")
    connection._driver.supervisor.backoff = Backoff(base_seconds=0.001)
    with monkeypatch.context() as patch:
        patch.setattr(Session, "connected", lambda _: 1 / 0)
        server.cut()
        wait_for_status(connection, "stopped")
    assert "failed by a fault of this client: ZeroDivisionError" in str(connection.error)
    connection.retry()
    wait_for_status(connection, "connected")


def test_a_job_that_fails_is_its_callers_alone(
    server: FakeServer, connection: Connection, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    log = connection.listen("log", ear, keep=True)
    with monkeypatch.context() as patch:
        patch.setattr(log, "enqueue", lambda *_, **__: 1 / 0)
        outcome = connection.push(log, b"1", keep=True)
        assert wait_for(outcome, 10)
    assert isinstance(outcome.exception(), ZeroDivisionError)
    connection.write(replica, b"2")
    server.wait_for(lambda: server.room.value("k") == (2, 1))
    assert server.connections == 1


def test_what_raises_an_exit_on_its_thread_ends_nothing(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    def leave() -> None:
        raise SystemExit

    background().call(leave)
    background().call(leave)
    connection.wait_ready(connection.subscribe("k", ear, initial=None), 10)


def test_a_throttled_write_is_sent_by_a_flush(
    server: FakeServer, connection: Connection, ear: Ear
) -> None:
    replica = connection.subscribe("k", ear, initial=None)
    pace = connection.pace(replica, 1e6)
    for value in (b"1", b"2", b"3"):
        connection.write(replica, value, pace=pace)
    assert connection.flush(10)
    assert (server.room.value("k") or (None,))[0] == 3
