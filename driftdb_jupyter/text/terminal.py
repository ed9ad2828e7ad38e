"""The parts of a text by others that may reach a terminal.

A control sequence can do more to a terminal than write: move the cursor over what was printed
before, set the title, write to the clipboard, have the terminal answer as if somebody had typed.
So all of them are taken out but those that style text (SGR). Links (OSC 8) are shown by their
text, because not every terminal knows them, and an address that can't be seen is none to be
trusted.
"""

from __future__ import annotations

import re
import unicodedata

from .sequences import ESCAPE, FINAL, INTERMEDIATE, PARAMETERS, STRING, STRING_END

__all__ = ["one_line", "shown", "unstyled"]

_STYLE = r"\x1b\[[0-9;:]{0,64}m"
# A control sequence, whole or not: what belongs to an unfinished one can't be told from text, so
# a CSI ends where it must and a string at the end of its line. C1 controls are as good as ESC.
_SEQUENCE = (
    rf"(?:\x1b\[|\x9b){PARAMETERS}{INTERMEDIATE}{FINAL}?"
    rf"|(?:\x1b{STRING}|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x9c|{STRING_END})?"
    rf"|{ESCAPE}?"
)
# Those that change the direction of text, so that it is read as another.
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTIONS}]"
_SUSPECT = re.compile(_CONTROL)
_UNSAFE = re.compile(rf"(?P<style>{_STYLE})|{_SEQUENCE}|{_CONTROL}")
_UNSAFE_IN_LINE = re.compile(rf"{_STYLE}|{_SEQUENCE}|{_CONTROL}")
_STYLES = re.compile(_STYLE)
_JOINERS = "\u200c\u200d"  # in scripts that join letters, and in emoji
_UNSEEN = "\ufffd"


def shown(text: str, *, styles: bool = True) -> str:
    """Return text, of any number of lines, that may be written to a terminal.

    Control sequences and characters are left out, but tabs, line feeds and, with ``styles``, what
    colours text; then its end puts an end to that, too.
    """
    if not _SUSPECT.search(text):
        return text
    safe = _UNSAFE.sub(lambda found: (found["style"] or "") if styles else "", text)
    return f"{safe}\x1b[0m" if "\x1b" in safe else safe


def one_line(text: str) -> str:
    """Return text on one line, for a name or a message: whatever can't be seen is a U+FFFD.

    So is a control sequence, whole; two names that differ are not made one.
    """
    if text.isprintable():
        return text
    text = _UNSAFE_IN_LINE.sub(_UNSEEN, text)
    return "".join(char if _is_visible(char) else _UNSEEN for char in text)


def unstyled(text: str) -> str:
    """Return text without what colours it."""
    return _STYLES.sub("", text)


def _is_visible(char: str) -> bool:
    if char.isprintable() or char in _JOINERS:
        return True
    # Spaces, private characters (symbols of fonts), and those that this Python is too old for.
    return unicodedata.category(char) in ("Zs", "Co", "Cn")
