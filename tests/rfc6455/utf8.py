"""Text that is UTF-8, and text that is none (RFC 6455, section 8.1)."""

from __future__ import annotations

from .case import INCONSISTENT, Case, binary, case, ping, said_binary, said_text, text
from .frames import CONTINUATION, client_frame

__all__ = ["CASES"]

VALID = {
    "ASCII": b"Hello",
    "two bytes": "ßäöü".encode(),
    "three bytes": "κόσμε€".encode(),
    "four bytes": "🎉𝄞".encode(),
    "the first of each length": "\x00\x80\u0800\U00010000".encode(),
    "the last of each length": "\x7f\u07ff\uffff\U0010ffff".encode(),
    "around the surrogates": "\ud7ff\ue000\ufffd".encode(),
    "no characters": "\ufffe\uffff\U0001fffe\ufeff".encode(),
}
INVALID = {
    "a lone continuation byte": b"\x80",
    "the last continuation byte": b"\xbf",
    "seven continuation bytes": b"\x80\xbf\x80\xbf\x80\xbf\x80",
    "a lone start of two": b"\xc3",
    "a lone start of three": b"\xe2\x82",
    "a lone start of four": b"\xf0\x9f\x8e",
    "a start and no continuation": b"\xc3\x28",
    "bytes that never occur": b"\xfe\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong slash of three bytes": b"\xe0\x80\xaf",
    "an overlong slash of four bytes": b"\xf0\x80\x80\xaf",
    "an overlong zero": b"\xc0\x80",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "beyond the last": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
}
BEFORE, AFTER = text(b"before"), text(b"after")
ANSWERED = [said_text(b"before")]
COSMOS = "κόσμε 🎉".encode()


def _fragment(content: bytes, *, final: bool = True) -> bytes:
    return client_frame(CONTINUATION, content, final=final)


CASES: list[Case] = [
    *(
        case(f"text: {name}", text(content), answers=[said_text(content)])
        for name, content in VALID.items()
    ),
    *(
        case(
            f"text: {name}, in fragments of a byte",
            text(b"", final=False),
            *(_fragment(content[at : at + 1], final=False) for at in range(len(content))),
            _fragment(b""),
            answers=[said_text(content)],
        )
        for name, content in VALID.items()
    ),
    *(
        case(
            f"text cut at byte {at} of a fragment",
            *(text(COSMOS[:at], final=False), _fragment(COSMOS[at:])),
            answers=[said_text(COSMOS)],
        )
        for at in range(len(COSMOS))
    ),
    *(
        case(
            f"no text: {name} ({where})",
            *(BEFORE, text(content), AFTER),
            answers=ANSWERED,
            closes=INCONSISTENT,
        )
        for name, bad in INVALID.items()
        for where, content in (
            ("alone", bad),
            ("at first", bad + b" and more"),
            ("at last", b"ok " + bad),
            ("in a long one", b"x" * 70 + bad + b"x" * 70),
        )
    ),
    case(
        "no text in a very long one",
        *(BEFORE, text(b"x" * 65536 + b"\xff"), AFTER),
        answers=ANSWERED,
        closes=INCONSISTENT,
    ),
    *(
        case(
            f"no text: {name}, in fragments of a byte",
            *(BEFORE, text(b"", final=False)),
            *(_fragment(bad[at : at + 1], final=False) for at in range(len(bad))),
            *(_fragment(b""), AFTER),
            answers=ANSWERED,
            closes=INCONSISTENT,
        )
        for name, bad in INVALID.items()
    ),
    *(
        case(
            f"a message in fragments fails before its end: {name}",
            *(BEFORE, text(b"ok ", final=False), _fragment(bad, final=False)),
            answers=ANSWERED,
            closes=INCONSISTENT,
        )
        for name, bad in INVALID.items()
        if not name.startswith("a lone start")
    ),
    *(
        case(f"binary need not be text: {name}", binary(bad), answers=[said_binary(bad)])
        for name, bad in INVALID.items()
    ),
    case(
        "a ping between the bytes of a character",
        *(text(b"\xe2", final=False), ping(b"\xff"), _fragment(b"\x82\xac")),
        answers=[(0xA, b"\xff"), said_text("€".encode())],
    ),
]
