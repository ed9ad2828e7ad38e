"""Errors of values that have no encoding."""

from __future__ import annotations

__all__ = ["Unencodable", "kind"]


class Unencodable(Exception):
    """Raised for a value that has no encoding; the caller adds the path to the value.

    ``path``: the steps from that value to the part of it that has none.
    """

    def __init__(self, expected: str, got: str, path: tuple[object, ...] = ()) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.path = path


def kind(value: object) -> str:
    """Return the name of a value's type for a message."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
