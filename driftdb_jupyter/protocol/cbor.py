"""CBOR (RFC 8949) for a server that passes values on as they came.

Nothing here walks over the items of a message in Python: :mod:`.cbor_heads` goes over their heads
and refuses what a room can't hold, then cbor2 follows the structure, checks text and keys, and
tells where an item ends (:class:`Reader`). What it decodes on the way is thrown away; a value keeps
the bytes that it came in.
"""

from __future__ import annotations

import gc
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import chain, islice
from typing import Any, TypeVar

import cbor2
import msgspec
from msgspec import Raw

from .cbor_heads import (
    ARRAY,
    MAP,
    TAG_COUNTS_AS,
    TEXT,
    UNSIGNED,
    Truncated,
    empty_as_levels,
    most_containers,
    survey,
)
from .errors import BadMessage, Refusal, TooLarge
from .json_text import LARGEST_DOUBLE, read_json, read_json_in_steps
from .limits import Limits
from .steps import Steps, at_once

__all__ = [
    "ARRAY",
    "MAP",
    "UNSIGNED",
    "check",
    "collector_paused",
    "decode",
    "find",
    "from_json",
    "from_json_in_steps",
    "head",
    "read_item",
    "read_map",
    "text",
    "to_json",
    "to_json_in_steps",
]

_INDEFINITE = 31
_BREAK = 0xFF
_POSITIVE_BIGNUM, _NEGATIVE_BIGNUM = 2, 3
# int.from_bytes is quick, but the digits that JSON needs are not: 4,300 of them fit in here.
_BIGNUM_BYTES = 1785
# The time that their digits take grows with the square of the bytes: so much is worth a container.
_BIGNUM_SQUARE_COUNTS_ONE = 2048
_SHORT_BIGNUM_BYTES = 45
# Deeper than any setting lets an accepted item be.
_DEEPEST = 1000
# From here on the collector would run several times while a message is decoded.
_LONG_BYTES = 16 * 1024
# How much of a message with too many items is followed, to tell whether something else is wrong.
_FOLLOWED_BYTES = 4096
_EXACT_NESTING_BYTES = 64 * 1024
# Where, and how often, the fields behind a refused value are looked for.
_TAIL_BYTES = 4096
_TRIES = 4
_SEARCHED_FIELDS = 32
_SHORT_BYTES = 2048
# What is followed in one step, unless a single item is longer.
_STEP_BYTES = 256 * 1024
# As many members of arrays and maps are converted in one step.
_STEP_MEMBERS = 8192
_Undefined = type(cbor2.undefined)
_CONTAINERS = frozenset((list, dict, bytes))
_NESTING = frozenset((list, dict))
# A longer one is not kept as a list.
_LIST_LENGTH = 16

_T = TypeVar("_T")


def head(major: int, number: int) -> bytes:
    """Return the head of an item: its major type (0 to 7) and its number (RFC 8949, section 3)."""
    first = major << 5
    if number < 24:
        return bytes((first | number,))
    if number < 0x100:
        return bytes((first | 24, number))
    if number < 0x10000:
        return struct.pack(">BH", first | 25, number)
    if number < 0x100000000:
        return struct.pack(">BI", first | 26, number)
    return struct.pack(">BQ", first | 27, number)


def text(string: str) -> bytes:
    """Return a text string as an item."""
    encoded = string.encode()
    return head(TEXT, len(encoded)) + encoded


def check(item: bytes, limits: Limits) -> None:
    """Raise :class:`~.errors.Refusal` where ``item`` is not one item that a room may hold.

    That is a :class:`~.errors.BadMessage` for one that is truncated, malformed or nested too deep,
    has NaN, an infinity or a simple value without a JSON meaning in it, text that is not UTF-8 or
    a map key that is not text (protocol, "Over WebSocket"); and a :class:`~.errors.TooLarge` for
    one that holds too much.
    """

    def read(data: bytes) -> Steps[None]:
        follower = _Follower(data, limits)
        value, end = follower.follow(0)
        follower.count(value)
        _check_end(data, end)
        yield

    at_once(_read(item, limits, read))


def read_item(data: bytes, position: int, limits: Limits) -> int:
    """Return the end of the item at ``position``; raises as :func:`check` does."""

    def read(data: bytes) -> Steps[int]:
        follower = _Follower(data, limits)
        value, end = follower.follow(position)
        follower.count(value)
        yield
        return end

    return at_once(_read(data, limits, read))


def read_map(
    message: bytes, limits: Limits, *, raw: str, raw_items: str
) -> Steps[tuple[dict[str, Any], tuple[int, int]]]:
    """Read a message, in steps: a map whose fields are decoded, but for two.

    ``raw`` names one that is left as it came (a :class:`msgspec.Raw`), ``raw_items`` one whose
    items are, where it is an array. Returns the fields, and where the former begins and ends.
    Raises as :func:`check` does, and :class:`~.errors.BadMessage` where it is not a map.
    """
    return _read(message, limits, lambda data: _read_map(data, limits, raw, raw_items))


def find(message: bytes, names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of a message that was refused, without the one that was the reason.

    The others are to be short, and those behind it within the last 4 KiB, the first of them one of
    ``names``; so a long message costs no more than a short one.
    """
    try:
        count, position = _map_head(message)
    except Refusal:
        return {}
    fields, left, position = _short_fields(message, position, count)
    start = max(position, len(message) - _TAIL_BYTES)
    earliest, found = len(message), {}
    for name in names if left > 1 else ():
        at = len(message)
        for _ in range(_TRIES):
            at = message.rfind(text(name), start, at)
            if at < 0:
                break
            # From inside the refused field there are more fields to the end than are left; inside
            # a later one there may be as many, but that is not the earliest place.
            behind, missing, end = _short_fields(message, at, left - 1)
            if end == len(message) and not missing and at < earliest:
                earliest, found = at, behind
    return fields | found


def decode(item: bytes) -> Any:
    """Return an item that was checked as the Python objects that a JSON client would see.

    Byte strings become lists of their byte values, tags their content, bignums integers,
    ``undefined`` becomes ``None``; of repeated map keys the last counts.
    """
    with collector_paused(len(item)):
        return at_once(_decode(item, list))


def to_json(item: bytes) -> bytes:
    """Return a checked item as JSON text, with the meaning that :func:`decode` gives it."""
    with collector_paused(len(item)):
        return at_once(_to_json(item))


def to_json_in_steps(item: bytes) -> Steps[bytes]:
    """Do the same as :func:`to_json`, in steps; what it holds between them may be 50 MB."""
    return _uncollected(_to_json(item), len(item))


def from_json(text: bytes) -> bytes:
    """Return a JSON text as an item, with the meaning that :func:`.json_text.read_json` gives."""
    with collector_paused(len(text)):
        return cbor2.dumps(read_json(text))


def from_json_in_steps(text: bytes) -> Steps[bytes]:
    """Do the same as :func:`from_json`, in steps; what it holds between them may be 50 MB."""

    def convert() -> Steps[bytes]:
        value = yield from read_json_in_steps(text)
        yield
        return (yield from _encode(value))

    return _uncollected(convert(), len(text))


@contextmanager
def collector_paused(length: int) -> Iterator[None]:
    """Keep the garbage collector from going over and over what is being made of a long message."""
    if length < _LONG_BYTES or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _uncollected(steps: Steps[_T], length: int) -> Steps[_T]:
    """Do the same steps, each of them with the garbage collector paused."""
    while True:
        with collector_paused(length):
            try:
                next(steps)
            except StopIteration as end:
                result: _T = end.value
                return result
        yield


def _read(data: bytes, limits: Limits, read: Callable[[bytes], Steps[_T]]) -> Steps[_T]:
    """Let ``read`` follow what was surveyed; what goes wrong first is what is raised."""
    end, refusal = survey(data, limits)
    yield
    if refusal is None:
        return (yield from read(data))
    if isinstance(refusal, TooLarge):
        end = min(end, _FOLLOWED_BYTES)
    with suppress(Truncated):
        yield from read(data[:end])
    try:
        raise refusal
    finally:
        del refusal  # which would hold the frame that holds it, until a collection


def _check_end(data: bytes, end: int) -> None:
    if end != len(data):
        raise BadMessage(f"expected one CBOR item, got {len(data) - end} bytes after it")


_Decoder = Callable[[Any, bool], Any]


class _Tags(dict[int, _Decoder]):
    """A decoder for every tag there is, in the place of cbor2's own.

    Those build objects, refer to other items or copy them. ``decoder`` makes one from what it does
    with the content; it is asked when the first tag is met.
    """

    def __init__(
        self,
        decoder: Callable[[Callable[..., Any]], _Decoder],
        content: Callable[..., Any],
        positive: Callable[..., Any],
        negative: Callable[..., Any],
    ) -> None:
        super().__init__()
        self._contents = {_POSITIVE_BIGNUM: positive, _NEGATIVE_BIGNUM: negative}
        self._content = content
        self._decoder = decoder
        self._of_others: _Decoder | None = None

    def __missing__(self, tag: int) -> _Decoder:
        if tag in self._contents:
            decoder = self._decoder(self._contents[tag])
        elif self._of_others is None:
            decoder = self._of_others = self._decoder(self._content)
        else:
            decoder = self._of_others
        self[tag] = decoder
        return decoder


def _positive(content: Any, is_key: bool) -> Any:
    return _bignum(content, negative=False) if type(content) is bytes else content


def _negative(content: Any, is_key: bool) -> Any:
    return _bignum(content, negative=True) if type(content) is bytes else content


def _spelled(content: bytes) -> list[int] | Raw:
    """Return the values of bytes.

    Many of them as the JSON text of the list, which nobody looks into.
    """
    values = list(content)
    return Raw(msgspec.json.encode(values)) if len(values) > _LIST_LENGTH else values


def _magnitude(content: Any) -> Any:
    return int.from_bytes(content, "big") if type(content) is bytes else content


def _below_magnitude(content: Any) -> Any:
    return -1 - int.from_bytes(content, "big") if type(content) is bytes else content


def _never_bytes(content: Any) -> Any:
    """Return the content.

    Bytes are a bignum's only right under its tag, and nothing a field may be.
    """
    return () if type(content) is bytes else content


def _named(fields: Any, immutable: bool) -> Any:
    """Raise :class:`TypeError` for keys that are byte strings; cbor2 refuses the other kinds."""
    "".join(fields)
    return fields


class _Follower:
    """Follows items that were surveyed natively, and checks what their heads don't tell."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._file = BytesIO(data)
        self._limits = limits
        most = TAG_COUNTS_AS * len(data)
        self._counts = most > limits.containers and most_containers(data) > limits.containers
        self._containers = 0
        self._tags = _TagCount(limits)
        # cbor2 doesn't count an empty array or map as a level. What may reach the limit is followed
        # again for that; not so in a long message, where it would take too much time: an empty one
        # may be one level deeper there.
        is_short = len(data) <= _EXACT_NESTING_BYTES
        self._decoder = self._follow_to(limits.nesting - 1 if is_short else limits.nesting)

    def follow(self, position: int) -> tuple[Any, int]:
        """Return the item at ``position`` and its end, with bytes and ``undefined`` as they are."""
        self._file.seek(position)
        try:
            if len(self._data) < _LONG_BYTES:
                value = self._decoder.decode()
            else:
                with collector_paused(len(self._data)):
                    value = self._decoder.decode()
        except cbor2.CBORDecodeError as error:
            if not _is_too_deep(error):
                raise _refusal(error) from None
            if len(self._data) > _EXACT_NESTING_BYTES:
                raise self._limits.nested_too_deep() from None
            value = self._follow_deep(position)
        return value, self._file.tell()

    def count(self, value: Any) -> None:
        """Count what is in a value that was followed.

        Raises :class:`~.errors.TooLarge` where the message holds too many containers by now.
        """
        if self._counts:
            self._containers += _count_containers(value)
            if self._containers + self._tags.count > self._limits.containers:
                raise self._limits.too_many_containers()

    def _follow_deep(self, position: int) -> Any:
        tags = self._tags.count
        # The end is that of the second time.
        for data in (empty_as_levels(self._data[position:]), self._data):
            self._tags.count = tags
            self._file = BytesIO(data)
            self._file.seek(position if data is self._data else 0)
            self._decoder = self._follow_to(self._limits.nesting)
            try:
                value = self._decoder.decode()
            except cbor2.CBORDecodeError as error:
                if _is_too_deep(error):
                    raise self._limits.nested_too_deep() from None
                raise _refusal(error) from None
        return value

    def _follow_to(self, depth: int) -> cbor2.CBORDecoder:
        return cbor2.CBORDecoder(
            self._file,
            max_depth=depth,
            object_hook=_named,
            semantic_decoders=_Tags(self._tags.counted, _never_bytes, _magnitude, _below_magnitude),
            strict_hashable_types=True,
        )


class _TagCount:
    """Counts the tags that were met, and refuses more than there may be containers.

    Apart from the follower, because cbor2's decoder holds it, and is never collected in a cycle.
    """

    def __init__(self, limits: Limits) -> None:
        self.count = 0
        self._limits = limits

    def counted(self, content: Callable[[Any], Any]) -> _Decoder:
        """Return a decoder that counts its tag, and then passes the content to the given one."""
        limit = self._limits.containers
        is_bignum = content is _magnitude or content is _below_magnitude

        def decode(item: Any, is_key: bool) -> Any:
            if is_key:  # cbor2 decodes keys as what is immutable
                raise _no_string_as_key()
            self.count += TAG_COUNTS_AS
            meant = content(item)
            if is_bignum and type(item) is bytes and len(item) > _SHORT_BIGNUM_BYTES:
                length = meant.bit_length() // 8
                if length <= _BIGNUM_BYTES:
                    self.count += length * length // _BIGNUM_SQUARE_COUNTS_ONE
            if self.count > limit:
                raise self._limits.too_many_containers()
            return meant

        return decode


def _is_too_deep(error: cbor2.CBORDecodeError) -> bool:
    return "nesting depth" in str(error)


def _refusal(error: cbor2.CBORDecodeError) -> Refusal:
    """Return the error that cbor2 found, in the words of the protocol."""
    cause = error.__cause__
    if isinstance(error, cbor2.CBORDecodeEOF):
        return Truncated()
    if isinstance(cause, Refusal):
        return cause
    if isinstance(cause, UnicodeDecodeError):
        return _no_utf8()
    if isinstance(cause, TypeError) or "map key" in str(error):
        return _no_string_as_key()
    return BadMessage("expected a well-formed CBOR item, got a part where it can't be")


def _no_string_as_key() -> BadMessage:
    return BadMessage("expected a string as map key, got another kind of CBOR item")


def _no_utf8() -> BadMessage:
    return BadMessage("expected text in UTF-8, got other bytes in a string")


def _count_containers(value: Any) -> int:
    """Count the arrays, maps and byte strings."""
    found = [value] if type(value) in _CONTAINERS else []
    count = len(found)
    while found:
        members = _members(found)
        found = [m for m in members if (k := type(m)) is list or k is dict or k is bytes]
        count += len(found)
    return count


def _members(values: Iterable[Any]) -> Iterable[Any]:
    """Return the members of all arrays and maps among some values."""
    return chain.from_iterable(
        v.values() if type(v) is dict else v for v in values if type(v) is list or type(v) is dict
    )


def _read_map(
    data: bytes, limits: Limits, raw: str, raw_items: str
) -> Steps[tuple[dict[str, Any], tuple[int, int]]]:
    count, position = _map_head(data)
    follower = _Follower(data, limits)
    fields: dict[str, Any] = {}
    span = (0, 0)
    number = 0
    while number != count and not (count is None and _byte_at(data, position) == _BREAK):
        if number == limits.fields:
            raise TooLarge(f"expected a message of at most {limits.fields} fields, got more")
        name, start = _string(data, position)
        number += 1
        if name == raw_items and _byte_at(data, start) >> 5 == ARRAY:
            fields[name], position = yield from _raw_items(data, start, follower, limits)
            continue
        first = _byte_at(data, start)
        value: Any
        if first < 24 and name != raw:
            value, position = first, start + 1
        elif first >> 5 == TEXT and name != raw:
            value, position = _string(data, start)
        else:
            value, position = follower.follow(start)
            if position - start > _STEP_BYTES:
                yield
            follower.count(value)
        if name == raw:
            fields[name] = Raw(data[start:position])
            span = start, position
        elif type(value) is dict:
            fields[name] = {n: _defined(member) for n, member in value.items()}
        else:
            fields[name] = _defined(value)
    _check_end(data, position + (count is None))
    return fields, span


def _raw_items(
    data: bytes, position: int, follower: _Follower, limits: Limits
) -> Steps[tuple[list[Raw], int]]:
    """Return the items of the array at ``position``, and its end."""
    count, position = _head(data, position)
    items: list[Raw] = []
    step_end = position + _STEP_BYTES
    while len(items) != count and not (count is None and _byte_at(data, position) == _BREAK):
        if len(items) == limits.values:
            got = "more" if count is None else count
            raise TooLarge(f"expected at most {limits.values} values, got {got}")
        value, end = follower.follow(position)
        if end > step_end:
            yield
            step_end = end + _STEP_BYTES
        follower.count(value)
        items.append(Raw(data[position:end]))
        position = end
    return items, position + (count is None)


def _defined(value: Any) -> Any:
    return None if value is cbor2.undefined else value


def _map_head(data: bytes) -> tuple[int | None, int]:
    if _byte_at(data, 0) >> 5 != MAP:
        raise BadMessage("expected a CBOR map, got another kind of item")
    return _head(data, 0)


def _head(data: bytes, position: int) -> tuple[int | None, int]:
    """Return the number in the head at ``position`` (``None``: indefinite length), and its end."""
    width = _byte_at(data, position) & 31
    position += 1
    if width < 24:
        return width, position
    if width == _INDEFINITE:
        return None, position
    end = position + (1 << width - 24)
    if width > 27 or end > len(data):
        raise Truncated
    return int.from_bytes(data[position:end], "big"), end


def _string(data: bytes, position: int) -> tuple[str, int]:
    """Return the text at ``position``, which must be one, and its end."""
    if _byte_at(data, position) >> 5 != TEXT:
        raise _no_string_as_key()
    length, start = _head(data, position)
    if length is None:  # in chunks, which is rare
        chunks, end = _Follower(data, Limits()).follow(position)
        return str(chunks), end
    end = start + length
    if end > len(data):
        raise Truncated
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError:
        raise _no_utf8() from None


def _byte_at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise Truncated
    return data[position]


def _short_fields(data: bytes, position: int, count: int | None) -> tuple[dict[str, Any], int, int]:
    """Return the fields from ``position`` on, up to the first that is not short.

    Returns them, how many of the ``count`` are left, and where the next one begins.
    """
    fields: dict[str, Any] = {}
    left = min(count or 0, _SEARCHED_FIELDS)
    while left:
        try:
            name, start = _string(data, position)
            short = data[start : start + _SHORT_BYTES]
            value, end = _Follower(short, Limits()).follow(0)
        except Refusal:
            break
        fields[name] = value
        position = start + end
        left -= 1
    return fields, left, position


def _to_json(item: bytes) -> Steps[bytes]:
    decoded = yield from _decode(item, _spelled)
    yield
    return msgspec.json.encode(decoded)


def _encode(value: Any) -> Steps[bytes]:
    """Encode a value; one with many members in several steps."""
    if type(value) not in _NESTING or len(value) <= _STEP_MEMBERS:
        return cbor2.dumps(value)
    major, kind = (ARRAY, list) if type(value) is list else (MAP, dict)
    parts = [head(major, len(value))]
    members = iter(value if kind is list else value.items())
    while some := kind(islice(members, _STEP_MEMBERS)):
        parts.append(cbor2.dumps(some)[len(head(major, len(some))) :])
        yield
    return b"".join(parts)


class _Octets(bytes):
    """A byte string under a tag, which is not the bytes of a bignum where that is under another."""


_WITHOUT_JSON = frozenset((bytes, _Octets, _Undefined))


def _decode(item: bytes, spell: Callable[[bytes], Any]) -> Steps[Any]:
    """See :func:`decode`; ``spell`` is what becomes of the bytes of a byte string."""

    def content(item: Any, is_key: bool) -> Any:
        return _Octets(item) if type(item) is bytes else item

    decoded = cbor2.loads(
        item,
        semantic_decoders=_Tags(lambda decode: decode, content, _positive, _negative),
        max_depth=_DEEPEST,
    )
    yield
    return (yield from _with_json_meaning(decoded, spell))


def _with_json_meaning(value: Any, spell: Callable[[bytes], Any]) -> Steps[Any]:
    """Return the same value, with byte strings spelled out, and ``None`` for ``undefined``."""
    holder = [value]
    level: list[Any] = [holder]
    looked_at = 0
    while level:  # all that is nested equally deep
        kinds = set(map(type, _members(level)))
        nested = []
        if not kinds.isdisjoint(_NESTING):
            nested = [m for m in _members(level) if (kind := type(m)) is list or kind is dict]
        looked_at += len(level)
        if not kinds.isdisjoint(_WITHOUT_JSON):
            yield from _spell_members(level, spell)
        if looked_at > _STEP_MEMBERS:
            yield
            looked_at = 0
        level = nested
    return holder[0]


def _spell_members(containers: Iterable[Any], spell: Callable[[bytes], Any]) -> Steps[None]:
    passed = 0
    for container in containers:
        if len(container) == 1 and type(container) is list:
            if type(container[0]) in _WITHOUT_JSON:
                container[0] = _meaning(container[0], spell)
        elif type(container) is dict:
            for name, member in container.items():
                if type(member) in _WITHOUT_JSON:
                    container[name] = _meaning(member, spell)
                    passed += 1
                    if passed > _STEP_MEMBERS:
                        yield
                        passed = 0
        elif not _WITHOUT_JSON.isdisjoint(map(type, container)):
            for start in range(0, len(container), _STEP_MEMBERS):
                some = container[start : start + _STEP_MEMBERS]
                container[start : start + _STEP_MEMBERS] = [
                    member
                    if (kind := type(member)) not in _WITHOUT_JSON
                    else None
                    if kind is _Undefined
                    else spell(member)
                    for member in some
                ]
                passed += len(some)
                if passed > _STEP_MEMBERS:
                    yield
                    passed = 0
        passed += 1
        if passed > _STEP_MEMBERS:
            yield
            passed = 0


def _meaning(member: Any, spell: Callable[[bytes], Any]) -> Any:
    return None if member is cbor2.undefined else spell(member)


def _bignum(magnitude: bytes, *, negative: bool) -> int | float:
    """Return the integer, or the nearest double where its digits would take too long to write."""
    if len(magnitude) > _BIGNUM_BYTES and len(magnitude.lstrip(b"\0")) > _BIGNUM_BYTES:
        return -LARGEST_DOUBLE if negative else LARGEST_DOUBLE
    return ~int.from_bytes(magnitude, "big") if negative else int.from_bytes(magnitude, "big")
