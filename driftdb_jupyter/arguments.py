"""Commands that end, in one line, where their arguments make no sense."""

from __future__ import annotations

import re
import sys
from math import isfinite
from typing import Any, NoReturn

from jupyter_core.application import JupyterApp
from traitlets import Enum, Float, Int, TraitError, TraitType
from traitlets.config import Config

from ._version import __version__

__all__ = ["USAGE", "CheckedCommand"]

USAGE = 2
"""The exit status where the arguments make no sense."""


# What begins as a number does, or is a dash alone, is an argument.
_OPTION = re.compile(r"(--?([^-\d=.][^=]*))", re.DOTALL)


class CheckedCommand(JupyterApp):
    """A command of ``driftdb``, whose name is ``driftdb-COMMAND``.

    traitlets by itself only warns of an option that there isn't, and speaks of traits.
    """

    version = __version__

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Read the arguments; ends where there is no such option."""
        known = {"h", "help", "help-all", "version", "V"}
        for names in (*self.aliases, *self.flags):
            known.update([names] if isinstance(names, str) else names)
        given = sys.argv[1:] if argv is None else argv
        for argument in given[: given.index("--") if "--" in given else None]:
            found = _OPTION.match(argument)
            if found and found[2] not in known and "." not in found[2]:
                self.fail(f"there is no option {found[1]}; see driftdb {self.command} -h", USAGE)
        super().parse_command_line(argv)

    def update_config(self, config: Config) -> None:
        """Take values of the arguments, or of a file; ends where one doesn't fit."""
        try:
            super().update_config(config)
        except TraitError as error:
            self.fail(self._misfit(error, config), USAGE)

    def no_argument(self) -> None:
        """End where there is one that isn't an option."""
        if self.extra_args:
            self.fail(f"expected no argument, got {self.extra_args[0]!r}", USAGE)

    @property
    def command(self) -> str:
        """The word behind ``driftdb``."""
        return self.name.partition("-")[2]

    def fail(self, message: str, status: int) -> NoReturn:
        """Say what went wrong, and end."""
        self.say(message)
        self.exit(status)
        raise AssertionError("unreachable")

    def say(self, message: str) -> None:
        """Tell whoever started this."""
        print(f"driftdb {self.command}: {message}", file=sys.stderr, flush=True)

    def _misfit(self, error: TraitError, config: Config) -> str:
        named = re.search(r"'(\w+)' trait of", str(error))
        trait = self.traits().get(named[1]) if named else None
        if named is None or trait is None:
            return str(error)
        owners = [owner.__name__ for owner in type(self).__mro__]
        sections = [config[name] for name in owners if name in config]
        given = next((section[named[1]] for section in sections if named[1] in section), None)
        return f"{self._option(named[1])}: expected {_wanted(trait)}, got {str(given)!r}"

    def _option(self, trait: str) -> str:
        for names, where in self.aliases.items():
            if where.partition(".")[2] == trait:
                return f"--{names if isinstance(names, str) else max(names, key=len)}"
        return trait


def _wanted(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        return f"one of {', '.join(map(str, trait.values or ()))}"
    if not isinstance(trait, (Int, Float)):
        return str(trait.info())
    kind = "a whole number" if isinstance(trait, Int) else "a number"
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", trait.min), ("at most", trait.max))
        if bound is not None and isfinite(bound)
    ]
    return f"{kind} of {' and '.join(bounds)}" if bounds else kind
