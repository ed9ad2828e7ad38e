"""Tracebacks that begin in the user's code, where an observer or a handler raised."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["trimmed"]

E = TypeVar("E", bound=BaseException)

_PACKAGE = __name__.partition(".")[0]
_NOT_USERS = (_PACKAGE, "traitlets")


def trimmed(error: E) -> E:
    """Cut from an error's traceback the frames of ours that lead to the user's function.

    Where nothing else is left, as in a fault of ours, it stays as it is. Returns the error.
    """
    rest = error.__traceback__
    while rest is not None:
        package = str(rest.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _NOT_USERS:
            error.__traceback__ = rest
            break
        rest = rest.tb_next
    return error
