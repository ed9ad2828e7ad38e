"""Cases: all that one hostile client says over one connection, from its first byte on."""

from __future__ import annotations

import base64
import hmac
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .corpus import Corpus
from .values import Values, mutated

__all__ = ["TOKEN_KEY", "Case", "make_case"]

TOKEN_KEY = "the secret that the fuzzer's own tokens are signed with"

_NAMES = ("fuzz", "fuzz", "fuzz-2", "guarded", "a%00b", "..", "%2e%2e", "%ff", "x" * 300, "é%C3%A9")
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW", "get")
_QUERIES = (
    *("", "", "", "?cbor=true", "?debug=true", "?cbor=true&debug=true", "?cbor=true?cbor=true"),
    *("?client=" + "c" * 22, "?client=short", "?client=", "?%ff=%00", "?a=b&a=c&a[]=d", "?key=%00"),
    *("?admin=true", "?ticket=" + "t" * 22, "?ticket=%00"),
)
_HEADERS = (
    *("Origin: http://evil.example", "Origin: null", "Origin: \xff", "Host: evil.example"),
    *("Authorization: Bearer " + "s" * 43, "Authorization: Bearer", "Authorization: token \xff"),
    *(
        "Authorization: Basic !!!",
        "Cookie: a=b; _xsrf=c",
        "Accept: text/html;q=nan",
        "Range: bytes=-1",
    ),
    *("X-Forwarded-For: ::::", 'Forwarded: for="[::1";;by=,', "X-Forwarded-Proto: javascript"),
    *(
        "X-Forwarded-Prefix: //evil",
        "Expect: 100-continue",
        "Connection: close, upgrade",
        'If-None-Match: "\xff',
    ),
    *(
        "Content-Type: application/cbor",
        "Content-Encoding: gzip",
        "Upgrade: h2c",
        "A: " + "b" * 4000,
    ),
)
_CLAIMS: dict[str, Any] = {
    **{"room": "fuzz", "role": "write", "sub": "ada", "name": "Ada", "jti": "j1", "groups": ["g"]},
    **{"exp": 4102444800, "nbf": 0, "iat": 0, "grants": [{"can": ["read"], "prefixes": ["k"]}]},
}
# A room as ``driftdb export`` writes it.
_DUMP = b"""{"driftdb":1,"room":"fuzz","seq":3}
{"access":"policy","name":"","record":{"anyone":"read"}}
{"access":"revoked","name":"j1","record":{"at":1.5}}
{"key":"k","seq":1,"value":{"a":[1,"x"]},"time":1700000000000,"client":"c1","user":{"name":"Ada"}}
{"key":"k","seq":2,"cbor":"gkABwEA="}
{"key":"$meta/k","seq":3,"value":{"label":"K"}}
"""
_LENGTHS = ("0", "1", "-1", "+5", "0x10", "99999999999", "5, 5", "5, 6", " 7 ", "")
_CODES = (0, 999, 1000, 1001, 1005, 1006, 1007, 1011, 2999, 3000, 4401, 4999, 5000, 65535)


@dataclass(frozen=True)
class Case:
    """What is sent over one connection, piece by piece, and how slowly.

    ``label`` names it in a way from which it can be made again: ``SEED:NUMBER``.
    """

    label: str
    kind: str
    pieces: tuple[bytes, ...]
    slow: bool = False


def make_case(corpus: Corpus, seed: int, number: int) -> Case:
    """Make the case of that number; the same one each time."""
    maker = _Maker(random.Random(f"{seed}:{number}"), corpus)
    kind, make = maker.rng.choice(maker.kinds)
    pieces = tuple(piece for piece in make() if piece)
    return Case(f"{seed}:{number}", kind, pieces, slow=maker.rng.random() < 0.1)


class _Maker:
    def __init__(self, rng: random.Random, corpus: Corpus) -> None:
        self.rng = rng
        self._corpus = corpus
        self._values = Values(rng, corpus)
        self.kinds: list[tuple[str, Callable[[], list[bytes]]]] = [
            ("messages", self._messages),
            ("messages", self._messages),
            ("frames", self._frames),
            ("handshake", self._bad_handshake),
            ("requests", self._requests),
            ("requests", self._requests),
            ("bearers", self._bearers),
            ("bytes", self._bytes),
        ]

    # Over a socket

    def _messages(self) -> list[bytes]:
        """Messages with something wrong, in frames that are right."""
        cbor = self.rng.random() < 0.5
        query = self.rng.choice(("?cbor=true", "?cbor=true&debug=true") if cbor else _QUERIES)
        pieces = [self._handshake(query)]
        for _ in range(self.rng.choice((1, 2, 5, 20))):
            binary = cbor if self.rng.random() < 0.9 else not cbor
            pieces.append(self._frame(2 if binary else 1, self._message(binary=binary)))
        return pieces

    def _message(self, *, binary: bool) -> bytes:
        message = self._values.message()
        return self._values.item(message) if binary else self._values.text(message)

    def _frames(self) -> list[bytes]:
        """Frames with something wrong: fragments, lengths, reserved bits, controls, closes."""
        rng = self.rng
        deflated = rng.random() < 0.4
        extension = "Sec-WebSocket-Extensions: permessage-deflate" + rng.choice(
            ("", "; client_max_window_bits", "; server_no_context_takeover", '; what="', ", x")
        )
        pieces = [self._handshake(rng.choice(_QUERIES), *([extension] if deflated else []))]
        for _ in range(rng.choice((1, 3, 10))):
            content = self._message(binary=rng.random() < 0.5)
            opcode, reserved = rng.choice((1, 2)), 0
            if deflated and rng.random() < 0.8:
                packer = zlib.compressobj(wbits=-15)
                content = packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)
                content, reserved = content[:-4], 4
                content = mutated(rng, content) if rng.random() < 0.3 else content
            deed = rng.randrange(8)
            if deed == 0:  # in fragments, with a ping between them
                cut = rng.randrange(len(content) + 1)
                pieces.append(self._frame(opcode, content[:cut], final=False, reserved=reserved))
                pieces.append(self._frame(9, b"p" * rng.choice((0, 4, 125, 126))))
                pieces.append(self._frame(rng.choice((0, 0, 0, opcode)), content[cut:]))
            elif deed == 1:
                pieces.append(self._frame(rng.randrange(16), content, reserved=rng.randrange(8)))
            elif deed == 2:
                code = struct.pack(">H", rng.choice(_CODES))
                pieces.append(self._frame(8, rng.choice((b"", b"\0", code, code + b"\xff" * 9))))
            elif deed == 3:
                pieces.append(mutated(rng, self._frame(opcode, content, reserved=reserved)))
            elif deed == 4:
                pieces.append(
                    self._frame(opcode, content, declared=rng.choice((0, 126, 2**31, 2**63)))
                )
            elif deed == 5:
                pieces.append(self._frame(opcode, content, masked=False))
            else:
                pieces.append(self._frame(opcode, content, reserved=reserved))
        return pieces

    def _frame(
        self,
        opcode: int,
        content: bytes,
        *,
        final: bool = True,
        reserved: int = 0,
        masked: bool = True,
        declared: int | None = None,
    ) -> bytes:
        length = len(content) if declared is None else declared
        first = (0x80 if final else 0) | reserved << 4 | opcode
        bit = 0x80 if masked else 0
        if length < 126:
            head = bytes((first, bit | length))
        elif length < 65536:
            head = struct.pack(">BBH", first, bit | 126, length)
        else:
            head = struct.pack(">BBQ", first, bit | 127, length)
        if not masked:
            return head + content
        mask = self.rng.randbytes(4)
        key = (mask * (len(content) // 4 + 1))[: len(content)]
        number = int.from_bytes(content, "big") ^ int.from_bytes(key, "big")
        return head + mask + number.to_bytes(len(content), "big")

    def _handshake(self, query: str, *more: str) -> bytes:
        name = self.rng.choice(_NAMES[:4])
        lines = [
            f"GET /room/{name}/connect{query} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            *more,
        ]
        return _head(lines)

    def _bad_handshake(self) -> list[bytes]:
        """Handshakes with something wrong, and what a client says that thinks it is in."""
        rng = self.rng
        head = self._handshake(rng.choice(_QUERIES), *rng.sample(_HEADERS, rng.randrange(3)))
        lines = head.decode("latin-1").split("\r\n")[:-2]
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(1, len(lines)) if len(lines) > 1 else 0
            deed = rng.randrange(5)
            if deed == 0 and len(lines) > 1:
                del lines[at]
            elif deed == 1:
                lines.insert(at + 1, lines[at])
            elif deed == 2:
                lines[at] = mutated(rng, lines[at].encode("latin-1")).decode("latin-1")
            elif deed == 3:
                lines[at] = (
                    lines[at].partition(":")[0] + ": " + rng.choice(("", "\xff", "14", "a, b"))
                )
            else:
                lines[0] = self._start()
        return [_head(lines), self._frame(1, self._message(binary=False))]

    # Over HTTP

    def _requests(self) -> list[bytes]:
        """Requests of all routes, several over a connection, with bodies of all kinds."""
        return [self._request() for _ in range(self.rng.choice((1, 1, 2, 6)))]

    def _start(self) -> str:
        rng = self.rng
        if rng.random() < 0.3 and not self._corpus.is_of_administration:
            return f"POST /room/{rng.choice(_NAMES[:4])}/send HTTP/1.1"
        path = re.sub(
            r"\(\[\^/\]\+\)", lambda _: rng.choice(_NAMES), rng.choice(self._corpus.routes)
        )
        path = re.sub(r"\(([^()]*)\)", lambda found: rng.choice(found[1].split("|")), path)
        if rng.random() < 0.1:
            path = mutated(rng, path.encode("latin-1")).decode("latin-1")
        version = rng.choice(("1.1", "1.1", "1.1", "1.1", "1.0", "2.0", "9"))
        method = rng.choice(_METHODS[: rng.choice((2, 10))])
        return f"{method} {path}{rng.choice(_QUERIES)} HTTP/{version}"

    def _body(self, start: str) -> bytes:
        if "/access" in start:
            return self._values.text(self._values.policy())
        if "/admin/" in start and self.rng.random() < 0.7:
            return mutated(self.rng, _DUMP) if self.rng.random() < 0.5 else _DUMP
        if self.rng.random() < 0.2:
            return self.rng.choice(
                (b"", b"null", b"\xff\xfe", b"{" * 3000, self._message(binary=True))
            )
        return self._message(binary=False)

    def _request(self, *headers: str) -> bytes:
        rng = self.rng
        start = self._start()
        lines = [
            start,
            "Host: 127.0.0.1",
            *headers,
            *rng.sample(_HEADERS, rng.choice((0, 0, 1, 3))),
        ]
        body = (
            b"" if start.startswith(("GET", "HEAD")) and rng.random() < 0.8 else self._body(start)
        )
        framing = rng.randrange(12)
        if framing == 0:
            lines.append(f"Content-Length: {rng.choice(_LENGTHS)}")
        elif framing <= 2:
            lines.append("Transfer-Encoding: chunked")
            sizes = (f"{len(body):x}", f'{len(body):X};ext="', "0", "-1", "f" * 16, "z")
            size = sizes[0] if framing == 1 else rng.choice(sizes)
            body = size.encode() + b"\r\n" + body + b"\r\n0\r\n\r\n"
        elif body or framing == 3:
            lines.append(f"Content-Length: {len(body)}")
        whole = _head(lines) + body
        return mutated(rng, whole) if rng.random() < 0.1 else whole

    def _bearers(self) -> list[bytes]:
        """Requests with credentials that are nearly some: tokens, tickets, links, secrets."""
        rng = self.rng
        bearer = self._token()
        deed = rng.randrange(6)
        if deed == 0:
            parts = ("", "e30", "bnVsbA", "W10", "====", "\xff", "MQ")
            bearer = ".".join(rng.choice(parts) for _ in range(3))
        elif deed == 1:
            bearer = "link_" + rng.choice(("", "A" * 22, "A" * 3000, "\xff"))
        elif deed == 2:
            bearer = rng.choice(("", " ", ".", "..", "...", "." * 2000, "A" * 43))
        if rng.random() < 0.3:
            bearer = mutated(rng, bearer.encode("latin-1")).decode("latin-1")
        header = f"Authorization: {rng.choice(('Bearer', 'bearer', 'token'))} {bearer}"
        if rng.random() < 0.4:
            return [
                self._handshake(rng.choice(_QUERIES), header),
                self._frame(1, self._message(binary=False)),
            ]
        return [self._request(header) for _ in range(rng.choice((1, 3)))]

    def _token(self) -> str:
        """Return a token that is signed well, over what need not be a token."""
        head: Any = {"alg": "HS256", "typ": "JWT"}
        claims: Any = self.rng.choice((_CLAIMS, {"room": "fuzz", "role": "admin"}))
        claims = {**claims, "exp": _CLAIMS["exp"]}
        for _ in range(self.rng.choice((0, 1, 2))):
            claims = self._values.confused(claims)
        if self.rng.random() < 0.2:
            head = self._values.confused(head)
        signed = b".".join(_base64(self._values.text(part)) for part in (head, claims))
        signature = hmac.digest(TOKEN_KEY.encode(), signed, "sha256")
        return b".".join((signed, _base64(signature))).decode()

    def _bytes(self) -> list[bytes]:
        """Anything that begins like one of the others."""
        whole = b"".join(self.rng.choice((self._requests, self._frames, self._messages))())
        return [mutated(self.rng, whole), self.rng.randbytes(self.rng.choice((0, 9, 200)))]


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _head(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
