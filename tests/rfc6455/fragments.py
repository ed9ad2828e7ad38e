"""Messages in fragments (RFC 6455, section 5.4)."""

from __future__ import annotations

import itertools

from .case import PROTOCOL_ERROR, Case, binary, case, ping, pong, said_binary, said_text, text
from .frames import BINARY, CONTINUATION, TEXT, client_frame

__all__ = ["CASES"]

OPCODES = {"text": TEXT, "binary": BINARY}
BEFORE, AFTER = text(b"before"), text(b"after")


def _in_pieces(opcode: int, content: bytes, size: int) -> list[bytes]:
    pieces = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    opcodes = itertools.chain([opcode], itertools.repeat(CONTINUATION))
    last = len(pieces) - 1
    return [
        client_frame(opcode, piece, final=number == last)
        for number, (opcode, piece) in enumerate(zip(opcodes, pieces, strict=False))
    ]


def _continuation(content: bytes, *, final: bool = True) -> bytes:
    return client_frame(CONTINUATION, content, final=final)


CASES: list[Case] = [
    *(
        case(
            f"a {name} message in fragments of {size} bytes",
            *(BEFORE, *_in_pieces(opcode, b"0123456789" * 20, size), AFTER),
            answers=[
                said_text(b"before"),
                (opcode, b"0123456789" * 20),
                said_text(b"after"),
            ],
        )
        for name, opcode in OPCODES.items()
        for size in (1, 7, 100, 125, 126, 199)
    ),
    *(
        case(
            f"a {name} message of three empty fragments",
            client_frame(opcode, final=False),
            *(_continuation(b"", final=False), _continuation(b"")),
            answers=[(opcode, b"")],
        )
        for name, opcode in OPCODES.items()
    ),
    *(
        case(
            f"a {name} message whose only content is in the middle",
            client_frame(opcode, final=False),
            *(_continuation(b"middle", final=False), _continuation(b"")),
            answers=[(opcode, b"middle")],
        )
        for name, opcode in OPCODES.items()
    ),
    case(
        "long fragments",
        *_in_pieces(BINARY, bytes(70_000), 65536),
        answers=[said_binary(bytes(70_000))],
    ),
    *(
        case(
            f"a continuation of nothing ({what})",
            *(BEFORE, _continuation(content, final=final), AFTER),
            answers=[said_text(b"before")],
            closes=PROTOCOL_ERROR,
        )
        for what, content, final in (
            ("final", b"more", True),
            ("not final", b"more", False),
            ("empty", b"", True),
            ("empty, not final", b"", False),
        )
    ),
    case(
        "a continuation behind a message in fragments",
        *(*_in_pieces(TEXT, b"whole", 3), _continuation(b"more"), AFTER),
        answers=[said_text(b"whole")],
        closes=PROTOCOL_ERROR,
    ),
    *(
        case(
            f"a {name} message within one in fragments ({what})",
            *(BEFORE, text(b"frag", final=False), other, _continuation(b"ment"), AFTER),
            answers=[said_text(b"before")],
            closes=PROTOCOL_ERROR,
        )
        for name, opcode in OPCODES.items()
        for what, other in (
            ("whole", client_frame(opcode, b"other")),
            ("in fragments itself", client_frame(opcode, b"other", final=False)),
            ("long", client_frame(opcode, b"x" * 65536)),
        )
    ),
    case(
        "a message that is never finished",
        *(BEFORE, text(b"frag", final=False), ping(b"still here")),
        answers=[said_text(b"before"), pong(b"still here")],
    ),
    case(
        "messages in fragments behind each other",
        *(*_in_pieces(TEXT, b"one", 2), *_in_pieces(BINARY, b"two", 2), binary(b"three")),
        answers=[said_text(b"one"), said_binary(b"two"), said_binary(b"three")],
    ),
]
