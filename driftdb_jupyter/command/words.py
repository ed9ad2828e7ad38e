"""Which words of a command line are options.

click takes each word that begins with a dash for an option, and whatever follows an option for its
value. In ``driftdb`` a negative number and a text with a space (``- buy milk``) are arguments, and
an option is never the value of another. So every word that is not an option is given to click with
a mark in front, which :mod:`.types` takes off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

__all__ = ["given", "is_option", "quoted", "typed", "unquoted"]

_OPTION = re.compile(r"(?P<name>--?[A-Za-z][\w.-]*)(?:=(?P<value>.*))?", re.DOTALL)
_MARK = "\0"  # can't be in a word of a command line


def is_option(word: str) -> bool:
    """Return True if a word has the form of an option: ``-x`` or ``--word``, also with ``=VALUE``.

    A number, a single dash, and a text with a space before any ``=`` don't have it.
    """
    return _OPTION.fullmatch(word) is not None


def quoted(words: Sequence[str]) -> list[str]:
    """Mark the words before ``--`` that are not options, and the values in ``--word=VALUE``."""
    marked: list[str] = []
    for index, word in enumerate(words):
        if word == "--":
            return [*marked, *words[index:]]
        found = _OPTION.fullmatch(word)
        if found is None:
            word = _MARK + word
        elif word.startswith("--") and found["value"] is not None:
            word = f"{found['name']}={_MARK}{found['value']}"
        marked.append(word)
    return marked


def unquoted(word: str, *, of_option: bool) -> str:
    """Return a word as it was typed; ``of_option``: click takes it for the value of an option.

    Raises :class:`ValueError` if it is an option itself.
    """
    if word.startswith(_MARK):
        return word[1:]
    if not of_option:
        return word
    if word == "--" or is_option(word):
        raise ValueError(f"expected a value, got the option {word}")
    return word.removeprefix("=")  # of -n=2


def given(names: Sequence[str], words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield each word that gives an option with one of these names, and what follows its ``=``.

    Options of one letter may be written together, so the word for ``-n`` may be ``-fn5``.
    """
    letters = [name[1] for name in names if len(name) == 2]
    for word in takewhile("--".__ne__, words):
        if found := _OPTION.fullmatch(word):
            name = found["name"]
            together = not name.startswith("--") and any(letter in name for letter in letters)
            if together or name in names:
                yield name, found["value"]


def typed(names: Sequence[str], words: Sequence[str]) -> str:
    """Return the name with which an option was given last."""
    *_, (name, _) = [(names[0], None), *given(names, words)]
    return name if name in names else next(each for each in names if len(each) == 2)
