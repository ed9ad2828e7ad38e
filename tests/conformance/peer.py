"""The vocabulary of the conformance tests: rooms, the peers in them, and what they say.

A peer awaits what it is to hear; that it hears nothing is proved by a ping of every peer in the
room, whose pong comes behind all that was said before.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import cbor2
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.websocket import WebSocketClientConnection, websocket_connect

from .servers import Server, Several

__all__ = [
    "Answer",
    "Peer",
    "Room",
    "ack",
    "compact",
    "delete",
    "deleted",
    "fetch",
    "get",
    "init",
    "push",
    "pushed",
    "several",
    "stream_size",
]

TEXT, BINARY = 0x1, 0x2
_TIMEOUT_SECONDS = 60
_LARGEST_MESSAGE = 256 * 1024 * 1024

Message = dict[str, Any]

# What clients say.


def push(key: str, value: Any, action: str = "append", **fields: Any) -> Message:
    """A push; ``fields`` are those of the message (``id``, ``if_seq``)."""
    return {"type": "push", "key": key, "value": value, "action": {"type": action}, **fields}


def several(key: str, values: Iterable[Any], action: str = "append", **fields: Any) -> Message:
    """A push of more than one value."""
    action_of = {"type": action}
    return {"type": "push", "key": key, "values": list(values), "action": action_of, **fields}


def compact(key: str, seq: int, value: Any, **fields: Any) -> Message:
    """A push that puts ``value`` in the place of all up to ``seq``."""
    return push(key, value, **fields) | {"action": {"type": "compact", "seq": seq}}


def delete(key: str, **fields: Any) -> Message:
    """A push that empties a stream."""
    return {"type": "push", "key": key, "action": {"type": "delete"}, **fields}


def get(key: str, **fields: Any) -> Message:
    """A get; ``seq`` as the test likes."""
    return {"type": "get", "key": key, **fields}


# What servers say.


def pushed(key: str, value: Any, seq: int) -> Message:
    """The broadcast of a push."""
    return {"type": "push", "key": key, "value": value, "seq": seq}


def init(key: str, values: Mapping[int, Any] | None = None, **fields: Any) -> Message:
    """The answer to a get: values by their sequence numbers; ``fields`` are the message's own."""
    data = [{"value": value, "seq": seq} for seq, value in (values or {}).items()]
    return {"type": "init", "key": key, "data": data, **fields}


def stream_size(key: str, size: int) -> Message:
    """How many values the stream holds."""
    return {"type": "stream_size", "key": key, "size": size}


def ack(push_id: int, seq: int | None) -> Message:
    """The push was applied."""
    return {"type": "ack", "id": push_id, "seq": seq}


def deleted(key: str, seq: int) -> Message:
    """The stream was deleted."""
    return {"type": "delete", "key": key, "seq": seq}


@dataclass
class Answer:
    """What came back for an HTTP request."""

    status: int
    body: bytes
    headers: HTTPHeaders

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)

    @property
    def cookies(self) -> str:
        """The cookies that it set, as a browser would send them back."""
        return "; ".join(c.partition(";")[0] for c in self.headers.get_list("Set-Cookie"))


async def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Answer:
    """Ask for a URL, whatever the status is, and whoever signed the server's certificate."""
    options.setdefault("validate_cert", False)
    request = HTTPRequest(
        url,
        method=method,
        body=body if body is not None or method != "POST" else "",
        headers=HTTPHeaders(headers or {}),
        allow_nonstandard_methods=True,
        follow_redirects=False,
        **options,
    )
    response = await AsyncHTTPClient().fetch(request, raise_error=False)
    return Answer(response.code, response.body, response.headers)


class Peer:
    """A connection in a room. With ``cbor`` it hears CBOR, and speaks it unless told otherwise."""

    _nonces = itertools.count(2**40)

    def __init__(self, room: Room, connection: WebSocketClientConnection, *, cbor: bool) -> None:
        self._room = room
        self._connection = connection
        self._cbor = cbor
        self._heard: list[str | bytes | None] = []
        self._ended = False

    @property
    def answered(self) -> HTTPHeaders:
        """The headers of the handshake's answer."""
        headers = self._connection.headers
        assert headers is not None
        return headers

    @property
    def headers(self) -> HTTPHeaders:
        """Those of the server's answer to the handshake."""
        headers = self._connection.headers
        assert isinstance(headers, HTTPHeaders)
        return headers

    async def send(self, *messages: Message, cbor: bool | None = None) -> None:
        """Say some messages, once all servers have what was said before."""
        await self._room.is_level()
        for message in messages:
            if self._cbor if cbor is None else cbor:
                await self.send_raw(cbor2.dumps(message))
            else:
                await self.send_raw(json.dumps(message))

    async def send_raw(self, message: str | bytes) -> None:
        """Say something: text, or a binary frame."""
        await self._connection.write_message(message, binary=isinstance(message, bytes))

    async def send_frame(self, opcode: int, content: bytes, *, final: bool = True) -> None:
        """Send a frame, whatever is in it."""
        protocol: Any = self._connection.protocol
        await protocol._write_frame(final, opcode, content)

    async def receive_raw(self) -> str | bytes | None:
        """The next frame as it came; ``None`` where the connection has ended."""
        return self._heard.pop(0) if self._heard else await self._next()

    async def receive(self) -> Message:
        """The next message."""
        raw = await self.receive_raw()
        assert raw is not None, f"expected a message, got close code {self._connection.close_code}"
        assert isinstance(raw, bytes) == self._cbor, f"expected the other encoding, got {raw!r}"
        message: Message = _decode(raw)
        return message

    async def hears(self, *messages: Message) -> None:
        """Await just these messages, in this order."""
        for expected in messages:
            assert await self.receive() == expected

    async def hears_error(self, code: str, **fields: Any) -> None:
        """Await an error with that code, a message for people, and those fields alone."""
        error = await self.receive()
        assert error.pop("message", None), error
        assert error == {"type": "error", "code": code, **fields}

    async def hears_nothing(self) -> None:
        """Wait until everything was said, and hear none of it."""
        for peer in self._room.peers:
            await peer.settle()
        if isinstance(self._room.server, Several):
            await self._room.is_level()
            await self.settle()
        assert self._heard == []

    async def settle(self) -> None:
        """Wait until the server has done all that this peer asked so far."""
        ended = await self.has_ended()
        assert not ended, f"expected a pong, got close code {self._connection.close_code}"

    async def has_ended(self) -> bool:
        """Wait until the server has done all that this peer asked, or its connection has ended."""
        nonce = next(self._nonces)
        ping: Message = {"type": "ping", "nonce": nonce}
        if not self._ended:
            await self.send_raw(cbor2.dumps(ping) if self._cbor else json.dumps(ping))
        while True:
            raw = await self._next()
            if raw is not None and _decode(raw) == {"type": "pong", "nonce": nonce}:
                return False
            self._heard.append(raw)
            if raw is None:
                return True

    async def subscribe(self, *keys: str) -> None:
        """Hear of these keys from now on, and be answered nothing."""
        await self.send(*(get(key, seq=None) for key in keys))
        await self.settle()

    async def is_closed_with(self, *codes: int | None) -> None:
        """Read on to the end, and find one of these close codes there (``None``: no close)."""
        while await self.receive_raw() is not None:
            pass
        assert self._connection.close_code in codes

    async def leave(self, code: int | None = None) -> None:
        """Close the connection, and see the end of it."""
        self._connection.close(code)
        while await self._next() is not None:
            pass
        if self in self._room.peers:
            self._room.peers.remove(self)

    async def _next(self) -> str | bytes | None:
        if self._ended:
            return None
        raw = await asyncio.wait_for(self._connection.read_message(), _TIMEOUT_SECONDS)
        self._ended = raw is None
        return raw


@dataclass
class Room:
    """A room of a server, and the peers that the test let in."""

    server: Server
    name: str
    peers: list[Peer] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its URL."""
        return f"{self.server.root}room/{quote(self.name, safe='')}"

    async def is_level(self) -> None:
        """Wait until all servers have what each peer said, where there are several."""
        if isinstance(self.server, Several) and not self.server.at_one:
            for peer in self.peers:
                await peer.has_ended()
            await self.server.is_level(self.name)

    async def join(
        self,
        *,
        cbor: bool = False,
        client: str | None = None,
        query: str | None = None,
        headers: Mapping[str, str] | None = None,
        compressed: bool = False,
        **options: Any,
    ) -> Peer:
        """Connect; raise Tornado's ``HTTPClientError`` where the server refuses.

        ``query`` is more to stand behind the question mark, ``headers`` come in place of the
        server's own.
        """
        await self.is_level()
        arguments = ["cbor=true"] if cbor else []
        arguments += [query] if query is not None else []
        request = HTTPRequest(
            f"ws{self.url.removeprefix('http')}/connect?{'&'.join(arguments)}",
            headers=HTTPHeaders(self.server.headers if headers is None else headers),
            **options,
        )
        if client is not None:
            request.headers["Sec-WebSocket-Protocol"] = f"driftdb,{client}"
        connection = await websocket_connect(
            request,
            max_message_size=_LARGEST_MESSAGE,
            compression_options={} if compressed else None,
        )
        peer = Peer(self, connection, cbor=cbor)
        self.peers.append(peer)
        return peer

    async def post(self, message: Message | str | bytes, *, client: str | None = None) -> Answer:
        """Send one message over HTTP."""
        await self.is_level()
        return await fetch(
            f"{self.url}/send" + ("" if client is None else f"?client={client}"),
            method="POST",
            body=json.dumps(message) if isinstance(message, dict) else message,
            headers=self.server.headers,
        )

    async def holds(self, key: str, values: Mapping[int, Any] | None = None) -> None:
        """Find just these values in a stream, by their sequence numbers."""
        assert (await self.post(get(key))).json == init(key, values)

    async def empty(self) -> None:
        """Let everybody leave."""
        for peer in self.peers[:]:
            await peer.leave()


def _decode(raw: str | bytes) -> Any:
    return cbor2.loads(raw) if isinstance(raw, bytes) else json.loads(raw)
