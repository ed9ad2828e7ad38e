"""A small server that keeps just what the model client asks for, and others that don't keep it.

With it the tests of client and invariants show what they catch.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from ..conformance.peer import Message
from .client import Entry

__all__ = ["SmallRoom", "serving"]


class SmallRoom:
    """One room; ``window`` is how many pushes of a key it knows to resume from.

    A test makes a room that breaks a promise by overriding one of its methods.
    """

    window = 1000

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.applied: dict[tuple[str, int], int] = {}
        self.streams: dict[str, list[Entry]] = {}
        self.pushes: dict[str, list[Entry]] = {}
        self.sockets: set[Socket] = set()

    def crash(self, *, forgets: Iterable[int] = ()) -> None:
        """Lose all connections, and what was pushed under some numbers, as if never pushed."""
        lost = set(forgets)
        for stream in self.streams.values():
            stream[:] = [entry for entry in stream if entry[0] not in lost]
        self.applied = {known: seq for known, seq in self.applied.items() if seq not in lost}
        self.epoch = secrets.token_hex(4)
        self.cut()

    def cut(self) -> None:
        """Lose all connections."""
        for socket in self.sockets:
            socket.stream_of_mine().close()

    def push(self, client: str, push: Message) -> Message:
        """Apply a push, and answer it."""
        known = client, push["id"]
        if known not in self.applied:
            self.applied[known] = self.apply(push)
        return self.ack(push["id"], self.applied[known])

    def apply(self, push: Message) -> int:
        self.seq += 1
        key, kind, entry = push["key"], push["action"]["type"], (self.seq, push["value"])
        stream = self.streams.setdefault(key, [])
        if kind == "replace":
            stream.clear()
        if kind != "relay":
            stream.append(entry)
        self.pushes.setdefault(key, []).append(entry)
        self.broadcast(key, entry)
        return self.seq

    def ack(self, push_id: int, seq: int) -> Message:
        return {"type": "ack", "id": push_id, "seq": seq}

    def broadcast(self, key: str, entry: Entry) -> None:
        for socket in self.sockets:
            if key in socket.keys:
                socket.say({"type": "push", "key": key, "value": entry[1], "seq": entry[0]})

    def answer(self, get: Message) -> Message:
        """Answer a get: the pushes above its number where they are all known, or the stream."""
        key, seq = get["key"], get.get("seq", 0)
        above = [entry for entry in self.pushes.get(key, []) if entry[0] > seq]
        recovered = get.get("epoch") == self.epoch and len(above) <= self.window
        entries = above if recovered else self.streams.get(key, [])
        data = [{"seq": seq, "value": value} for seq, value in entries]
        answer = {"type": "init", "key": key, "data": data}
        if "epoch" in get:
            answer |= {"epoch": self.epoch, "recovered": recovered, "seq": self.seq}
        return answer


class Socket(WebSocketHandler):
    """A connection in the room."""

    def initialize(self, room: SmallRoom) -> None:
        self.room = room
        self.keys: set[str] = set()

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "driftdb" if "driftdb" in subprotocols else None

    def open(self, *args: str, **kwargs: str) -> None:
        self.room.sockets.add(self)

    def on_close(self) -> None:
        self.room.sockets.discard(self)

    def on_message(self, message: str | bytes) -> None:
        said = json.loads(message)
        if said["type"] == "get":
            self.keys.add(said["key"])
            self.say(self.room.answer(said))
        elif said["type"] == "push":
            _, _, offered = self.request.headers.get("Sec-WebSocket-Protocol", "").partition(",")
            self.say(self.room.push(offered.strip() or self.get_query_argument("client"), said))
        else:
            self.say({"type": "pong", "nonce": None})

    def say(self, message: Message) -> None:
        # A socket that has just ended says so by itself.
        if self.ws_connection is not None and not self.ws_connection.is_closing():
            self.write_message(json.dumps(message)).add_done_callback(lambda f: f.exception())

    def stream_of_mine(self) -> Any:
        connection: Any = self.ws_connection
        return connection.stream


class Send(RequestHandler):
    """``POST /room/ID/send`` with a get."""

    def initialize(self, room: SmallRoom) -> None:
        self.room = room

    def post(self) -> None:
        self.write(self.room.answer(json.loads(self.request.body)))


@asynccontextmanager
async def serving(room: SmallRoom) -> AsyncIterator[str]:
    """Serve that room on the test's own loop; the room's URL."""
    routes = [("/room/it/connect", Socket, {"room": room}), ("/room/it/send", Send, {"room": room})]
    server = HTTPServer(Application(routes, log_function=lambda handler: None))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/room/it"
    finally:
        server.stop()
        await server.close_all_connections()
