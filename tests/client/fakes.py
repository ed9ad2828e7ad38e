"""The vocabulary of the client's tests: a small room server, and ways to break it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from driftdb_jupyter.client.session.session import Session


class FakePeer:
    """One connection, as the room sees it."""

    def __init__(self, secret: str, send: Callable[[str], object]) -> None:
        self.secret = secret
        self.send = send
        self.keys: set[str] = set()


def value_of(push: dict[str, Any]) -> Any:
    """What a push means to a state (docs/protocol.md, "What the shared objects write")."""
    value = push["value"]
    return value["v"] if isinstance(value, dict) and value.keys() == {"v", "i"} else value


class FakeRoom:
    """A room of states: get, replace with ``id`` and ``if_seq``, and nothing else."""

    def __init__(self) -> None:
        self.peers: list[FakePeer] = []
        self.seq = 0
        self.values: dict[str, tuple[Any, int]] = {}
        self.ids: dict[tuple[str, int], int] = {}
        self.applied: list[tuple[str, str, Any]] = []
        self.refuse: str | None = None
        self.silent = False
        self.deaf_for = 0
        """The number of pushes that are refused before one is taken."""

    def receive(self, peer: FakePeer, frame: str | bytes) -> None:
        """Take a frame, and send what follows from it."""
        message = json.loads(frame)
        if self.silent:
            return
        if message["type"] == "ping":
            self._send(peer, type="pong", nonce=None)
            return
        key = message["key"]
        if message["type"] == "get":
            peer.keys.add(key)
            held = self.value(key)
            data = [] if held is None else [{"value": held[0], "seq": held[1]}]
            self._send(peer, type="init", key=key, data=data)
            return
        push_id = message["id"]
        known = self.ids.get((peer.secret, push_id))
        newest = self.values.get(key, (None, 0))[1]
        if known is None and self.deaf_for:
            self.deaf_for -= 1
            self._send(peer, type="error", code="rate", id=push_id, message="slow down")
        elif known is None and self.refuse is not None:
            self._send(peer, type="error", code=self.refuse, id=push_id, message="not here")
        elif known is None and message.get("if_seq", newest) != newest:
            self._send(
                peer, type="error", code="conflict", id=push_id, key=key, seq=newest, message="late"
            )
        else:
            if known is None:
                self.seq += 1
                known = self.ids[peer.secret, push_id] = self.seq
                self.values[key] = (message["value"], self.seq)
                self.applied.append((peer.secret, key, value_of(message)))
                for each in self.peers:
                    if key in each.keys:
                        self._send(each, type="push", key=key, value=message["value"], seq=known)
            self._send(peer, type="ack", id=push_id, seq=known)

    def value(self, key: str) -> tuple[Any, int] | None:
        """The value of a key, and its sequence number."""
        held = self.values.get(key)
        return held and (value_of({"value": held[0]}), held[1])

    def write(self, key: str, value: Any) -> None:
        """Write as some other client."""
        frame = {"type": "push", "key": key, "value": value, "id": self.seq + 1}
        self.receive(FakePeer("another", lambda _: None), json.dumps(frame))

    def forget(self) -> None:
        """Restart without a journal."""
        self.peers.clear()
        self.seq = 0
        self.values.clear()
        self.ids.clear()

    @staticmethod
    def _send(peer: FakePeer, **message: Any) -> None:
        peer.send(json.dumps(message))


class SimulatedClient:
    """A session whose connection is two queues that a test moves along."""

    def __init__(self, room: FakeRoom, secret: str) -> None:
        self.room = room
        self.session = Session(secret=secret)
        self.up: deque[bytes] = deque()
        self.down: deque[str] = deque()
        self.peer: FakePeer | None = None

    def connect(self) -> None:
        """Open a connection, if there is none."""
        if self.peer is None:
            self.peer = FakePeer(self.session.secret, self.down.append)
            self.room.peers.append(self.peer)
            self.session.connected()
            self.pump()

    def pump(self) -> None:
        """Put on its way what the session has to say."""
        self.up.extend(self.session.outgoing())

    def move_up(self) -> None:
        """Deliver one frame to the room."""
        if self.peer is not None and self.up:
            self.room.receive(self.peer, self.up.popleft())

    def move_down(self) -> None:
        """Deliver one frame to the session."""
        if self.down:
            self.session.receive(self.down.popleft())
            self.pump()

    def cut(self, *, close_code: int | None = None) -> list[tuple[FakePeer, bytes]]:
        """Lose the connection; returns what the room may still read of it, later."""
        if self.peer is None:
            return []
        late = [(self.peer, frame) for frame in self.up]
        self.peer.send = lambda _: None
        self.peer.keys.clear()
        if self.peer in self.room.peers:
            self.room.peers.remove(self.peer)
        self.peer = None
        self.up.clear()
        self.down.clear()
        self.session.disconnected(close_code=close_code)
        return late

    def settle(self) -> None:
        """Exchange frames until nothing is under way."""
        self.pump()
        while self.up or self.down:
            self.move_up()
            self.move_down()


class FakeServer:
    """A real server on a thread of its own, with one room for every path, and faults on demand."""

    def __init__(self, *, certfile: str | None = None) -> None:
        self.room = FakeRoom()
        self.status = 101
        """What a handshake is answered with."""
        self.subprotocol: str | None = "driftdb"
        self.delay_seconds = 0.0
        """How long a message is on its way."""
        self.authorizations: list[str | None] = []
        self.new_room_body = b'{"room":"fresh","socket_url":"","http_url":""}'
        self.notebooks: dict[str, str] = {}
        """The rooms of notebooks, by the ids of their kernels."""
        self.sockets: list[WebSocketHandler] = []
        self.connections = 0
        self.loop = asyncio.SelectorEventLoop()
        self.changed = threading.Condition()
        self._listening = bind_sockets(0, "127.0.0.1")
        self._certfile = certfile
        scheme = "http" if certfile is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listening[0].getsockname()[1]}/"
        self._server: HTTPServer | None = None

    def do(self, work: Callable[[], Any]) -> Any:
        """Do something on the server's thread, and wait for it."""

        async def call() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(60)

    def write(self, key: str, value: Any) -> None:
        """Have another client write."""
        self.do(lambda: self.room.write(key, value))

    def cut(self) -> None:
        """Reset every connection."""

        def cut() -> None:
            for socket in list(self.sockets):
                if socket.ws_connection is not None and socket.ws_connection.stream is not None:
                    socket.ws_connection.stream.close()

        self.do(cut)

    def close_sockets(self, code: int) -> None:
        """Close every connection with a code."""

        def close() -> None:
            for socket in list(self.sockets):
                socket.close(code)

        self.do(close)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so on the server."""
        with self.changed:
            assert self.changed.wait_for(condition, 60)

    def start(self) -> None:
        """Serve."""
        server = self

        class Connect(WebSocketHandler):
            peer: FakePeer

            async def get(self, *args: Any, **kwargs: Any) -> None:
                server.authorizations.append(self.request.headers.get("Authorization"))
                server.notify()
                if server.status != 101:
                    self.set_status(server.status)
                    if server.status == 302:
                        self.set_header("Location", "/login")
                    return
                await super().get(*args, **kwargs)

            def select_subprotocol(self, subprotocols: list[str]) -> str | None:
                return server.subprotocol

            def open(self, *args: str) -> None:
                self.set_nodelay(True)
                self.peer = FakePeer(
                    self.request.headers["Sec-WebSocket-Protocol"].split(",")[1].strip(), self.send
                )
                server.room.peers.append(self.peer)
                server.sockets.append(self)
                server.connections += 1
                server.notify()

            def on_message(self, message: str | bytes) -> None:
                server.loop.call_later(server.delay_seconds, self.receive, message)

            def send(self, message: str) -> None:
                if self.ws_connection is not None:
                    self.write_message(message)

            def receive(self, message: str | bytes) -> None:
                server.room.receive(self.peer, message)
                server.notify()

            def on_close(self) -> None:
                if self.peer in server.room.peers:
                    server.room.peers.remove(self.peer)
                server.sockets.remove(self)
                server.notify()

        class New(RequestHandler):
            def post(self) -> None:
                server.authorizations.append(self.request.headers.get("Authorization"))
                self.set_status(200 if server.status == 101 else server.status)
                self.finish(server.new_room_body)

        class Notebook(RequestHandler):
            def get(self) -> None:
                server.authorizations.append(self.request.headers.get("Authorization"))
                name = server.notebooks.get(self.get_query_argument("kernel"))
                if server.status != 101 or name is None:
                    self.set_status(404 if server.status == 101 else server.status)
                else:
                    self.finish({"room": name})

        async def start() -> None:
            self._server = HTTPServer(
                Application(
                    [
                        (r"/room/([^/]+)/connect", Connect),
                        ("/new", New),
                        ("/notebook", Notebook),
                    ],
                    log_function=lambda _: None,
                ),
                ssl_options=None if self._certfile is None else {"certfile": self._certfile},
            )
            self._server.add_sockets(self._listening)

        threading.Thread(target=self._run, daemon=True).start()
        asyncio.run_coroutine_threadsafe(start(), self.loop).result(60)

    def stop(self) -> None:
        """Stop serving; the port answers no more."""

        async def stop() -> None:
            assert self._server is not None
            self._server.stop()
            await self._server.close_all_connections()

        self.cut()
        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(60)
        self.wait_for(lambda: not self.sockets)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def notify(self) -> None:
        """Wake who waits for a change."""
        with self.changed:
            self.changed.notify_all()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()


@contextmanager
def serving(*, certfile: str | None = None) -> Iterator[FakeServer]:
    """A server for as long as the block runs; with a certificate (and its key) over TLS."""
    server = FakeServer(certfile=certfile)
    server.start()
    try:
        yield server
    finally:
        server.stop()
