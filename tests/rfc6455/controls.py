"""Pings, pongs, and control frames in general (RFC 6455, sections 5.4 and 5.5)."""

from __future__ import annotations

from .case import PROTOCOL_ERROR, Case, case, ping, pong, said_binary, said_text, text
from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame

__all__ = ["CASES"]

CONTROLS = {"ping": PING, "pong": PONG, "close": CLOSE}
CONTENTS = {
    "empty": b"",
    "text": b"Hello, world!",
    "binary": b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
    "no UTF-8": b"\xce\xba\xed\xa0\x80",
    "125 bytes": b"\xfe" * 125,
}
IN_THE_MIDDLE = [client_frame(TEXT, b"frag", final=False), client_frame(CONTINUATION, b"ment")]
FRAGMENT = [said_text(b"fragment")]


def _too_long(opcode: int, length: int) -> bytes:
    return client_frame(opcode, b"\x03\xe8" + b"x" * (length - 2))


CASES: list[Case] = [
    *(
        case(f"a ping ({name})", ping(content), answers=[pong(content)])
        for name, content in CONTENTS.items()
    ),
    *(
        case(
            f"a pong that nobody asked for ({name})",
            *(client_frame(PONG, content), ping(b"then")),
            answers=[pong(b"then")],
        )
        for name, content in CONTENTS.items()
    ),
    case(
        "ten pings",
        *(ping(b"%d" % number) for number in range(10)),
        answers=[pong(b"%d" % number) for number in range(10)],
    ),
    *(
        case(
            f"a {name} of {length} bytes",
            *(text(b"before"), _too_long(opcode, length), text(b"after")),
            answers=[said_text(b"before")],
            closes=PROTOCOL_ERROR,
        )
        for name, opcode in CONTROLS.items()
        for length in (126, 127, 65536)
    ),
    *(
        case(
            f"a {name} whose length has {size} bytes",
            client_frame(opcode, b"\x03\xe8", length_bytes=size),
            closes=PROTOCOL_ERROR,
        )
        for name, opcode in CONTROLS.items()
        for size in (2, 8)
    ),
    *(
        case(
            f"a {name} in fragments ({what})",
            *(text(b"before"), client_frame(opcode, content, final=False), *rest),
            answers=[said_text(b"before")],
            closes=PROTOCOL_ERROR,
        )
        for name, opcode in CONTROLS.items()
        for what, content, rest in (
            ("empty", b"", ()),
            ("the first", b"\x03\xe8", ()),
            ("both", b"\x03\xe8", (client_frame(CONTINUATION, b"more"),)),
        )
    ),
    case(
        "a ping between fragments",
        *(IN_THE_MIDDLE[0], ping(b"between"), IN_THE_MIDDLE[1]),
        answers=[pong(b"between"), *FRAGMENT],
    ),
    case(
        "a pong between fragments",
        *(IN_THE_MIDDLE[0], client_frame(PONG, b"between"), IN_THE_MIDDLE[1]),
        answers=FRAGMENT,
    ),
    case(
        "many pings between many fragments",
        client_frame(BINARY, b"", final=False),
        *(
            frame
            for number in range(20)
            for frame in (
                client_frame(CONTINUATION, b"%d," % number, final=False),
                ping(b"%d" % number),
            )
        ),
        client_frame(CONTINUATION, b"end"),
        answers=[
            *(pong(b"%d" % number) for number in range(20)),
            said_binary(b"".join(b"%d," % number for number in range(20)) + b"end"),
        ],
    ),
    case(
        "a close between fragments",
        *(text(b"before"), IN_THE_MIDDLE[0], client_frame(CLOSE, b"\x03\xe9"), IN_THE_MIDDLE[1]),
        answers=[said_text(b"before")],
        closes=1001,
    ),
    case(
        "a ping of too many bytes between fragments",
        *(IN_THE_MIDDLE[0], _too_long(PING, 126), IN_THE_MIDDLE[1]),
        closes=PROTOCOL_ERROR,
    ),
]
