"""The words of a command line: which of them click takes for options.

For click each word that begins with a dash is an option, and whatever follows an option is its
value. Here negative numbers and texts (``- buy milk``) are arguments, and an option is never the
value of another. So all other words go through click with a mark in front.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

__all__ = ["given", "is_option", "quoted", "typed", "unquoted"]

_OPTION = re.compile(r"(?P<name>--?[A-Za-z][\w.-]*)(?:=(?P<value>.*))?", re.DOTALL)
_MARK = "\0"  # no word of a command line can hold it


def is_option(word: str) -> bool:
    """Whether a word has the form of an option: ``-x``, ``--word``, with ``=VALUE`` or without.

    What begins like a number, a dash alone, and a text with a space before any ``=`` are none.
    """
    return _OPTION.fullmatch(word) is not None


def quoted(words: Sequence[str]) -> list[str]:
    """Mark the words that are no options, and the values after ``--word=``, up to ``--``."""
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
    """Return the word as it was typed; ``of_option``: it is the value of an option.

    Raises :class:`ValueError` where the value of an option is the next option.
    """
    if word.startswith(_MARK):
        return word[1:]
    if not of_option:
        return word
    if word == "--" or is_option(word):
        raise ValueError(f"expected a value, got the option {word}")
    return word.removeprefix("=")  # of -n=2


def given(names: Sequence[str], words: Sequence[str]) -> tuple[str, str | None]:
    """Return the last word that gives an option of these names, and what follows its ``=``.

    An option of one letter may stand among others, so that may be ``-fn5`` for ``-n``.
    """
    letters = [name[1] for name in names if len(name) == 2]
    for word in reversed(list(takewhile("--".__ne__, words))):
        found = _OPTION.fullmatch(word)
        if found is not None:
            name = found["name"]
            among = not name.startswith("--") and any(letter in name for letter in letters)
            if name in names or among:
                return name, found["value"]
    return names[0], None


def typed(names: Sequence[str], words: Sequence[str]) -> str:
    """Return by which of its names an option was given last."""
    name, _ = given(names, words)
    return name if name in names else next(each for each in names if len(each) == 2)
