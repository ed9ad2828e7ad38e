"""Messages that are hard to take: of each kind of item as many as a message may hold."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from functools import partial

from driftdb_jupyter.protocol.cbor import head, text
from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec
from driftdb_jupyter.protocol.errors import TooLarge
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits

__all__ = ["LIMITS", "extremes", "table"]

LIMITS = Limits()
_AROUND_BYTES = 100
_MOST_BYTES = LIMITS.message_bytes - _AROUND_BYTES
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)

Make = Callable[[int], bytes]


def _cbor_push(value: bytes) -> bytes:
    action = head(_MAP, 1) + text("type") + text("append")
    fields = (text("type"), text("push"), text("key"), text("k"), text("action"), action)
    return head(_MAP, 4) + b"".join(fields) + text("value") + value


def _json_push(value: bytes) -> bytes:
    return b'{"type":"push","key":"k","action":{"type":"append"},"value":%b}' % value


def _pushed(push: Callable[[bytes], bytes], make: Callable[[], bytes]) -> bytes:
    return push(make())


def _fill(codec: Codec, make: Make, unit_bytes: int) -> bytes:
    """A push with nearly as much in it as is taken; ``make`` makes a value of so many units."""
    push = _cbor_push if codec is CBOR else _json_push
    count = _MOST_BYTES // unit_bytes
    while True:
        message = push(make(count))
        try:
            codec.decode(message, LIMITS)
        except TooLarge:
            count = count * 9 // 10
        else:
            return message


def table() -> bytes:
    """A usual message that is as large as it may be: 40,000 rows of three columns, in CBOR."""
    row = head(_ARRAY, 3) + b"\x19\x12\x34" + text("abc") + struct.pack(">Bd", 0xFB, 0.1234)
    return _cbor_push(head(_ARRAY, 40_000) + row * 40_000)


def extremes() -> Iterator[tuple[str, Codec, Callable[[], bytes]]]:
    """Names of messages, their codecs, and what makes them."""
    for number, unit in enumerate(_cbor_units()):
        name = f"CBOR {unit[:8].hex()} {len(unit)} {number}"
        yield name, CBOR, partial(_fill, CBOR, _array_of(unit), len(unit))
        if len(unit) < 16:
            yield f"{name} as members", CBOR, partial(_fill, CBOR, _map_of(unit), len(unit) + 8)
    for name, make in _long_cbor().items():
        yield f"CBOR {name}", CBOR, partial(_pushed, _cbor_push, make)
    for unit in _json_units():
        name = f"JSON {unit[:40].decode()} {len(unit)}"
        yield name, JSON, partial(_fill, JSON, _list_of(unit), len(unit) + 1)
        if len(unit) < 16:
            yield (
                f"{name} as members",
                JSON,
                partial(_fill, JSON, _object_of(unit), len(unit) + 9),
            )
    for name, make in _long_json().items():
        yield f"JSON {name}", JSON, partial(_pushed, _json_push, make)


def _array_of(unit: bytes) -> Make:
    return lambda count: head(_ARRAY, count) + unit * count


def _map_of(unit: bytes) -> Make:
    def make(count: int) -> bytes:
        return head(_MAP, count) + b"".join(text(f"{n:07x}") + unit for n in range(count))

    return make


def _list_of(unit: bytes) -> Make:
    return lambda count: b"[%b]" % b",".join([unit] * count)


def _object_of(unit: bytes) -> Make:
    def make(count: int) -> bytes:
        return b"{%b}" % b",".join(b'"%05x":%b' % (number, unit) for number in range(count))

    return make


def _cbor_units() -> Iterator[bytes]:
    yield from (b"\x00", b"\x1b" + b"\xff" * 8, b"\x3b" + b"\xff" * 8, b"\xf5", b"\xf6", b"\xf7")
    yield from (b"\xf9\x3c\x01", struct.pack(">Bf", 0xFA, 1.1), struct.pack(">Bd", 0xFB, 1e-310))
    texts = ("", "a", "abc", "abcde", "é", "éééé", "😀ab", '"\\\n', "\x01" * 6, "a" * 24, "é" * 127)
    yield from map(text, texts)
    yield from (b"\x78\x01a", b"\x7b" + bytes(7) + b"\x01a", b"\x79\x01\x00" + b"a" * 256)
    for length in (0, 1, 22, 60, 70, 250, 300):
        yield head(_BYTES, length) + b"\xff" * length
        yield head(_TAG, 64) + head(_BYTES, length) + b"\xff" * length
    for length in (9, 18, 20, 60, 64, 128, 200, 512, 1024, 1785, 1786):
        yield head(_TAG, 2) + head(_BYTES, length) + b"\xff" * length
        yield head(_TAG, 3) + head(_BYTES, length) + b"\x00" + b"\xff" * (length - 1)
    yield from (b"\x80", b"\xa0", b"\x81\x00", b"\x9f\xff", b"\xbf\xff", b"\xa1\x61a\x00")
    yield from (b"\xbf\x61a\x00\xff", b"\x83" + b"\x81\x00" * 3, b"\x9f\x00\x00\x00\xff")
    yield from (b"\x81\x41a", b"\x81\xf7", b"\xa1\x61a\x41b", b"\xa1\x61a\xf7", b"\x81\x81\x41a")
    yield b"\xa5" + b"".join(head(_TEXT, 1) + b"%d\xf6" % number for number in range(5))
    yield b"\xa3\x61a\x19\x12\x34\x61b\x63abc\x61c" + struct.pack(">Bd", 0xFB, 0.123456)
    yield from (b"\xc1\x00", b"\xc1\xf7", b"\xc1\x80", b"\xc2\x61a", b"\xc1" * 20 + b"\x00")
    yield from (b"\x5f\x41a\xff", b"\x7f\x61a\xff", b"\x7f\xff", b"\x7f\x62\xc3\xa9\xff")
    yield from (b"\x5f" + b"\x41a" * 50 + b"\xff", b"\x7f" + b"\x62\xc3\xa9" * 50 + b"\xff")
    yield from (b"\x81" * 125 + b"\x00", b"\x81" * 125 + b"\x80", b"\xa1\x61a" * 120 + b"\x00")
    yield b"\x9f" * 60 + b"\x00" + b"\xff" * 60


def _long_cbor() -> dict[str, Callable[[], bytes]]:
    length = (_MOST_BYTES - 16) // 8 * 8
    found = {
        f"bytes of tag {tag}": partial(_random_bytes, head(_TAG, tag), length)
        for tag in (0, 1, 2, 3, 4, 24, 64, 69, 77, 85, 86, 55799, 1 << 40)
    }
    for string in ("a", "é", "😀", "\x01", '"'):
        found[f"text of {string!r}"] = partial(text, string * (4096 // len(string.encode()) * 250))
    chunks = (head(_BYTES, 22) + b"\xff" * 22) * 44_000
    members = text("a") + b"\x00"
    return found | {
        "bytes": partial(_random_bytes, b"", length),
        "text in chunks": lambda: b"\x7f" + text("é") * 160_000 + b"\xff",
        "bytes in chunks": lambda: b"\x5f" + chunks + b"\xff",
        "tagged bytes in chunks": lambda: b"\xd8\x40\x5f" + chunks + b"\xff",
        "array without an end": lambda: b"\x9f" + text("abcd") * 160_000 + b"\xff",
        "map without an end": lambda: b"\xbf" + _names("{:05x}", 80_000) + b"\xff",
        "one name": lambda: head(_MAP, 80_000) + members * 80_000,
        "names beyond ASCII": lambda: head(_MAP, 80_000) + _names("é{:04x}", 80_000),
    }


def _random_bytes(tag: bytes, length: int) -> bytes:
    return tag + head(_BYTES, length) + random.Random(1).randbytes(length)


def _names(form: str, count: int) -> bytes:
    return b"".join(text(form.format(number)) + b"\x00" for number in range(count))


def _json_units() -> Iterator[bytes]:
    numbers = ["0", "9" * 18, "9" * 20, "-9223372036854775809", "0.1", "0.12345678901234567"]
    numbers += ["1e99", "1.5e-150", "1e199", "2.2250738585072011e-98", "1" * 79 + "e-199"]
    numbers += ["1e400", "1e-400", "1.7976931348623157e308", "1.7976931348623157e-310", "5e-324"]
    numbers += ["12345678901234567e-340", "1e289", "12345678901234567e-295", "0." + "0" * 190 + "1"]
    numbers += ["9" * length for length in (79, 199, 200, 399, 401, 4300, 4301)]
    numbers += ["0." + "3" * 190, "9" * 195 + ".5e99", "1e" + "9" * 4301, "9" * 300 + "e-300"]
    yield from (number.encode() for number in numbers)
    yield from (b"null", b"true", b'""', b'"a"', '"é"'.encode(), b'"\\n"', b'"\\u00e9"')
    yield from (b'"\\ud83d\\ude00"', b'"0e000"', b'"1e308"', b'"\\\\"', b'"\\""', b'"[{,:"')
    yield from (b"[]", b"{}", b"[0]", b'{"a":0}', b'{"a":null,"b":[]}', b"[12345,67890,0.5]")
    yield from (b"[1e400]", b'{"a":1e400}', b"[1.7976931348623157e-310]", b'{"1e308":0}')
    yield from (b'{"a":1234,"b":"abc","c":0.123456}', b"[" * 126 + b"]" * 126)
    yield b'{"a":' * 120 + b"0" + b"}" * 120


def _json_text(unit: bytes) -> bytes:
    return b'"%b"' % (unit * (_MOST_BYTES // len(unit) - 1))


def _long_json() -> dict[str, Callable[[], bytes]]:
    units: tuple[str, ...] = ("a", "é", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\\", '\\"')
    units += ("[{,:", '\\"[,', "9", "1e308,", "0e000")
    found = {f"text of {unit!r}": partial(_json_text, unit.encode()) for unit in units}
    return found | {
        "digits": lambda: b"9" * _MOST_BYTES,
        "zeros": lambda: b"1" + b"0" * (_MOST_BYTES - 1),
        "fraction": lambda: b"0." + b"9" * (_MOST_BYTES - 2),
        "exponent": lambda: b"1e" + b"9" * (_MOST_BYTES - 2),
        "digits and exponent": lambda: b"9" * (_MOST_BYTES - 10) + b"e-99",
        "spaces": lambda: b"[" + b" " * (_MOST_BYTES - 2) + b"]",
        "one extreme": lambda: b"[" + b"null," * 26_000 + b"1e308]",
        "one extreme beside objects": lambda: b"[" + b'{"a":"b"},' * 7_000 + b"1e-310]",
    }
