"""What all subcommands have in common: how they begin, fail and end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import click

from ..command.command import Command
from ..command.failure import FAILED, Failure
from ..command.parameter import GENERAL, Option
from ..command.types import LogLevel
from ..protocol.errors import DriftDBError
from .status import Misuse, status_of

__all__ = ["Subcommand", "make_command", "standard_input"]


_LOG_LEVEL = Option(
    ["--log-level"],
    section=GENERAL,
    type=LogLevel(),
    help="What to log on the standard error: DEBUG, INFO, WARNING, ERROR, CRITICAL, or a number.",
)
_DEBUG = Option(["--debug"], section=GENERAL, is_flag=True, help="The same as --log-level DEBUG.")


class Subcommand(Command):
    """Does one thing, and ends; what may go wrong is told in one line (:mod:`.status`)."""

    def general_options(self) -> list[Option]:
        """Return the options that it shares with others."""
        return [_LOG_LEVEL, _DEBUG, *super().general_options()]

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work; raises :class:`.Failure` with the exit status where it fails."""
        level: int | None = ctx.params.pop("log_level")
        if ctx.params.pop("debug"):
            level = 10
        self.log(ctx, level)
        try:
            return super().invoke(ctx)
        except DriftDBError as error:
            raise Failure(error.plain, status_of(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:  # a file or folder that can't be read or made
            where = f"{error.filename}: " if error.filename else ""
            raise Failure(f"{where}{error.strerror or error}", FAILED) from None

    def log(self, ctx: click.Context, level: int | None) -> None:
        """Log from this level on; without one only what no error tells."""
        import logging  # not for a command that shows its help

        if level is not None:
            logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("driftdb_jupyter").setLevel(logging.ERROR if level is None else level)


def make_command(
    *, cls: type[Subcommand] = Subcommand, **settings: Any
) -> Callable[[Callable[..., None]], Subcommand]:
    """Make a function a subcommand; its docstring is the help, and its module has the name.

    ``settings`` are those of the class, as the ``examples`` of :class:`.Command`.
    """
    return click.command(cls=cls, **settings)


def standard_input() -> BinaryIO:
    """Return what is read where no file is named; raises :class:`.Misuse` if it is closed."""
    if sys.stdin is None:
        raise Misuse("expected a standard input, got a closed one")
    return sys.stdin.buffer
