"""What all subcommands have in common: how they begin, fail and end."""

from __future__ import annotations

import logging
import sys
from typing import BinaryIO, NoReturn

from ..command import CheckedCommand
from ..protocol.errors import DriftDBError
from .status import FAILED, INTERRUPTED, Misuse, status_of
from .terminal import flush

__all__ = ["Subcommand"]


class Subcommand(CheckedCommand):
    """Does one thing, and ends; what goes wrong on purpose is said in one line."""

    def start(self) -> None:
        """Do the work, and end with what :mod:`.status` says where it fails."""
        super().start()
        if self.log_level != logging.DEBUG:  # else it is in the errors that the client raises
            logging.getLogger("driftdb_jupyter").setLevel(logging.ERROR)
        with self.printing():
            try:
                self.run()
                flush()
            except DriftDBError as error:
                self.fail(error.plain, status_of(error))
            except KeyboardInterrupt:
                self.exit(INTERRUPTED)
            except BrokenPipeError:
                raise
            except OSError as error:  # a file or folder that can't be read or made
                where = f"{error.filename}: " if error.filename else ""
                self.fail(f"{where}{error.strerror or error}", FAILED)

    def run(self) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    def only_argument(self, what: str) -> str:
        """The one argument that is expected."""
        if len(self.extra_args) != 1:
            self.misused(f"expected {what}, got {len(self.extra_args)}")
        argument: str = self.extra_args[0]
        return argument

    def standard_input(self) -> BinaryIO:
        """What is read where no file is named."""
        if sys.stdin is None:
            self.misused("expected a standard input, got a closed one")
        return sys.stdin.buffer

    def misused(self, message: str) -> NoReturn:
        """Raise that the arguments make no sense."""
        raise Misuse(message)
