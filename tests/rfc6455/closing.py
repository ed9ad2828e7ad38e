"""Close frames: their codes and reasons (RFC 6455, sections 5.5.1 and 7.4)."""

from __future__ import annotations

from .case import INCONSISTENT, PROTOCOL_ERROR, Case, case, ping, pong, said_text, text
from .frames import CLOSE, client_frame, close_frame

__all__ = ["CASES"]

# 1012 to 1014 are in IANA's registry.
VALID = (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4408, 4999)
INVALID = (
    *(0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999),
    *(5000, 10_000, 65_535),
)
REASONS = {
    "none": b"",
    "short": b"bye",
    "not ASCII": "tschüß".encode(),
    "123 bytes": b"x" * 123,
    "123 bytes that are not ASCII": "€".encode() * 41,
}
NO_REASONS = {
    "no UTF-8": b"\xff",
    "cut off": "bye €".encode()[:-1],
    "a surrogate": b"\xed\xa0\x80",
    "123 bytes, no UTF-8": b"x" * 122 + b"\xff",
}
BEFORE, AFTER = text(b"before"), text(b"after")
ANSWERED = [said_text(b"before")]

CASES: list[Case] = [
    *(
        case(
            f"code {code}",
            *(BEFORE, close_frame(code), AFTER),
            answers=ANSWERED,
            closes=code,
        )
        for code in VALID
    ),
    *(
        case(
            f"code {code} with a reason",
            *(BEFORE, close_frame(code, b"bye")),
            answers=ANSWERED,
            closes=code,
        )
        for code in VALID
    ),
    *(
        case(
            f"code {code}, which may not be sent {reason.decode()}".rstrip(),
            *(BEFORE, close_frame(code, reason), AFTER),
            answers=ANSWERED,
            closes=PROTOCOL_ERROR,
        )
        for code in INVALID
        for reason in (b"", b"with a reason")
        if not (reason and code > 5000)
    ),
    case("no code", *(BEFORE, close_frame(), AFTER), answers=ANSWERED, closes=None),
    case(
        "half a code",
        *(BEFORE, client_frame(CLOSE, b"\x03"), AFTER),
        answers=ANSWERED,
        closes=PROTOCOL_ERROR,
    ),
    *(
        case(
            f"a reason: {name}",
            *(BEFORE, close_frame(1001, reason)),
            answers=ANSWERED,
            closes=1001,
        )
        for name, reason in REASONS.items()
    ),
    *(
        case(
            f"a reason that is none: {name}",
            *(BEFORE, close_frame(1001, reason), AFTER),
            answers=ANSWERED,
            closes=INCONSISTENT,
        )
        for name, reason in NO_REASONS.items()
    ),
    case(
        "a reason of 124 bytes",
        *(BEFORE, close_frame(1001, b"x" * 124), AFTER),
        answers=ANSWERED,
        closes=PROTOCOL_ERROR,
    ),
    case("two close frames", close_frame(1001), close_frame(1000), closes=1001),
    case(
        "a ping behind the close frame is not answered",
        *(ping(b"1"), close_frame(1001), ping(b"2")),
        answers=[pong(b"1")],
        closes=1001,
    ),
    case(
        "a long message behind the close frame",
        *(BEFORE, close_frame(1001), text(b"x" * 65_000)),
        answers=ANSWERED,
        closes=1001,
    ),
    case(
        "what is no frame behind the close frame",
        *(BEFORE, close_frame(1001), b"\xff" * 5000),
        answers=ANSWERED,
        closes=1001,
    ),
]
