"""Compressed messages: permessage-deflate (RFC 7692)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from .case import (
    INCONSISTENT,
    LIMIT_BYTES,
    PROTOCOL_ERROR,
    TOO_LARGE,
    Case,
    case,
    ping,
    pong,
    said_text,
    text,
)
from .frames import BINARY, CLOSE, COMPRESSED, CONTINUATION, PING, PONG, TEXT, Frame, client_frame

__all__ = ["CASES", "NOT_COMPRESSED"]

NAME = "permessage-deflate"
ALONE = f"{NAME}; server_no_context_takeover"
AGAIN = b"again and again and again and again. " * 4
# What zlib deflates of this differs by its version: answers are compared inflated.
LEVEL = 6


def deflated(*messages: bytes, takes_over: bool = True, bits: int = 15) -> list[bytes]:
    """The contents of compressed frames, one for each message."""
    compressor = zlib.compressobj(LEVEL, wbits=-bits)
    contents = []
    for message in messages:
        if not takes_over:
            compressor = zlib.compressobj(LEVEL, wbits=-bits)
        content = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
        contents.append(content[:-4])
    return contents


def compressed(content: bytes, *, opcode: int = TEXT, final: bool = True) -> bytes:
    """A frame that begins a compressed message."""
    return client_frame(opcode, content, final=final, flags=COMPRESSED)


def _fragment(content: bytes, *, final: bool = True, flags: int = 0) -> bytes:
    return client_frame(CONTINUATION, content, final=final, flags=flags)


def _deflate_case(
    name: str,
    *sent: bytes,
    answers: Iterable[bytes | Frame] = (),
    closes: int | None = 1000,
    offers: str = NAME,
    agreed: str | None = None,
) -> Case:
    """A case where the server compresses every answer; ``agreed``: if not what was offered."""
    frames = [(TEXT | COMPRESSED, a) if isinstance(a, bytes) else a for a in answers]
    agreed = offers if agreed is None else agreed
    return case(name, *sent, answers=frames, closes=closes, offers=offers, agreed=agreed)


HALF = deflated(AGAIN)[0]
# A message may hold a block that is marked as the last one (RFC 7692, section 7.2.3.4).
LAST_BLOCK = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
BOMB = deflated(bytes(10_000_000))[0]
EMPTY_LAST_BLOCKS = b"\x03\x00" * 30_000

DECLINED = {
    "another extension": "permessage-bzip2",
    "an unknown parameter": f"{NAME}; server_speed=9",
    "a window of 2^7": f"{NAME}; server_max_window_bits=7",
    "a window of 2^16": f"{NAME}; server_max_window_bits=16",
    "a client's window of 2^16": f"{NAME}; client_max_window_bits=16",
    "a window without a size": f"{NAME}; server_max_window_bits",
    "a window with a zero in front": f"{NAME}; server_max_window_bits=010",
    "a window that is no number": f"{NAME}; client_max_window_bits=x",
    "a value where there is none": f"{NAME}; server_no_context_takeover=1",
    "a parameter twice": f"{NAME}; client_no_context_takeover; client_no_context_takeover",
    "a window that zlib can't make": f"{NAME}; server_max_window_bits=8",
    "nothing": ";,;",
}
ACCEPTED = {
    "alone": (NAME, NAME),
    "after one that is unknown": (f"x-webkit-deflate-frame, {NAME}", NAME),
    "after one that is bad": (f"{NAME}; server_max_window_bits=99, {NAME}", NAME),
    "as browsers do": (f"{NAME}; client_max_window_bits", NAME),
    "with spaces": (f"  {NAME} ;  client_no_context_takeover  ", None),
    "in quotes": (f'{NAME}; server_max_window_bits="10"', f"{NAME}; server_max_window_bits=10"),
    "with everything": (
        f"{NAME}; server_no_context_takeover; client_no_context_takeover; "
        "server_max_window_bits=10; client_max_window_bits=9",
        None,
    ),
}


def _agreed(offers: str, agreed: str | None) -> str:
    return agreed or "; ".join(part.strip() for part in offers.split(";"))


# The contents of its answers, inflated, are the messages that were sent.
CASES: list[Case] = [
    *(
        _deflate_case(
            f"an offer {name}",
            compressed(HALF),
            answers=[AGAIN],
            offers=offers,
            agreed=_agreed(offers, agreed),
        )
        for name, (offers, agreed) in ACCEPTED.items()
        if "client_max_window_bits=9" not in offers
    ),
    _deflate_case(
        "an offer with everything",
        *(compressed(content) for content in deflated(AGAIN, AGAIN, takes_over=False, bits=9)),
        answers=[AGAIN, AGAIN],
        offers=ACCEPTED["with everything"][0],
    ),
    _deflate_case(
        "messages with a common context",
        *(compressed(content) for content in deflated(AGAIN, b"", AGAIN, AGAIN)),
        answers=[AGAIN, b"", AGAIN, AGAIN],
    ),
    _deflate_case(
        "messages without one",
        *(compressed(content) for content in deflated(AGAIN, AGAIN, takes_over=False)),
        answers=[AGAIN, AGAIN],
        offers=f"{NAME}; client_no_context_takeover",
    ),
    _deflate_case(
        "answers without one",
        *(compressed(content) for content in deflated(AGAIN, AGAIN)),
        answers=[AGAIN, AGAIN],
        offers=ALONE,
    ),
    *(
        _deflate_case(
            f"a window of 2^{bits}",
            *(compressed(content) for content in deflated(AGAIN, AGAIN, bits=max(bits, 9))),
            answers=[AGAIN, AGAIN],
            offers=f"{NAME}; client_max_window_bits={bits}; server_max_window_bits={bits}",
        )
        for bits in range(9, 16)
    ),
    _deflate_case("a message that is not compressed", text(AGAIN), answers=[AGAIN]),
    _deflate_case("an empty one", compressed(b"\x00"), answers=[b""]),
    _deflate_case(
        "in fragments of a byte",
        compressed(HALF[:1], final=False),
        *(_fragment(HALF[at : at + 1], final=False) for at in range(1, len(HALF))),
        *(_fragment(b""), compressed(deflated(AGAIN, b"next")[1])),
        answers=[AGAIN, b"next"],
    ),
    _deflate_case(
        "a ping between compressed fragments",
        *(compressed(HALF[:5], final=False), ping(b"between"), _fragment(HALF[5:])),
        answers=[pong(b"between"), AGAIN],
    ),
    _deflate_case(
        "a message that is not compressed, in fragments, between others",
        compressed(HALF),
        *(text(b"pl", final=False), ping(), _fragment(b"ain")),
        compressed(deflated(AGAIN, AGAIN)[1]),
        answers=[AGAIN, pong(), b"plain", AGAIN],
    ),
    _deflate_case(
        "binary",
        compressed(deflated(b"\xff" * 300)[0], opcode=BINARY),
        answers=[(BINARY | COMPRESSED, b"\xff" * 300)],
    ),
    _deflate_case(
        "a block that is marked as the last one",
        *(compressed(LAST_BLOCK), compressed(LAST_BLOCK), compressed(HALF)),
        answers=[b"Hello", b"Hello", AGAIN],
    ),
    _deflate_case(
        "stored blocks, and two blocks",
        compressed(b"\x00\x05\x00\xfa\xffHello\x00"),
        compressed(b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
        answers=[b"Hello", b"Hello"],
    ),
    _deflate_case(
        "text that is no UTF-8 when it is inflated",
        *(compressed(HALF), compressed(deflated(AGAIN, b"ok \xff")[1]), text(b"after")),
        answers=[AGAIN],
        closes=INCONSISTENT,
    ),
    *(
        _deflate_case(
            f"what was not deflated ({what})",
            *(compressed(HALF), compressed(content), text(b"after")),
            answers=[AGAIN],
            closes=INCONSISTENT,
        )
        for what, content in (
            ("bytes", b"\xff\xff\xff\xff\xff"),
            ("text", b"plain text"),
            ("too far back", deflated(b"x" * 99, takes_over=False)[0][:1] + b"\xff" * 20),
            ("a great many last blocks", EMPTY_LAST_BLOCKS),
        )
    ),
    _deflate_case(
        "a bomb",
        *(compressed(HALF), compressed(BOMB), text(b"after")),
        answers=[AGAIN],
        closes=TOO_LARGE,
    ),
    _deflate_case(
        "a bomb in fragments",
        *(compressed(BOMB[:9], final=False), _fragment(BOMB[9:])),
        closes=TOO_LARGE,
    ),
    _deflate_case(
        "a bomb that goes off behind a last block",
        compressed(LAST_BLOCK[:-1] + BOMB),
        closes=TOO_LARGE,
    ),
    _deflate_case(
        "as long as may be when it is inflated",
        compressed(deflated(b"x" * LIMIT_BYTES)[0]),
        answers=[b"x" * LIMIT_BYTES],
    ),
    _deflate_case(
        "one byte longer",
        compressed(deflated(b"x" * (LIMIT_BYTES + 1))[0]),
        closes=TOO_LARGE,
    ),
    *(
        _deflate_case(
            f"{name} that says it is compressed",
            *(compressed(HALF), client_frame(opcode, b"\x03\xe8", flags=COMPRESSED)),
            answers=[AGAIN],
            closes=PROTOCOL_ERROR,
        )
        for name, opcode in (("a ping", PING), ("a pong", PONG), ("a close", CLOSE))
    ),
    _deflate_case(
        "a continuation that says it is compressed",
        *(compressed(HALF[:5], final=False), _fragment(HALF[5:], flags=COMPRESSED)),
        closes=PROTOCOL_ERROR,
    ),
    *(
        _deflate_case(
            f"reserved bits {bits:03b}",
            client_frame(TEXT, HALF, flags=bits << 4),
            closes=PROTOCOL_ERROR,
        )
        for bits in (0b001, 0b010, 0b011, 0b101, 0b110, 0b111)
    ),
]

NOT_COMPRESSED: list[Case] = [
    case(
        f"an offer of {name} is declined",
        text(b"plain"),
        answers=[said_text(b"plain")],
        offers=offers,
    )
    for name, offers in DECLINED.items()
] + [
    case(
        f"compressed though {name} was declined",
        compressed(HALF),
        closes=PROTOCOL_ERROR,
        offers=offers,
    )
    for name, offers in DECLINED.items()
]
