"""A WebSocket connection as bare as can be, for clients that are cut off or behave badly.

It takes nothing that a server of the room protocol has no reason to send: a frame that is
fragmented, masked, compressed or of an unknown kind fails the test.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cbor2

if TYPE_CHECKING:  # importing it brings a whole Jupyter server with it
    from ..conformance.peer import Message

__all__ = [
    "ABNORMAL",
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "Ended",
    "Wire",
    "connected",
    "masked",
    "trusting",
]

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
ABNORMAL = 1006  # the close code where none came (RFC 6455, section 7.1.5)
_FINAL = 0x80


class Ended(Exception):
    """The connection has ended, or never came to be.

    ``code`` is the close code; where the handshake was refused, the HTTP status.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


def trusting() -> ssl.SSLContext:
    """What believes every certificate, for those of tests are self-signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def masked(opcode: int, content: bytes, *, mask: bytes | None = None) -> bytes:
    """A client's whole frame."""
    mask = mask or os.urandom(4)
    length = len(content)
    if length < 126:
        head = bytes((_FINAL | opcode, 0x80 | length))
    elif length < 0x10000:
        head = struct.pack(">BBH", _FINAL | opcode, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", _FINAL | opcode, 0x80 | 127, length)
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return head + mask + (int.from_bytes(content, "big") ^ key).to_bytes(length, "big")


class Wire:
    """A connection to a room; ``cbor``: it speaks CBOR, and expects nothing else."""

    cbor = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(
        cls, room_url: str, query: str = "", *, receive_buffer_bytes: int | None = None
    ) -> Wire:
        """Connect to a room; ``receive_buffer_bytes`` is the kernel's for this socket.

        Raises :class:`Ended` with the status where the server refuses, or with 1006.
        """
        parts = urlsplit(room_url)
        end = socket.socket()
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer_bytes is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_connect(end, (parts.hostname, parts.port))
            tls = trusting() if parts.scheme == "https" else None
            name = parts.hostname if tls else None
            wire = cls(*await asyncio.open_connection(sock=end, ssl=tls, server_hostname=name))
        except BaseException as error:
            end.close()
            if isinstance(error, OSError):
                raise Ended(ABNORMAL, str(error)) from None
            raise
        try:
            await wire._shake_hands(f"{parts.path}/connect?{query}", parts.netloc)
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _shake_hands(self, path: str, host: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Ended(ABNORMAL, str(error)) from None
        status = int(head.split()[1])
        if status != 101:
            raise Ended(status)

    def send(self, *messages: Message) -> None:
        """Say some messages."""
        if self.cbor:
            frames = [masked(BINARY, cbor2.dumps(message)) for message in messages]
        else:
            frames = [masked(TEXT, json.dumps(message).encode()) for message in messages]
        self.send_raw(b"".join(frames))

    def send_raw(self, data: bytes) -> None:
        """Say any bytes."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait while too much waits to be sent."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise Ended(ABNORMAL, str(error)) from None

    async def receive(self) -> Message:
        """The next message; a server's pings are answered on the way.

        Raises :class:`Ended` at the end of the connection.
        """
        while True:
            opcode, content = await self._receive_frame()
            if opcode == (BINARY if self.cbor else TEXT):
                message: Any = cbor2.loads(content) if self.cbor else json.loads(content)
                assert isinstance(message, dict), f"expected an object, got {content!r}"
                return message
            if opcode == CLOSE:
                self.send_raw(masked(CLOSE, content[:2]))
                raise Ended(int.from_bytes(content[:2], "big"), content[2:].decode())
            assert opcode in (PING, PONG), f"expected a known frame, got opcode {opcode}"
            if opcode == PING:
                self.send_raw(masked(PONG, content))

    async def _receive_frame(self) -> tuple[int, bytes]:
        read = self._reader.readexactly
        try:
            first, length = await read(2)
            assert first & 0xF0 == _FINAL, f"expected a whole plain frame, got {first:#x}"
            assert length < 0x80, "expected a frame without a mask, got one with"
            if length == 126:
                length = int.from_bytes(await read(2), "big")
            elif length == 127:
                length = int.from_bytes(await read(8), "big")
            return first & 0x0F, await read(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Ended(ABNORMAL, str(error)) from None

    async def read(self, count: int) -> bytes:
        """Up to so many bytes as they come; none at the end."""
        try:
            return await self._reader.read(count)
        except OSError:
            return b""

    def abort(self) -> None:
        """End it at once."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(room_url: str, query: str = "") -> AsyncIterator[Wire]:
    """A connection to a room, for as long as a test needs it."""
    wire = await Wire.open(room_url, query)
    try:
        yield wire
    finally:
        wire.abort()
