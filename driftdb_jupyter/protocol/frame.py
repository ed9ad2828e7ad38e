"""WebSocket frames (RFC 6455, section 5.2), as far as a server makes them itself."""

from __future__ import annotations

import struct

__all__ = [
    "BINARY",
    "CLOSE",
    "COMPRESSED",
    "CONTINUATION",
    "PING",
    "PONG",
    "SHORT_BINARY_HEADS",
    "SHORT_TEXT_HEADS",
    "TEXT",
    "frame",
    "head",
    "payload",
    "unfinished_head",
]

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
# The first reserved bit: the content of the message is compressed (RFC 7692, section 6).
COMPRESSED = 0x40
_FINAL = 0x80
# The heads of short frames, by the length of their content.
SHORT_TEXT_HEADS = [bytes((_FINAL | TEXT, length)) for length in range(126)]
SHORT_BINARY_HEADS = [bytes((_FINAL | BINARY, length)) for length in range(126)]
_medium_head = struct.Struct(">BBH").pack
_long_head = struct.Struct(">BBQ").pack


def head(opcode: int, length: int) -> bytes:
    """Return the head of a whole, unmasked frame with that many bytes of content."""
    if length < 126:
        return bytes((_FINAL | opcode, length))
    if length < 0x10000:
        return _medium_head(_FINAL | opcode, 126, length)
    return _long_head(_FINAL | opcode, 127, length)


def unfinished_head(opcode: int, length: int) -> bytes:
    """Return the head of a frame that is a fragment of a message, and not its last."""
    whole = head(opcode, length)
    return bytes((whole[0] & ~_FINAL,)) + whole[1:]


def frame(opcode: int, content: bytes) -> bytes:
    """Return a whole, unmasked message frame."""
    return head(opcode, len(content)) + content


def payload(whole: bytes) -> tuple[int, bytes]:
    """Take a frame that :func:`frame` made apart again, into opcode and content."""
    length = whole[1]
    start = 2 if length < 126 else 4 if length == 126 else 10
    return whole[0] & 0x0F, whole[start:]
