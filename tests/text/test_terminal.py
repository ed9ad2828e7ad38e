from __future__ import annotations

import pytest

from driftdb_jupyter.text.terminal import one_line, shown, unstyled

LINK = "\x1b]8;id=1;https://example.org\x1b\\"
NO_LINK = "\x1b]8;;\x1b\\"

HIDDEN = [
    "\x1b[2J",
    "\x1b[A",
    "\x1b[?25l",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[>4;2m",  # changes what keys send
    "\x1b[?4m",
    "\x1b[21t",
    "\x1b]0;title\x07",
    "\x1b]52;c;QUJD\x1b\\",
    "\x1b]10;?\x07",
    "\x1b]1337;File=inline=1:QUJD\x07",
    "\x1bP$qm\x1b\\",
    "\x1b_Gq=2;QUJD\x1b\\",
    "\x1b^private\x1b\\",
    "\x1bXstring\x1b\\",
    "\x1bc",
    "\x1b7",
    "\x1b(0",
    "\x1b#8",
    "\x9b2J",
    "\x9d52;c;QUJD\x9c",
    "\x90+q\x9c",
    "\x85",
    "\x07",
    "\x08",
    "\r",
    "\x00",
    "\x0e",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200f",
]


@pytest.mark.parametrize("sequence", HIDDEN, ids=repr)
def test_nothing_is_seen_of_what_a_terminal_must_not_obey(sequence: str) -> None:
    assert shown(f"be{sequence}hind") == "behind"
    assert one_line(f"be{sequence}hind") == "be\ufffdhind"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ö 日本 👩\u200d💻\tx\ny", "plain ö 日本 👩\u200d💻\tx\ny"),
        ("\x1b[1;38;2;1;2;3mred", "\x1b[1;38;2;1;2;3mred\x1b[0m"),
        ("\x1b[4:3mcurly\x1b[m", "\x1b[4:3mcurly\x1b[m\x1b[0m"),
        (f"hi {LINK}link{NO_LINK} after", "hi link after"),
        ("hi \x1b]8;;https://example.org\x07link\x1b]8;;\x07 after", "hi link after"),
        ("unfinished \x1b]8;;https://example.org rest\nnext", "unfinished \nnext"),
        ("unfinished \x1b[31", "unfinished "),
        ("unfinished \x1b[31é", "unfinished é"),
        ("unfinished \x1b", "unfinished "),
        ("\x1b]0;ti\x1b[31mtle", "\x1b[31mtle\x1b[0m"),
        ("\x1b\x1b[2Jx", "x"),
        ("a\x1b[\x1b[2Jb", "ab"),
        ("\x1b[" + "1;" * 100 + "mx", "x"),
    ],
)
def test_a_text_keeps_its_lines_and_colours(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_what_is_left_is_safe_itself() -> None:
    for first in HIDDEN:
        for second in HIDDEN:
            cut = first[:1] + second + first[1:]
            assert "\x1b" not in shown(cut).replace("\x1b[0m", "")
            assert not set(shown(cut)) & set("\x07\x08\r\x00\x7f\x85\x90\x9b\x9c\x9d\u202e")


def test_a_terminal_without_colours_gets_none() -> None:
    assert shown("\x1b[31mred\x1b[0m", styles=False) == "red"
    assert unstyled("\x1b[31mred\x1b[0m") == "red"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("lecture/1 ö", "lecture/1 ö"),
        ("10\u00a0% 👩\u200d💻 \ue0b0", "10\u00a0% 👩\u200d💻 \ue0b0"),
        ("\x1b[31mred", "\ufffdred"),
        ("two\nlines\tand\u2028more", "two\ufffdlines\ufffdand\ufffdmore"),
        ("caf\udce9", "caf\ufffd"),
        ("\U000e0041\u200b", "\ufffd\ufffd"),
    ],
)
def test_a_name_is_one_line_that_shows_what_can_not_be_seen(name: str, safe: str) -> None:
    assert one_line(name) == safe
