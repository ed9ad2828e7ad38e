"""What all subcommands have in common: how they begin, fail and end."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, NoReturn

from jupyter_core.application import base_aliases, base_flags

from ..arguments import CheckedCommand
from ..protocol.errors import DriftDBError
from .status import BROKEN_PIPE, FAILED, INTERRUPTED, Misuse, status_of

__all__ = ["Subcommand"]


class Subcommand(CheckedCommand):
    """Does one thing, and ends; what goes wrong on purpose is said in one line."""

    aliases: dict[Any, Any] = {**base_aliases}  # noqa: RUF012
    flags: dict[Any, Any] = {"debug": base_flags["debug"]}  # noqa: RUF012

    def start(self) -> None:
        """Do the work, and end with what :mod:`.status` says where it fails."""
        super().start()
        if self.log_level != logging.DEBUG:  # else it is in the errors that the client raises
            logging.getLogger("driftdb_jupyter").setLevel(logging.ERROR)
        if sys.stdout is None:  # closed: nobody wants what is printed
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it is open to the end
        try:
            self.run()
            sys.stdout.flush()
        except DriftDBError as error:
            self.fail(str(error), status_of(error))
        except KeyboardInterrupt:
            self.exit(INTERRUPTED)
        except BrokenPipeError:  # `driftdb tail … | head` just ends
            _print_no_more()
            self.exit(BROKEN_PIPE)
        except OSError as error:  # a disk that is full
            _print_no_more()
            self.fail(f"can't write: {error.strerror or error}", FAILED)

    def run(self) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    def only_argument(self, what: str) -> str:
        """The one argument that is expected."""
        if len(self.extra_args) != 1:
            self.misused(f"expected {what}, got {len(self.extra_args)}")
        argument: str = self.extra_args[0]
        return argument

    def misused(self, message: str) -> NoReturn:
        """Raise that the arguments make no sense."""
        raise Misuse(message)


def _print_no_more() -> None:
    """Else Python tries once more at its end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
