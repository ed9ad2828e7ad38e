"""Commands that end, in one line, where their arguments make no sense."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any, ClassVar, NoReturn

from jupyter_core.application import JupyterApp, base_flags
from traitlets import Enum, Float, Int, TraitError, TraitType, Unicode
from traitlets.config import Config, Configurable
from traitlets.config.loader import DeferredConfigString

from .._version import __version__
from .help import help_of
from .line import take_apart
from .option import HELP, HELP_ALL, VERSION, dashed
from .printing import Unprinted, flush, silence, write

__all__ = ["BROKEN_PIPE", "FAILED", "USAGE", "CheckedCommand"]

FAILED = 1
"""The exit status where it failed otherwise."""

USAGE = 2
"""The exit status where the arguments make no sense."""

BROKEN_PIPE = 141
"""The exit status where nobody reads what is printed."""


class CheckedCommand(JupyterApp):
    """A command of ``driftdb``, whose name is ``driftdb-COMMAND``.

    It reads its arguments itself, for traitlets takes what it doesn't know for an option of its
    own, and speaks of traits.
    """

    version = __version__
    arguments: ClassVar[str] = ""
    """What is expected behind the options, as the help has it."""
    groups: ClassVar[dict[str, str]] = {
        "Application": "general options",
        "CheckedCommand": "general options",
    }
    """Under which title the help has the options of a class, if not with the command's own."""
    aliases: dict[Any, Any] = {  # noqa: RUF012
        "config": "CheckedCommand.config_file",
        "log-level": (
            "Application.log_level",
            "What to tell of: DEBUG, INFO, WARN, ERROR or CRITICAL.",
        ),
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        "debug": (base_flags["debug"][0], "Tell of all that happens, on the standard error."),
    }

    config_file = Unicode(config=True, help="A file with settings.").tag(metavar="FILE")

    _given: dict[str, tuple[str, str]] = {}  # noqa: RUF012
    """By a trait's name the option that set it, and its value, as they were typed."""

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Read the arguments; ends where they make no sense, and where they ask for help."""
        given = sys.argv[1:] if argv is None else argv
        if self.subcommands and given[:1] == ["help"]:
            given = [*given[1:], "-h"]
        if given and given[0] in self.subcommands:
            self.initialize_subcommand(given[0], given[1:])
            return
        self._check_text(given)
        flags, aliases = (_dashed(each) for each in self.flatten_flags())
        settings = self._settings()
        asking = {*HELP.names, *HELP_ALL.names, *VERSION.names}
        try:
            options, self.extra_args = take_apart(
                given, flags={*flags, *asking}, valued={*aliases, *settings}
            )
        except LookupError as error:
            dashes = self.arguments and not self.subcommands
            advice = "; put -- before an argument that begins with a dash" if dashes else ""
            self.fail(f"there is no option {error}, see {self.called} -h{advice}", USAGE)
        except ValueError as error:
            self.fail(str(error), USAGE)
        config, self._given = Config(), {}
        for name, value in options:
            if name in asking:
                self._answer(name)
            elif value is None:
                for section, traits in flags[name][0].items():
                    config[section].update(traits)
            else:
                target = aliases.get(name, name.removeprefix("--"))
                section, trait = target.split(".")
                typed = DeferredConfigString(value)
                config[section][trait] = typed.get_value(settings[f"--{target}"])
                self._given[trait] = name, value
        self.cli_config = config
        self.update_config(config)

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
    def called(self) -> str:
        """How it is called: ``driftdb COMMAND``."""
        return self.name.replace("-", " ", 1)

    def print_help(self, classes: bool = False) -> None:
        """Say how it is used; with ``classes`` all settings, too."""
        with self.printing():
            write(help_of(self, classes=classes).encode() + b"\n")
            flush()

    def print_version(self) -> None:
        """Say which version this is."""
        with self.printing():
            write(self.version.encode() + b"\n")
            flush()

    @contextmanager
    def printing(self) -> Iterator[None]:
        """End where nobody takes what is printed."""
        try:
            yield
        except BrokenPipeError:  # `driftdb tail … | head` just ends
            silence(sys.stdout)
            self.exit(BROKEN_PIPE)
        except Unprinted as error:
            silence(sys.stdout)
            self.fail(str(error), FAILED)

    def fail(self, message: str, status: int) -> NoReturn:
        """Say what went wrong, and end."""
        self.say(message)
        self.exit(status)
        raise AssertionError("unreachable")

    def say(self, message: str) -> None:
        """Tell whoever started this, if anybody listens."""
        try:
            print(f"{self.called}: {message}", file=sys.stderr, flush=True)
        except OSError:
            silence(sys.stderr)

    def _check_text(self, given: list[str]) -> None:
        for argument in given:
            try:
                argument.encode()
            except UnicodeEncodeError:
                self.fail(
                    f"expected arguments in UTF-8, got {argument!r} (in the locale C nothing else "
                    "than ASCII can be read: LC_ALL=C.UTF-8 is another)",
                    USAGE,
                )

    def _settings(self) -> dict[str, TraitType[Any, Any]]:
        """All traits that can be set, by ``--CLASS.NAME``."""
        return {
            f"--{owner.__name__}.{name}": trait
            for each in self.classes
            for owner in each.__mro__
            if issubclass(owner, Configurable)
            for name, trait in owner.class_traits(config=True).items()
        }

    def _answer(self, name: str) -> NoReturn:
        if name in VERSION.names:
            self.print_version()
        else:
            self.print_help(classes=name in HELP_ALL.names)
        self.exit(0)
        raise AssertionError("unreachable")

    def _misfit(self, error: TraitError, config: Config) -> str:
        named = re.search(r"'(\w+)' trait of", str(error))
        trait = self.traits().get(named[1]) if named else None
        if named is None or trait is None:
            return str(error)
        owners = [owner.__name__ for owner in type(self).__mro__]
        sections = [config[name] for name in owners if name in config]
        found = next((section[named[1]] for section in sections if named[1] in section), None)
        option, value = self._given.get(named[1], (named[1], str(found)))
        return f"{option}: expected {_wanted(trait)}, got {value!r}"


def _dashed(named: dict[str, Any]) -> dict[str, Any]:
    return {dashed(name)[0]: target for name, target in named.items()}


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
