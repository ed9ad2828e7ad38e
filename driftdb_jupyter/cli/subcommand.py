"""What all subcommands have in common: how they begin, fail and end."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, NoReturn

from jupyter_core.application import JupyterApp, base_aliases, base_flags

from .._version import __version__
from ..protocol.errors import DriftDBError
from .status import BROKEN_PIPE, INTERRUPTED, USAGE, Misuse, status_of

__all__ = ["Subcommand"]


class Subcommand(JupyterApp):
    """Does one thing, and ends; what goes wrong on purpose is said in one line."""

    version = __version__
    aliases: dict[Any, Any] = {**base_aliases}  # noqa: RUF012
    flags: dict[Any, Any] = {"debug": base_flags["debug"]}  # noqa: RUF012

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Read the arguments; ends where there is no such option, of which traitlets only warns."""
        known = {"help", "help-all", "version"}
        for names in (*self.aliases, *self.flags):
            known.update([names] if isinstance(names, str) else names)
        given = sys.argv[1:] if argv is None else argv
        for argument in given[: given.index("--") if "--" in given else None]:
            option = argument.removeprefix("--").partition("=")[0]
            if argument.startswith("--") and option not in known and "." not in option:
                self.fail(f"there is no option --{option}; see driftdb {self.command} -h", USAGE)
        super().parse_command_line(argv)

    def start(self) -> None:
        """Do the work, and end with what :mod:`.status` says where it fails."""
        super().start()
        if self.log_level != logging.DEBUG:  # else it is in the errors that the client raises
            logging.getLogger("driftdb_jupyter").setLevel(logging.ERROR)
        try:
            self.run()
            sys.stdout.flush()
        except DriftDBError as error:
            self.fail(str(error), status_of(error))
        except KeyboardInterrupt:
            self.exit(INTERRUPTED)
        except BrokenPipeError:  # `driftdb tail … | head` just ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.exit(BROKEN_PIPE)

    def run(self) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    @property
    def command(self) -> str:
        """The word behind ``driftdb``."""
        return self.name.partition("-")[2]

    def only_argument(self, what: str) -> str:
        """The one argument that is expected."""
        if len(self.extra_args) != 1:
            self.misused(f"expected {what}, got {len(self.extra_args)}")
        argument: str = self.extra_args[0]
        return argument

    def misused(self, message: str) -> NoReturn:
        """Raise that the arguments make no sense."""
        raise Misuse(message)

    def fail(self, message: str, status: int) -> NoReturn:
        """Say what went wrong, and end."""
        self.say(message)
        self.exit(status)
        raise AssertionError("unreachable")

    def say(self, message: str) -> None:
        """Tell whoever started this."""
        print(f"driftdb {self.command}: {message}", file=sys.stderr, flush=True)
