"""Messages that are too long (RFC 6455, sections 7.4.1 and 10.4)."""

from __future__ import annotations

from .case import (
    LIMIT_BYTES,
    TOO_LARGE,
    Case,
    binary,
    case,
    ping,
    pong,
    said_binary,
    said_text,
    text,
)
from .frames import BINARY, CONTINUATION, TEXT, client_frame

__all__ = ["CASES"]

BEFORE = text(b"before")
ANSWERED = [said_text(b"before")]


def _fragment(length: int, *, final: bool = True) -> bytes:
    return client_frame(CONTINUATION, bytes(length), final=final)


CASES: list[Case] = [
    case(
        "as long as may be",
        binary(bytes(LIMIT_BYTES)),
        answers=[said_binary(bytes(LIMIT_BYTES))],
    ),
    *(
        case(
            f"longer by {more}, {what}",
            *(BEFORE, client_frame(opcode, bytes(LIMIT_BYTES + more))),
            answers=ANSWERED,
            closes=TOO_LARGE,
        )
        for more in (1, 5_000)
        for what, opcode in (("text", TEXT), ("binary", BINARY))
    ),
    *(
        case(
            f"a length of {name}, and nothing of it",
            *(BEFORE, client_frame(BINARY, length=length)),
            answers=ANSWERED,
            closes=TOO_LARGE,
        )
        for name, length in (("one more", LIMIT_BYTES + 1), ("2^32", 1 << 32), ("2^62", 1 << 62))
    ),
    case(
        "fragments that are as long as may be together",
        client_frame(BINARY, bytes(LIMIT_BYTES - 10), final=False),
        *(_fragment(10, final=False), _fragment(0)),
        answers=[said_binary(bytes(LIMIT_BYTES))],
    ),
    case(
        "fragments that are too long together",
        *(BEFORE, client_frame(BINARY, bytes(LIMIT_BYTES - 10), final=False)),
        *(_fragment(10, final=False), _fragment(1)),
        answers=ANSWERED,
        closes=TOO_LARGE,
    ),
    case(
        "fragments that begin too long",
        *(BEFORE, client_frame(BINARY, bytes(LIMIT_BYTES + 1), final=False)),
        answers=ANSWERED,
        closes=TOO_LARGE,
    ),
    case(
        "a ping between fragments that are as long as may be",
        client_frame(BINARY, bytes(LIMIT_BYTES), final=False),
        *(ping(b"x" * 125), _fragment(0)),
        answers=[pong(b"x" * 125), said_binary(bytes(LIMIT_BYTES))],
    ),
]
