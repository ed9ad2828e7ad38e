"""The types of options and arguments: how their values are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from .words import unquoted

__all__ = ["Choice", "File", "LogLevel", "Number", "Text"]

if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType  # which is not generic before click 8.5

_HIGHEST_LEVEL = 50  # logging.CRITICAL


class Text(_Type):
    """Any text, and the base class of the other types.

    Takes off the mark of :func:`.words.quoted`, so each parameter must have one of these types.
    """

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of a word; a default that is not a string stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(unquoted(value, of_option=isinstance(param, click.Option)))
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def read(self, text: str) -> Any:
        """Return the value of a text; raises :class:`ValueError` saying what was expected."""
        return text


class File(Text):
    """The path of a file or folder, which a shell completes."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leave file names to the shell."""
        return [CompletionItem(incomplete, type="file")]


class Choice(Text):
    """One of a few words, which a shell completes."""

    name = "choice"

    def __init__(self, choices: Sequence[str], *, expected: str = "") -> None:
        """Take ``expected`` as the description of the words in messages."""
        self.choices = choices
        self._expected = expected or f"one of {', '.join(choices)}"

    def read(self, text: str) -> Any:
        """Return the word; raises :class:`ValueError` for any other."""
        if text not in self.choices:
            raise ValueError(f"expected {self._expected}, got {text!r}")
        return text

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the words that begin with ``incomplete``."""
        return [CompletionItem(word) for word in self.choices if word.startswith(incomplete)]


class Number(Text):
    """A number: a whole one if ``at_least`` is one; above ``no_more`` it counts as that."""

    name = "number"

    def __init__(
        self, *, at_least: float, at_most: float | None = None, no_more: float | None = None
    ) -> None:
        self._kind: type[float] = type(at_least)
        self._at_least, self._at_most, self._no_more = at_least, at_most, no_more

    def read(self, text: str) -> float:
        """Return the number; raises :class:`ValueError` for anything else."""
        try:
            number = self._kind(text)
        except ValueError:
            raise ValueError(self._expected(text)) from None
        low, high = self._at_least, math.inf if self._at_most is None else self._at_most
        if not low <= number <= high:  # nor is NaN
            raise ValueError(self._expected(text))
        return number if self._no_more is None else min(number, self._no_more)

    def _expected(self, text: str) -> str:
        kind = "a whole number" if self._kind is int else "a number"
        most = "" if self._at_most is None else f" and at most {self._at_most:g}"
        return f"expected {kind} of at least {self._at_least:g}{most}, got {text!r}"


class LogLevel(Choice):
    """A level of :mod:`logging`: a word in any case, or a number; read as the number."""

    name = "level"

    def __init__(self) -> None:
        super().__init__(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])

    def read(self, text: str) -> int:
        """Return the number; raises :class:`ValueError` for anything else."""
        word = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(text.upper(), text.upper())
        if word in self.choices:
            return 10 * (1 + self.choices.index(word))
        if not (text.isdecimal() and int(text) <= _HIGHEST_LEVEL):
            wanted = ", ".join(self.choices)
            raise ValueError(
                f"expected one of {wanted}, or a number from 0 to {_HIGHEST_LEVEL}, got {text!r}"
            )
        return int(text)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the words that begin with ``incomplete``, in upper or lower case."""
        return super().shell_complete(ctx, param, incomplete.upper())
