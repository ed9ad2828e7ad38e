"""Why a value has no encoding, before anybody knows where it stands."""

from __future__ import annotations

__all__ = ["Unfit", "kind"]


class Unfit(Exception):
    """A value that has no encoding: what was expected, what came, and where inside of it.

    ``path``: the steps from the value that was to be encoded to the part that can't be.
    """

    def __init__(self, expected: str, got: str, path: tuple[object, ...] = ()) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.path = path


def kind(value: object) -> str:
    """The name of a value's type, as a message says it."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
