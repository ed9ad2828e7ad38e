"""What a value may be, as hypothesis strategies."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import strategies as st

__all__ = ["cbor_values", "json_values", "wire_items"]

_text = st.text(st.characters(exclude_categories=["Cs"]))
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value that a double and an integer of any size can hold."""
    return st.recursive(
        _scalars | _text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
        max_leaves=12,
    )


def cbor_values() -> st.SearchStrategy[Any]:
    """What CBOR can say beyond that: byte strings too."""
    return st.recursive(
        _scalars | _text | st.binary(max_size=300),
        lambda inner: st.lists(inner, max_size=30) | st.dictionaries(_text, inner, max_size=30),
        max_leaves=40,
    )


def wire_items() -> st.SearchStrategy[bytes]:
    """CBOR items in all their forms, sound ones for the most part."""
    heads = st.builds(_head, st.integers(0, 1), st.integers(0, 2**64 - 1), st.integers(0, 4))
    strings = st.builds(
        lambda content, major, width, chunks: _string(content, major, width, chunks),
        st.binary(max_size=30) | _text.map(str.encode),
        st.sampled_from([2, 3, 3, 3]),
        st.integers(0, 4),
        st.integers(0, 2),
    )
    odd = st.sampled_from(
        [*range(0xF4, 0xF8), 0xF4, 0xF5, 0xF6, 0xF7, 0xE0, 0xF8, 0xFF, 0x1C, 0x5F, 0xDF]
    ).map(lambda first: bytes((first,)))
    floats = st.tuples(
        st.sampled_from([(0xF9, 2), (0xFA, 4), (0xFB, 8)]), st.binary(min_size=8)
    ).map(lambda drawn: bytes((drawn[0][0],)) + drawn[1][: drawn[0][1]])
    keys = _text.map(cbor2.dumps) | strings

    def around(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        arrays = st.builds(_container, st.just(4), st.lists(inner, max_size=4), st.integers(0, 5))
        pairs = st.lists(st.tuples(keys, inner).map(b"".join), max_size=4)
        maps = st.builds(_container, st.just(5), pairs, st.integers(0, 5))
        tags = st.builds(
            lambda number, width, item: _head(6, number, width) + item,
            st.sampled_from([0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 37, 64, 100, 256, 258, 55799])
            | st.integers(0, 2**64 - 1),
            st.integers(0, 4),
            inner,
        )
        return arrays | maps | tags

    return st.recursive(heads | strings | floats | odd, around, max_leaves=8)


def _head(major: int, number: int, width: int) -> bytes:
    """A head with the number in at least so many bytes (as a power of two, 0: within it)."""
    for bits in range(width, 5):
        if bits == 0 and number < 24:
            return bytes((major << 5 | number,))
        if bits and number < 1 << (8 << bits - 1):
            return bytes((major << 5 | 23 + bits,)) + number.to_bytes(1 << bits - 1, "big")
    raise ValueError(number)


def _string(content: bytes, major: int, width: int, chunks: int) -> bytes:
    if chunks == 0:
        return _head(major, len(content), width) + content
    middle = len(content) // chunks
    parts = [content[:middle], content[middle:]]
    whole = b"".join(_head(major, len(part), width) + part for part in parts)
    return bytes((major << 5 | 31,)) + whole + b"\xff"


def _container(major: int, members: list[bytes], width: int) -> bytes:
    content = b"".join(members)
    if width == 5:
        return bytes((major << 5 | 31,)) + content + b"\xff"
    return _head(major, len(members), width) + content
