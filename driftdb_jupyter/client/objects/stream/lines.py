"""Text that comes in pieces, as the lines that a terminal would show."""

from __future__ import annotations

import re

import msgspec

from ....text.sequences import (
    ESCAPE,
    FINAL,
    INTERMEDIATE,
    PARAMETERS,
    STRING,
    STRING_END,
    STYLE,
)

__all__ = ["Lines", "encode_line", "printed"]

_LONGEST_LINE = 64 * 1024
_MOST_ROWS = 64
_MOST_STYLES = 16

_encode = msgspec.json.Encoder().encode

# What stays in a line: styles, and the begin and end of a link.
_LINK = rf"\x1b\]8;[^\x07\x1b\n]*{STRING_END}"
_STYLE = re.compile(STYLE)
_RESET = re.compile(r"\x1b\[0*m")
_KEPT = re.compile(rf"({STYLE}|{_LINK})")
_NO_STYLE = re.compile(rf"(?!{STYLE})\x1b")
_TOKEN = re.compile(
    r"\n|\r|\x08+"
    rf"|\x1b\[(?P<numbers>{PARAMETERS}){INTERMEDIATE}(?P<final>{FINAL})"  # CSI
    rf"|(?P<text>\x1b\](?P<command>[^\x07\x1b\n]*){STRING_END})"  # OSC
    r"|\x1b[PX^_][^\x1b\n]*\x1b\\"  # DCS, SOS, PM, APC
    rf"|(?!\x1b(?:\[|{STRING})){ESCAPE}"
)
_EIGHT_BIT = "\x90\x98\x9b\x9c\x9d\x9e\x9f"  # DCS, SOS, CSI, ST, OSC, PM, APC
_AS_SEVEN_BIT = {ord(each): f"\x1b{chr(ord(each) - 0x40)}" for each in _EIGHT_BIT}
_UNFINISHED = re.compile(
    rf"\x1b(?:\[{PARAMETERS}{INTERMEDIATE}|{STRING}[^\x07\x1b\n]*\x1b?|{INTERMEDIATE})\Z"
)


class Lines:
    """Makes lines, without their ends, of text that comes in pieces.

    A line is what a terminal would show in the end: what was written over (carriage return,
    backspace, a cursor that was moved up, an erased line) is left out. Colours and links stay,
    all other control sequences are left out. What is longer than 64 KiB is cut in several.

    A line that was written over is a progress bar, and may be written over again even after its
    line end, as bars below others are. So it waits until other text follows, or :meth:`settle`.
    No I/O, no thread: one caller at a time.
    """

    def __init__(self) -> None:
        self._rows = [_Row()]
        self._at = 0  # the row that the cursor is in
        self._rest = 0  # the row that it was in when the writer paused
        # How many rows above that the writer comes back to; None: it is yet to be seen.
        self._reach: int | None = 0
        self._unfinished = ""  # a control sequence

    def split(self, text: str) -> list[str]:
        """Take text, and return the lines that end in it."""
        text = _seven_bit(text)
        if self._unfinished:
            text, self._unfinished = self._unfinished + text, ""
        if "\r\n" in text:
            text = text.replace("\r\n", "\n")
        row = self._rows[0]
        if len(self._rows) == 1 and row.plain:
            special = _first_special(text)
            if special is None:
                return self._split_plain(row, text)
            # The lines before are as plain as most.
            start = text.rfind("\n", 0, special) + 1
            lines = self._split_plain(row, text[:start]) if start else []
            return lines + self._split_any(text[start:])
        return self._split_any(text)

    @property
    def waiting(self) -> bool:
        """Whether lines wait that :meth:`settle` would return."""
        return self._at > self._held_rows()

    def settle(self) -> list[str]:
        """Return the lines that waited for what follows: the writer pauses."""
        lines = self._release(self._at - self._held_rows())
        self._rest = self._at
        return lines

    def flush(self) -> list[str]:
        """Return the lines that need not wait, and the last one, unless it is being written over.

        The line end that may follow doesn't make another line of it.
        """
        row = self._rows[self._at]
        busy = self._held_rows() or self._at < len(self._rows) - 1
        if busy or not row.plain or not row.visible:
            return []
        lines = self._release(self._at)
        lines += row.pieces()
        self._rows = [_Row(sent=True, styled=row.styled_at_end)]
        self._rest = 0
        return lines

    def end(self) -> list[str]:
        """Return all that is left: no more text comes."""
        self._rows[self._at].text += self._unfinished
        while len(self._rows) > 1 and not self._rows[-1].visible:
            self._rows.pop()
        last = self._rows[-1]
        lines = self._release(len(self._rows) - 1)
        if last.visible:
            lines += last.pieces()
        self.__init__()  # type: ignore[misc]
        return lines

    def _split_plain(self, row: _Row, text: str) -> list[str]:
        if (end := text.rfind("\n")) >= 0:
            escape = text.rfind("\x1b", 0, end)
            row.styled = row.styled_at_end if escape < 0 else not _RESET.match(text, escape)
        *lines, row.text = (row.text + text).split("\n")
        if lines and row.sent:
            row.sent = False
            if not lines[0]:
                del lines[0]
        if max(map(len, lines), default=0) > _LONGEST_LINE or len(row.text) > _LONGEST_LINE:
            lines = [piece for line in lines for piece in _pieces(line)] + row.cut()
        return lines

    def _split_any(self, text: str) -> list[str]:
        unfinished = _UNFINISHED.search(text, max(0, text.rfind("\x1b", 0, -1)))
        if unfinished is not None and len(unfinished[0]) <= _LONGEST_LINE:
            text, self._unfinished = text[: unfinished.start()], unfinished[0]
        lines: list[str] = []
        start = 0
        for token in _TOKEN.finditer(text):
            if token.start() > start:
                self._rows[self._at].write(text[start : token.start()])
            start = token.end()
            self._obey(token)
            if token[0] == "\n" and self._at > 2 * _MOST_ROWS:
                lines += self._release(self._finished())
        if start < len(text):
            self._rows[self._at].write(text[start:])
        lines += self._release(self._finished())
        last = len(self._rows) - 1
        if len(self._rows[last].text) > _LONGEST_LINE:
            lines += self._release(last) + self._rows[0].cut()
        return lines

    def _obey(self, token: re.Match[str]) -> None:
        row, numbers, final = self._rows[self._at], token["numbers"], token["final"]
        number = int(numbers) if numbers and numbers.isdecimal() and len(numbers) < 5 else 1
        match token[0][0] if final is None else final:
            case "\n":
                self._feed(row)
            case "\r":
                row.returned = True
            case "\b" | "D":
                row.back += len(token[0]) if final is None else number
            case "m":
                if _STYLE.fullmatch(token[0]):
                    row.style(token[0])
            case "A" | "F":
                self._move(-number, row, start=final == "F")
            case "B" | "E":
                self._move(number, row, start=final == "E")
            case "G":
                row.returned = row.returned or number == 1
            case "K":
                if row.returned or numbers in ("1", "2"):
                    row.erase()
            case "J":
                if row.returned and numbers in ("", "0"):
                    row.erase()
                    del self._rows[self._at + 1 :]
            case "h" | "l" if numbers == "?25":  # who hides the cursor comes back to its lines
                self._reach = 0 if final == "h" else self._reach or None
            case "\x1b" if (token["command"] or "").startswith("8;"):
                row.style(token[0])

    def _feed(self, row: _Row) -> None:
        """Go to the row below, which is made if there is none."""
        below = self._at + 1
        if row.sent and not row.text:
            row.sent = False
            return
        if below == len(self._rows):
            self._rows.append(_Row(styled=row.styled_at_end))
        elif self._rows[below].visible:
            self._rows[below].returned = True
        else:  # a bar that cleared itself
            self._rows[below] = _Row(styled=self._rows[below].styled_at_end)
        self._at = below

    def _move(self, rows: int, row: _Row, *, start: bool) -> None:
        start = start or row.returned
        target = self._at + rows
        if target < self._rest:
            self._reach = max(self._reach or 0, min(self._rest - target, _MOST_ROWS))
        self._at = min(max(0, target), len(self._rows) - 1)
        if start:
            self._rows[self._at].returned = True

    def _finished(self) -> int:
        """Return the number of rows that are finished, as far as can be told before a pause."""
        count = self._at
        rows = self._rows
        while count and (rows[count - 1].over or not rows[count - 1].text):
            count -= 1
        while count < self._at and not rows[count].over:  # empty, with no bar above
            count += 1
        return max(min(count, self._at - self._held_rows()), self._at - _MOST_ROWS)

    def _held_rows(self) -> int:
        return _MOST_ROWS if self._reach is None else self._reach

    def _release(self, count: int) -> list[str]:
        if count <= 0:
            return []
        released = self._rows[:count]
        del self._rows[:count]
        self._at -= min(count, self._at)
        self._rest = max(0, self._rest - count)
        return [piece for row in released for piece in row.pieces()]


class _Row:
    """A line of a terminal, with a cursor that is at its end, at its start or some steps back."""

    __slots__ = ("back", "over", "returned", "sent", "styled", "styles", "text")

    def __init__(self, *, sent: bool = False, styled: bool = False) -> None:
        self.text = ""
        self.sent = sent  # what stood here before
        self.styled = styled  # at its start
        self.over = False  # it was written over
        self.returned = False  # the cursor is at the start
        self.back = 0
        self.styles = ""  # of what comes next

    @property
    def visible(self) -> str:
        """The text that can be seen."""
        text = _KEPT.sub("", self.text)
        return text.rstrip(" ") if self.over else text

    @property
    def plain(self) -> bool:
        """Whether text is written behind what there is, and nothing was written over."""
        return not (self.returned or self.over or self.back)

    @property
    def styled_at_end(self) -> bool:
        """Whether a style holds for the row below."""
        styles = _STYLE.findall(self.text + self.styles)
        return not _RESET.match(styles[-1]) if styles else self.styled

    def write(self, text: str) -> None:
        """Write visible text at the cursor."""
        if self.returned:
            self.text, self.over = self._kept_styles() + text, True
        else:
            if self.back:
                self.text, self.over = _without_last(self.text, self.back), True
            self.text += text
        self.returned, self.back, self.styles = False, 0, ""

    def style(self, sequence: str) -> None:
        """Write what isn't visible itself."""
        if self.returned:
            self.styles += sequence
        else:
            self.text += sequence

    def erase(self) -> None:
        """Erase the row; the cursor stays."""
        self.styles, self.text, self.over = self._kept_styles(), "", True

    def pieces(self) -> list[str]:
        """Return its lines."""
        text = self.text + self.styles
        return _pieces(text.rstrip(" ") if self.over else text)

    def cut(self) -> list[str]:
        """Take out all full pieces but what may not be the last."""
        *pieces, self.text = _pieces(self.text)
        return pieces

    def _kept_styles(self) -> str:
        """Return the styles that still hold after the text is gone."""
        kept: list[str] = []
        for style in _STYLE.findall(self.text + self.styles):
            if _RESET.match(style):
                kept = [style] if self.styled else []
            else:
                kept.append(style)
        return "".join(kept[-_MOST_STYLES:])


def printed(text: str) -> str:
    """Return a whole text as it is printed, with its line breaks (see :class:`Lines`).

    Lone surrogates become U+FFFD.
    """
    text = _seven_bit(text)
    if _first_special(text) is not None:
        lines = Lines()
        text = "\n".join(lines.split(text) + lines.end())
    try:
        text.encode()
    except UnicodeEncodeError:
        return _without_surrogates(text)
    return text


def encode_line(line: str) -> bytes:
    """Return a text as JSON, in UTF-8; lone surrogates become U+FFFD."""
    try:
        return _encode(line)
    except UnicodeEncodeError:
        return _encode(_without_surrogates(line))


def _seven_bit(text: str) -> str:
    """Return a text in which control sequences begin with ESC, and not with one character."""
    if text.isascii() or not any(each in text for each in _EIGHT_BIT):
        return text
    return text.translate(_AS_SEVEN_BIT)


def _first_special(text: str) -> int | None:
    """Return the index of the first thing that is more than lines and their styles.

    ``None`` if none is.
    """
    # One pattern for all three is ten times slower, because it begins with no one character.
    sequence = _NO_STYLE.search(text)
    found = [] if sequence is None else [sequence.start()]
    found += [at for at in (text.find("\r"), text.find("\b")) if at >= 0]
    return min(found, default=None)


def _without_surrogates(text: str) -> str:
    # In UTF-16 two that belong together are one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _pieces(line: str) -> list[str]:
    """Cut a line that is too long, but not within a control sequence."""
    pieces = []
    start = 0
    while len(line) - start > _LONGEST_LINE:
        end = start + _LONGEST_LINE
        escape = line.rfind("\x1b", start + 1, end)
        if escape > 0 and (cut := _TOKEN.match(line, escape)) and cut.end() > end:
            end = escape
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]]


def _without_last(text: str, count: int) -> str:
    """Return a text without its last visible characters."""
    kept = []
    for part in reversed(_KEPT.split(text)):
        if count and not part.startswith("\x1b"):
            cut = min(count, len(part))
            part, count = part[: len(part) - cut], count - cut
        kept.append(part)
    return "".join(reversed(kept))
