"""The options and arguments of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .._version import __version__
from .printing import print_line
from .types import Text

__all__ = [
    "GENERAL",
    "HELP",
    "VERSION",
    "Option",
    "arguments",
    "at_most_one",
    "one",
    "option",
]

F = TypeVar("F", bound=Callable[..., Any])

GENERAL = "general options"
"""The section of the help with the options that all commands have."""

_TEXT = Text()


class Option(click.Option):
    """An option; ``section`` is the heading under which the help lists it."""

    def __init__(self, *args: Any, section: str = "options", **kwargs: Any) -> None:
        if not kwargs.get("is_flag"):
            kwargs.setdefault("type", _TEXT)
        super().__init__(*args, **kwargs)
        self.section = section
        if self.metavar is None:
            self.metavar = self.opts[-1].rpartition("-")[2].upper()

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return its names, with a word for its value, and its description."""
        names, text = ", ".join(self.opts), self.help or ""
        if not self.is_flag:
            names = f"{names} {self.metavar}"
        if self.show_default:
            default = f"{self.default:g}" if isinstance(self.default, float) else self.default
            text = f"{text.removesuffix('.')} (default: {default})."
        return names, text


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Add an :class:`Option` to a command; a name without dashes names the function's parameter."""
    return click.option(*names, cls=Option, **settings)


def arguments(
    name: str,
    metavar: str,
    *,
    callback: Callable[[click.Context, click.Parameter, Any], Any] | None = None,
    type: Text = _TEXT,
) -> Callable[[F], F]:
    """Add arguments to a command.

    ``metavar`` stands for them in the help; ``callback`` checks how many there are.
    """
    return click.argument(name, nargs=-1, metavar=metavar, callback=callback, type=type)


def one(expected: str) -> Callable[[click.Context, click.Parameter, Any], str]:
    """Return a callback for :func:`arguments` that requires exactly one, and returns it."""

    def check(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> str:
        if len(given) != 1:
            raise click.UsageError(f"expected {expected}, got {len(given)}", ctx)
        return given[0]

    return check


def at_most_one(expected: str) -> Callable[[click.Context, click.Parameter, Any], str | None]:
    """Return a callback for :func:`arguments` that allows one, and returns it or ``None``."""

    def check(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> str | None:
        if len(given) > 1:
            raise click.UsageError(f"expected {expected}, got {len(given)}", ctx)
        return given[0] if given else None

    return check


def _print_help(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        print_line(ctx.get_help())
        ctx.exit()


def _print_version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        print_line(__version__)
        ctx.exit()


_ANSWER: dict[str, Any] = {
    "section": GENERAL,
    "is_flag": True,
    "is_eager": True,
    "expose_value": False,
}
HELP = Option(["-h", "--help"], help="Show this help.", callback=_print_help, **_ANSWER)
VERSION = Option(["-V", "--version"], help="Show the version.", callback=_print_version, **_ANSWER)
