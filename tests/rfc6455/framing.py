"""Lengths, masks, opcodes and reserved bits (RFC 6455, section 5.2)."""

from __future__ import annotations

from .case import PROTOCOL_ERROR, Case, case, said_binary, said_text, text
from .frames import BINARY, CONTINUATION, PING, TEXT, client_frame, close_frame

__all__ = ["CASES"]

LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536, 65537)
LONGER_THAN_NEED_BE = ((0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8))
UNKNOWN_DATA, UNKNOWN_CONTROL = range(0x3, 0x8), range(0xB, 0x10)
FIRST, AFTER = text(b"first"), text(b"after")
ANSWERED = [said_text(b"first")]


def _content(length: int) -> bytes:
    return (b"*-+/" * (length // 4 + 1))[:length]


def _bad(name: str, *frames: bytes) -> list[Case]:
    """It fails, as the first frame and behind a message, which is answered."""
    return [
        case(f"{name} at first", *frames, closes=PROTOCOL_ERROR),
        case(
            f"{name} between messages",
            *(FIRST, *frames, AFTER),
            answers=ANSWERED,
            closes=PROTOCOL_ERROR,
        ),
    ]


CASES = [
    *(
        case(
            f"a text of {length} bytes",
            *(text(_content(length)), AFTER),
            answers=[said_text(_content(length)), said_text(b"after")],
        )
        for length in LENGTHS
    ),
    *(
        case(
            f"a binary message of {length} bytes",
            client_frame(BINARY, b"\xfe" * length),
            answers=[said_binary(b"\xfe" * length)],
        )
        for length in LENGTHS
    ),
    *(
        bad
        for opcode in (TEXT, BINARY)
        for length, size in LONGER_THAN_NEED_BE
        for bad in _bad(
            f"{length} as a length of {size} bytes (opcode {opcode})",
            client_frame(opcode, _content(length), length_bytes=size),
        )
    ),
    *_bad(
        "a length longer than need be in a later fragment",
        client_frame(TEXT, b"a", final=False),
        client_frame(CONTINUATION, b"b", length_bytes=2),
    ),
    *(
        case(f"a length of {name}", client_frame(BINARY, length=length), closes=PROTOCOL_ERROR)
        for name, length in (("2^63", 1 << 63), ("2^64 - 1", (1 << 64) - 1))
    ),
    *(
        case(
            f"a mask of {mask.hex()}",
            client_frame(TEXT, b"masked", mask=mask),
            answers=[said_text(b"masked")],
        )
        for mask in (bytes(4), b"\xff" * 4, b"\x00\x00\x00\x01", b"\x80\x00\x00\x00")
    ),
    *(
        bad
        for name, frame in (
            ("text", client_frame(TEXT, b"text", masked=False)),
            ("empty text", client_frame(TEXT, masked=False)),
            ("binary", client_frame(BINARY, b"binary", masked=False)),
            ("long", client_frame(BINARY, bytes(300), masked=False)),
            ("very long", client_frame(BINARY, bytes(65536), masked=False)),
            ("ping", client_frame(PING, b"ping", masked=False)),
            ("pong", client_frame(0xA, b"pong", masked=False)),
            ("close", client_frame(0x8, b"\x03\xe8", masked=False)),
            ("empty close", client_frame(0x8, masked=False)),
        )
        for bad in _bad(f"{name} without a mask", frame)
    ),
    *_bad(
        "a later fragment without a mask",
        client_frame(TEXT, b"a", final=False),
        client_frame(CONTINUATION, b"b", masked=False),
    ),
    *(
        bad
        for opcode in (TEXT, BINARY, PING, 0xA, 0x8)
        for bits in range(1, 8)
        for bad in _bad(
            f"reserved bits {bits:03b} of opcode {opcode}",
            client_frame(opcode, b"\x03\xe8", flags=bits << 4),
        )
    ),
    *(
        bad
        for bits in range(1, 8)
        for bad in _bad(
            f"reserved bits {bits:03b} of a continuation",
            client_frame(TEXT, b"a", final=False),
            client_frame(CONTINUATION, b"b", flags=bits << 4),
        )
    ),
    *(
        bad
        for opcode in (*UNKNOWN_DATA, *UNKNOWN_CONTROL)
        for content in (b"", b"content")
        for bad in _bad(f"opcode {opcode} with {len(content)} bytes", client_frame(opcode, content))
    ),
    *(
        bad
        for opcode in UNKNOWN_DATA
        for bad in _bad(
            f"opcode {opcode} in fragments",
            client_frame(opcode, b"a", final=False),
            client_frame(CONTINUATION, b"b"),
        )
    ),
    case(
        "several messages in one read",
        *(text(b"%d" % number) for number in range(300)),
        answers=[said_text(b"%d" % number) for number in range(300)],
    ),
    case(
        "nothing but a close frame without a code",
        *(FIRST, close_frame()),
        answers=ANSWERED,
        closes=None,
    ),
]
