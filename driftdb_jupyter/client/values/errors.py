"""Errors of values that have no encoding."""

from __future__ import annotations

from itertools import takewhile

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
    # Without the private modules in which a library keeps it: pathlib._local in Python 3.13.
    public = "".join(f"{part}." for part in takewhile(_is_public, kind.__module__.split(".")))
    return kind.__name__ if kind.__module__ == "builtins" else f"{public}{kind.__name__}"


def _is_public(part: str) -> bool:
    return not part.startswith("_")
