"""A connection that sends as fast as it is read, and looks at the answers for refusals alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from ..faults.wire import BINARY, TEXT, Wire, masked

__all__ = ["Pusher"]

_PIECE_BYTES = 256 * 1024
_MASK = b"\0\0\0\0"  # any will do, and this one costs nothing
_CODE = re.compile(rb'"type":"error","code":"(\w+)"')
_PONG = b'"type":"pong","nonce":%d}'


class Pusher:
    """``code`` is that of the last refusal, ``pushed`` the number of messages that were sent."""

    def __init__(self, wire: Wire | None, *, cbor: bool = False) -> None:
        self._wire = wire
        self._cbor = cbor
        self._others: list[Pusher] = []  # that stay open as long as this one
        self._nonce = 0
        self._seen = b""
        self._heard = asyncio.Event()
        self._listening = None if wire is None else asyncio.ensure_future(self._listen(wire))
        self.deaf: object = None  # connections that stay open as long as this one
        self.code: str | None = None
        self.pushed = 0

    @classmethod
    async def open(cls, room_url: str, query: str = "", *, cbor: bool = False) -> Pusher:
        """Connect to a room; with ``cbor`` messages are CBOR, and answers still JSON."""
        return cls(await Wire.open(room_url, query), cbor=cbor)

    @classmethod
    def together(cls, pushers: list[Pusher], code: str | None) -> Pusher:
        """Several as one, of which the last was refused with that code."""
        pusher = cls(None)
        pusher._others = pushers
        pusher.pushed = sum(each.pushed for each in pushers)
        pusher.code = code
        return pusher

    async def send_all(self, messages: Iterable[bytes]) -> None:
        """Send messages until one is refused, and wait until all that were sent are taken."""
        assert self._wire is not None
        opcode = BINARY if self._cbor else TEXT
        frames: list[bytes] = []
        byte_count = 0
        last, frame = b"", b""
        for message in messages:
            if message is not last:
                last, frame = message, masked(opcode, message, mask=_MASK)
            frames.append(frame)
            byte_count += len(message)
            self.pushed += 1
            if byte_count > _PIECE_BYTES:
                await self._send(frames)
                frames, byte_count = [], 0
                if self.code is not None:
                    break
        await self._send(frames)
        self._nonce += 1
        ping = b'{"type":"ping","nonce":%d}' % self._nonce
        await self._send([masked(TEXT, ping, mask=_MASK)])
        while self._listening is not None and not self._listening.done():
            if _PONG % self._nonce in self._seen:
                break
            self._heard.clear()
            await self._heard.wait()

    async def end(self) -> None:
        """End the connection, and hear no more."""
        self.close()
        if self._listening is not None:
            await self._listening

    def close(self) -> None:
        """End the connection."""
        assert self._wire is not None
        self._wire.abort()

    async def _send(self, frames: list[bytes]) -> None:
        assert self._wire is not None
        self._wire.send_raw(b"".join(frames))
        await self._wire.drain()

    async def _listen(self, wire: Wire) -> None:
        while data := await wire.read(1 << 20):
            self._seen = self._seen[-100:] + data
            code = _CODE.search(self._seen)
            if code is not None:
                self.code = code[1].decode()
            self._heard.set()
        self._heard.set()
