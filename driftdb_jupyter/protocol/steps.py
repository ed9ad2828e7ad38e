"""Work in steps: what would hold the loop for long stops where others may have a turn."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

__all__ = ["Steps", "at_once"]

T = TypeVar("T")

Steps: TypeAlias = Generator[None, None, T]
"""A generator that yields after each step, and returns what the work was for."""


def at_once(steps: Steps[T]) -> T:
    """Do all of it now; raises what it raises."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
