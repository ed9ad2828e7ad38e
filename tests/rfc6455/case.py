"""A case: what a client says, and what a server has to answer."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from .frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    PING,
    PONG,
    TEXT,
    Frame,
    client_frame,
    close_frame,
    frames_in,
)

__all__ = ["LIMIT_BYTES", "Case", "binary", "case", "ping", "pong", "said_binary", "said_text"]
__all__ += ["text"]

# The longest message that the servers under test take.
LIMIT_BYTES = 70_000
PROTOCOL_ERROR, INCONSISTENT, TOO_LARGE = 1002, 1007, 1009


@dataclass(frozen=True, kw_only=True)
class Case:
    """A connection to a server that sends every message back.

    ``sent`` is all that the client says. ``answers`` are the frames that it gets before the close
    frame, ``closes`` is the code in that one (``None``: it has none). Then the server ends the
    connection. ``offers`` is what the client asks for as ``Sec-WebSocket-Extensions``, ``agreed``
    what the server says to that.
    """

    name: str
    sent: bytes
    answers: tuple[Frame, ...] = ()
    closes: int | None = 1000
    offers: str | None = None
    agreed: str | None = None

    def check(self, said: bytes) -> None:
        """Assert that these bytes are what a server has to say."""
        *answers, last = self._inflated(frames_in(said)) or [(-1, b"")]
        assert answers == list(self.answers)
        opcode, content = last
        assert opcode == CLOSE, f"expected a close frame at last, got opcode {opcode}"
        code = struct.unpack(">H", content[:2])[0] if content else None
        assert code == self.closes
        content[2:].decode()
        assert len(content) <= 125

    def _inflated(self, frames: list[Frame]) -> list[Frame]:
        """The frames with the contents that were compressed, by what was agreed on."""
        if self.agreed is None:
            return frames
        _, _, bits = self.agreed.partition("server_max_window_bits=")
        wbits = -int(bits.partition(";")[0] or 15)
        inflater = zlib.decompressobj(wbits)
        found = []
        for opcode, content in frames:
            if opcode & COMPRESSED:
                if "server_no_context_takeover" in self.agreed:
                    inflater = zlib.decompressobj(wbits)
                content = inflater.decompress(content + b"\x00\x00\xff\xff")
            found.append((opcode, content))
        return found


def case(
    name: str,
    *sent: bytes,
    answers: Iterable[Frame] = (),
    closes: int | None = 1000,
    offers: str | None = None,
    agreed: str | None = None,
) -> Case:
    """A case; a client that did nothing wrong closes with 1000 in the end."""
    last = close_frame(1000) if closes == 1000 else b""
    return Case(
        name=name,
        sent=b"".join(sent) + last,
        answers=tuple(answers),
        closes=closes,
        offers=offers,
        agreed=agreed,
    )


def text(content: bytes, *, final: bool = True) -> bytes:
    """A text frame."""
    return client_frame(TEXT, content, final=final)


def binary(content: bytes, *, final: bool = True) -> bytes:
    """A binary frame."""
    return client_frame(BINARY, content, final=final)


def ping(content: bytes = b"") -> bytes:
    """A ping."""
    return client_frame(PING, content)


def pong(content: bytes = b"") -> Frame:
    """A pong of the server's."""
    return PONG, content


def said_text(content: bytes) -> Frame:
    """A message of the server's."""
    return TEXT, content


def said_binary(content: bytes) -> Frame:
    """A binary message of the server's."""
    return BINARY, content
