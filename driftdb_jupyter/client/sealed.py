"""Objects of one process, which refuse attributes that they don't have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from .arguments import close_match

__all__ = ["Sealed"]

_OURS = __name__.partition(".")[0]


class Sealed:
    """An object on which a misspelt name can't be set, where it would have no effect.

    Private names can be, and any name on an object of a subclass outside of this package. It
    belongs to its process: it can't be copied or pickled.
    """

    _settable: ClassVar[Sequence[str]] = ()
    """The names that can be set, for the message."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            kind = type(self)  # which traitlets may have made of the class, with its module
            if not hasattr(kind, name) and kind.__module__.partition(".")[0] == _OURS:
                raise AttributeError(_unknown(kind.__name__, name, self._settable))
        super().__setattr__(name, value)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"cannot pickle or copy a {type(self).__name__}: make it anew, in another process by "
            "the url of its room"
        )


def _unknown(kind: str, name: str, settable: Sequence[str]) -> str:
    message = f"a {kind} has no {name!r}; "
    if not settable:
        return f"{message}nothing can be set on it."
    *others, last = settable
    what = f"{', '.join(others)} and {last}" if others else last
    return f"{message}what can be set: {what}.{close_match(name, settable)}"
