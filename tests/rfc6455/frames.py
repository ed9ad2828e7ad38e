"""The frames of a client, bad ones too, and what a server answered."""

from __future__ import annotations

import struct

__all__ = [
    "BINARY",
    "CLOSE",
    "COMPRESSED",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "client_frame",
    "close_frame",
    "frames_in",
]

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
FINAL, COMPRESSED = 0x80, 0x40
MASK = b"\x12\x34\x56\x78"

Frame = tuple[int, bytes]
"""A frame of a server: its first byte without the final bit, and its content."""


def client_frame(
    opcode: int,
    content: bytes = b"",
    *,
    final: bool = True,
    masked: bool = True,
    flags: int = 0,
    length: int | None = None,
    length_bytes: int | None = None,
    mask: bytes = MASK,
) -> bytes:
    """A frame as a client sends it.

    ``length``: what its head says, if not the truth. ``length_bytes``: 0, 2 or 8, how many bytes
    say so beyond the first, if not the fewest.
    """
    length = len(content) if length is None else length
    first = (FINAL if final else 0) | flags | opcode
    masking = 0x80 if masked else 0
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 0x10000 else 8
    if length_bytes == 0:
        head = struct.pack(">BB", first, masking | length)
    elif length_bytes == 2:
        head = struct.pack(">BBH", first, masking | 126, length)
    else:
        head = struct.pack(">BBQ", first, masking | 127, length)
    if not masked:
        return head + content
    repeated = mask * (len(content) // 4 + 1)
    return head + mask + bytes(a ^ b for a, b in zip(content, repeated, strict=False))


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return client_frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


def frames_in(said: bytes) -> list[Frame]:
    """The frames that a server sent; fails where they are masked, in pieces or cut off."""
    found: list[Frame] = []
    position = 0
    while position < len(said):
        first, length = said[position], said[position + 1]
        assert first & FINAL, f"expected whole frames, got one that begins with {first:#x}"
        assert length < 0x80, "expected frames without a mask"
        start = position + 2
        if length >= 126:
            start = position + (4 if length == 126 else 10)
            length = int.from_bytes(said[position + 2 : start], "big")
        position = start + length
        assert len(said) >= position, "expected a whole frame, got one that is cut off"
        found.append((first & ~FINAL, said[start:position]))
    return found
