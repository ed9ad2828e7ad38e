"""Compressed messages: the extension permessage-deflate (RFC 7692)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

__all__ = ["Deflate"]

_NAME = "permessage-deflate"
# Every message ends with this empty block, which is not sent (section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"
# zlib deflates with a window of 2^9 bytes at least; it inflates from one of 2^8, too.
_LEAST_BITS, _MOST_BITS = 9, 15
_BITS = re.compile(r"[89]|1[0-5]")
# How many blocks of one message may be marked as the last one; zlib starts anew after each.
_LAST_BLOCKS_LIMIT = 16


class Deflate:
    """The parameters that the two ends agreed on, and the state of both directions.

    ``agreed`` is the value of the header ``Sec-WebSocket-Extensions`` that says so.
    """

    def __init__(self, parameters: dict[str, str | None]) -> None:
        """Raise :class:`ValueError` for parameters that are not to be accepted (section 7)."""
        for name, value in parameters.items():
            _check(name, value)
        self._takes_over = "server_no_context_takeover" not in parameters
        self._peer_takes_over = "client_no_context_takeover" not in parameters
        self._bits = int(parameters.get("server_max_window_bits") or _MOST_BITS)
        self._peer_bits = int(parameters.get("client_max_window_bits") or _MOST_BITS)
        if self._bits < _LEAST_BITS:
            raise ValueError("expected a window that zlib can make")
        # Without a value a client only says that it could be asked for a smaller window.
        said = {k: v for k, v in parameters.items() if v or not k.endswith("_bits")}
        self.agreed = "; ".join([_NAME, *(f"{k}={v}" if v else k for k, v in said.items())])
        # Made when they are needed: together they take some 300 KB.
        self._compressor: zlib._Compress | None = None
        self._decompressor: zlib._Decompress | None = None

    @classmethod
    def accept(cls, offers: str) -> Deflate | None:
        """Return the first acceptable one of a client's offers (``Sec-WebSocket-Extensions``)."""
        for name, parameters in _parse(offers):
            if name == _NAME and parameters is not None:
                try:
                    return cls(parameters)
                except ValueError:
                    continue
        return None

    def deflate(self, message: bytes) -> bytes:
        """Compress a message into the content of its frame."""
        compressor = self._compressor or zlib.compressobj(wbits=-self._bits)
        if self._takes_over:
            self._compressor = compressor
        content = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return content[: -len(_TAIL)]

    def inflate(self, content: bytes, limit: int) -> bytes:
        """Decompress the content of a message's frames, up to ``limit`` + 1 bytes.

        Raises :class:`ValueError` for what was not compressed so.
        """
        message = b""
        data = content + _TAIL
        for _ in range(_LAST_BLOCKS_LIMIT):
            decompressor = self._decompressor or zlib.decompressobj(-self._peer_bits)
            try:
                message += decompressor.decompress(data, limit + 1 - len(message))
            except zlib.error as error:
                raise ValueError(f"expected deflated data: {error}") from None
            keeps = self._peer_takes_over and not decompressor.eof
            self._decompressor = decompressor if keeps else None
            # A block may be marked as the last one, and others follow (section 7.2.3.4).
            data = decompressor.unused_data
            if len(message) > limit or not decompressor.eof or len(data) <= len(_TAIL):
                return message
        raise ValueError("expected one stream of deflated data, got many")


def _check(name: str, value: str | None) -> None:
    if name in ("server_no_context_takeover", "client_no_context_takeover"):
        valid = value is None
    elif name == "server_max_window_bits":
        valid = value is not None and _BITS.fullmatch(value) is not None
    elif name == "client_max_window_bits":
        valid = value is None or _BITS.fullmatch(value) is not None
    else:
        valid = False
    if not valid:
        raise ValueError(f"expected a parameter of {_NAME}, got {name!r}")


def _parse(offers: str) -> Iterator[tuple[str, dict[str, str | None] | None]]:
    """Each offer's name and parameters, ``None`` where one is named twice.

    A value may stand in quotes, but is a token in them, too (RFC 6455, section 9.1): neither holds
    what separates offers.
    """
    for offer in offers.split(","):
        name, *rest = (part.strip() for part in offer.split(";"))
        parameters: dict[str, str | None] = {}
        for part in rest:
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if len(value) >= 2 and value[0] == value[-1] == '"':
                value = value[1:-1]
            parameters[key] = value if equals else None
        yield name, parameters if len(parameters) == len(rest) else None
