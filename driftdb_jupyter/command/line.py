"""A command line, taken apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

__all__ = ["take_apart"]

# All else is an argument: what begins as a number does, a dash alone, a text that has a space.
_OPTION = re.compile(r"(?P<dashes>--?)(?P<name>[A-Za-z][\w.-]*)(?P<value>=.*)?", re.DOTALL)


def take_apart(
    given: Sequence[str], *, flags: Collection[str], valued: Collection[str]
) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Return the options that were given, each with its value, and the arguments.

    ``flags`` are the options without a value, ``valued`` those with one, by their names with
    their dashes. Those of one letter may be written together (``-fn5``), and all behind ``--`` are
    arguments. Raises :class:`LookupError` with what is none of these options, and
    :class:`ValueError`, in words for who typed it, for a value too many or too few.
    """
    options: list[tuple[str, str | None]] = []
    arguments: list[str] = []
    rest = list(given)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, arguments + rest
        found = _OPTION.fullmatch(word)
        if found is None:
            arguments.append(word)
            continue
        name, value = found["dashes"] + found["name"], found["value"]
        if name not in flags and name not in valued:
            letter, more = word[:2], word[2:]
            if letter in valued:
                name, value = letter, f"={more.removeprefix('=')}"
            elif letter in flags and (f"-{more[0]}" in flags or f"-{more[0]}" in valued):
                name, value = letter, None
                rest.insert(0, f"-{more}")
            else:
                raise LookupError(name)
        if name in flags:
            if value is not None:
                raise ValueError(f"{name}: expected no value, got {value[1:]!r}")
            options.append((name, None))
        elif value is not None:
            options.append((name, value[1:]))
        elif rest and not _OPTION.fullmatch(rest[0]) and rest[0] != "--":
            options.append((name, rest.pop(0)))
        else:
            got = f"the option {rest[0]}" if rest else "none"
            raise ValueError(f"{name}: expected a value, got {got}")
    return options, arguments
