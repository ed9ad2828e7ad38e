"""The options that a command has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Enum, TraitType

if TYPE_CHECKING:
    from .checked import CheckedCommand

__all__ = ["HELP", "HELP_ALL", "VERSION", "Option", "dashed", "options_of"]


@dataclass(frozen=True)
class Option:
    """An option, by its names with their dashes, the short ones first.

    ``value`` is what stands for its value (``FILE`` and ``FOLDER`` for what lies there), empty
    where it takes none; ``choices`` are all values, where they are few. ``owner`` is the name of
    the class whose trait it sets.
    """

    names: tuple[str, ...]
    help: str
    owner: str = "Application"
    value: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""


HELP = Option(("-h", "--help"), "Say how it is used.")
HELP_ALL = Option(("--help-all",), "Say so of all settings.")
VERSION = Option(("-V", "--version"), "Say which version this is.")


def options_of(command: type[CheckedCommand]) -> Iterator[Option]:
    """All options of a command, in the order in which it names them.

    How a value is called says the trait's tag ``metavar``, else the option's own name.
    """
    for names, target in command.aliases.items():
        where, help = target if isinstance(target, tuple) else (target, "")
        owner, _, name = where.partition(".")
        trait = command.class_traits()[name]
        shown = dashed(names)
        yield Option(
            shown,
            help or trait.help,
            owner,
            trait.metadata.get("metavar") or shown[-1].rpartition("-")[2].upper(),
            tuple(map(str, trait.values or ())) if isinstance(trait, Enum) else (),
            _default(trait),
        )
    for names, (config, help) in command.flags.items():
        yield Option(dashed(names), help, next(iter(config)))
    yield HELP
    if command.classes:
        yield HELP_ALL
    yield VERSION


def dashed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """The names of an option, with their dashes; the short ones first."""
    given = (names,) if isinstance(names, str) else sorted(names, key=len)
    return tuple(f"-{name}" if len(name) == 1 else f"--{name}" for name in given)


def _default(trait: TraitType[Any, Any]) -> str:
    value = trait.default_value
    if value is None or isinstance(trait, Bool):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
