"""The parts that all subcommands share: the log, and how errors end them."""

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
from ..text.terminal import one_line
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
    """A command whose errors have exit statuses (:mod:`.status`)."""

    def general_options(self) -> list[Option]:
        """Return the options that it has in common with other commands."""
        return [_LOG_LEVEL, _DEBUG, *super().general_options()]

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work; raises :class:`.Failure` with the exit status of an error."""
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
        """Log from this level on; without one only errors are logged."""
        import logging  # help and completion don't need it

        class Formatter(logging.Formatter):
            """Formats records whose texts may be those of others."""

            def formatMessage(self, record: logging.LogRecord) -> str:
                return one_line(super().formatMessage(record))

            def formatException(self, ei: Any) -> str:
                return "\n".join(map(one_line, super().formatException(ei).splitlines()))

        handler = logging.StreamHandler()
        handler.setFormatter(
            Formatter("%(message)s" if level is None else "%(levelname)s %(name)s: %(message)s")
        )
        logging.basicConfig(handlers=[handler])
        if level is None:
            # Of a failed TLS handshake it warns by itself, where the command says what is wrong.
            logging.getLogger("tornado").setLevel(logging.ERROR)
        logging.getLogger("driftdb_jupyter").setLevel(logging.ERROR if level is None else level)


def make_command(
    *, cls: type[Subcommand] = Subcommand, **settings: Any
) -> Callable[[Callable[..., None]], Subcommand]:
    """Return a decorator that makes a function a subcommand, with its docstring as the help.

    ``settings`` are passed to the class, as the ``examples`` of :class:`.Command`.
    """
    return click.command(cls=cls, **settings)


def standard_input() -> BinaryIO:
    """Return the standard input; raises :class:`.Misuse` if it is closed."""
    if sys.stdin is None:
        raise Misuse("expected a standard input, got a closed one")
    return sys.stdin.buffer
