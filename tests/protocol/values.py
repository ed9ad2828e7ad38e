"""What a value may be, as hypothesis strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["cbor_values", "json_values"]

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
