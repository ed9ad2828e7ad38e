from __future__ import annotations

import pytest
from rich.console import Console
from rich.progress import Progress
from tqdm import tqdm

from driftdb_jupyter.client.objects.stream.lines import Lines, encode_line, printed

from .writer import Writer

LINK = "\x1b]8;;https://example.org\x1b\\"
NO_LINK = "\x1b]8;;\x1b\\"


def lines_of(text: str, *, size: int | None = None) -> list[str]:
    """The lines of a text that comes in pieces of a size."""
    lines, made = Lines(), []
    step = size or len(text) or 1
    for start in range(0, len(text), step):
        made += lines.split(text[start : start + step])
    return made + lines.end()


def test_lines_come_out_once_they_have_an_end() -> None:
    lines = Lines()
    assert lines.split("be") == []
    assert lines.split("gun\n\nof") == ["begun", ""]
    assert lines.end() == ["of"]
    assert lines.end() == []


@pytest.mark.parametrize("size", [None, 1, 2, 3, 5])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" 10 %\r 50 %\r100 %\nwindows\r\n", ["100 %", "windows"]),
        ("1\r2", ["2"]),
        ("old mac\rnewer\n", ["newer"]),
        ("kept\r\n\r\nkept\r", ["kept", "", "kept"]),
        ("100 %\r\x1b[0m\n", ["100 %\x1b[0m"]),  # nothing visible was written over it
        ("\r longer \r  \rnext\n", ["next"]),
        ("\r 100 %   \r      \r", []),  # a bar that clears itself
        ("|\b/\b-\bdone\n", ["done"]),
        ("ab\b\bcd\n", ["cd"]),
        ("\x1b[31mab\x1b[0m\bc\n", ["\x1b[31ma\x1b[0mc"]),
        ("old\x1b[2K\rnew\n", ["new"]),
        ("old\r\x1b[Knew\n", ["new"]),
        ("old\x1b[K\n", ["old"]),  # it erases what is behind the cursor
        ("old\x1b[1Gnew\n", ["new"]),
        ("1\n2\n\x1b[2Aone\ntwo\n", ["1", "2", "one", "two"]),  # they were sent already
        ("\r1\n\r2\n\x1b[2A\rone\n\rtwo\n", ["one", "two"]),
        ("\r1\n\r2\n\x1b[2F\x1b[Jone\n", ["one"]),
        ("\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        ("\x1b[31mred\rstill red\x1b[0m\n", ["\x1b[31mstill red\x1b[0m"]),
        ("\r\x1b[32m 1%\x1b[0m\r\x1b[32m 2%\x1b[0m\n", ["\x1b[32m 2%\x1b[0m"]),
        ("\x1b[1mbold\nx\x1b[0m\ry\n", ["\x1b[1mbold", "\x1b[0my"]),
        (f"a {LINK}link{NO_LINK}\n", [f"a {LINK}link{NO_LINK}"]),
        ("\x1b]0;title\x07text\x1b]52;c;QUJD\x1b\\\n", ["text"]),
        ("\x1b[?25l\x1b[2J\x1b[Htext\x1b(B\x1b[m\x1b7\x1b8\x1bP1$r0m\x1b\\\n", ["text\x1b[m"]),
        ("\x1b[>4;2mtext\x1b[6n\x1b[c\n", ["text"]),
        ("unfinished \x1b]8;;https://e.org\nnext\n", ["unfinished \x1b]8;;https://e.org", "next"]),
        ("end\x1b[", ["end\x1b["]),
        ("a\x9b31mred\x9bm\x9b2J\x9d52;c;aGk=\x9c\x90q\x9cb\n", ["a\x1b[31mred\x1b[mb"]),
        ("a\x00b\x07c\n", ["a\x00b\x07c"]),
        ("", []),
    ],
)
def test_a_line_is_what_a_terminal_shows_in_the_end(
    text: str, shown: list[str], size: int | None
) -> None:
    assert lines_of(text, size=size) == shown


def test_a_long_line_is_cut_before_its_end_came() -> None:
    lines = Lines()
    pieces = lines.split("x" * 70_000) + lines.split("x" * 80_000 + "\n")
    assert [len(piece) for piece in pieces] == [65_536, 65_536, 18_928]


@pytest.mark.parametrize("size", [None, 8192])
def test_what_was_written_over_is_dropped_before_a_line_is_cut(size: int | None) -> None:
    bar = "".join(f"\r{number / 20:4.0f}% [{'#' * 60}]" for number in range(2001))
    assert lines_of(bar, size=size) == [f" 100% [{'#' * 60}]"]
    spinner = "working " + "|\b/\b-\b" * 40_000 + " \n"
    assert lines_of(spinner, size=size) == ["working"]


def test_a_line_is_not_cut_within_a_control_sequence() -> None:
    text = "x" * 65_534 + "\x1b[38;2;1;2;3m" + "y" * 10
    assert lines_of(text + "\n") == ["x" * 65_534, "\x1b[38;2;1;2;3m" + "y" * 10]


def test_a_flush_ends_a_line_and_its_line_end_adds_none() -> None:
    lines = Lines()
    assert lines.split("x") == []
    assert lines.flush() == ["x"]
    assert lines.flush() == []
    assert lines.split("\ny\n") == ["y"]
    assert lines.split("x") + lines.flush() == ["x"]
    assert lines.split("\r\n\n") == [""]
    assert lines.split("x") + lines.flush() + lines.split(" y\n") == ["x", " y"]


@pytest.mark.parametrize("text", ["\r 10 %", " 10 %\r", " 10 %\r 20 %", "|\b", "\r\n\r 10 %"])
def test_a_flush_ends_no_line_that_is_being_written_over(text: str) -> None:
    lines = Lines()
    lines.split(text)
    assert lines.flush() == []
    assert lines.split("\rdone\n") + lines.settle() == ["done"]


def test_a_bar_waits_for_what_follows_its_line_end() -> None:
    lines = Lines()
    assert lines.split("\r 99 %\r100 %\n") == []
    assert lines.waiting
    assert lines.settle() == ["100 %"]
    assert not lines.waiting
    assert lines.split("\r 99 %\r100 %\n") == []
    assert lines.split("text\n") == ["100 %", "text"]


def test_endless_bars_do_not_wait_for_ever() -> None:
    lines = Lines()
    made = lines.split("\rbar\n" * 1000)
    assert len(made) == 1000 - 64
    assert len(lines.split("\rbar\n" * 1000)) == 1000
    assert lines.end() == ["bar"] * 64


def test_a_tqdm_is_one_line_with_its_last_state() -> None:
    writer = Writer()
    for _ in tqdm(range(30), file=writer, mininterval=0):
        writer.pause()
    writer.pause()
    [line] = writer.lines
    assert line.startswith("100%|")
    assert "30/30" in line


def test_nested_tqdms_are_a_line_each_between_what_they_print() -> None:
    writer = Writer()
    for _ in tqdm(range(2), desc="outer", file=writer, mininterval=0):
        for step in tqdm(range(2), desc="inner", file=writer, mininterval=0):
            tqdm.write(f"step {step}", file=writer)
            writer.pause()
    writer.pause()
    shown = [line.partition("%")[0] for line in writer.lines]
    inner = "inner: 100"
    assert shown == ["step 0", "step 1", inner, "step 0", "step 1", inner, "outer: 100"]


def test_a_tqdm_that_leaves_nothing_leaves_no_line() -> None:
    writer = Writer()
    for _ in tqdm(range(2), desc="outer", file=writer, mininterval=0):
        for _ in tqdm(range(2), desc="inner", file=writer, mininterval=0, leave=False):
            writer.pause()
    print("done", file=writer)
    assert [line.partition("%")[0] for line in writer.lines] == ["outer: 100", "done"]


def test_the_bars_of_rich_are_a_line_each() -> None:
    writer = Writer()
    console = Console(file=writer, force_terminal=True, width=60, color_system=None)
    with Progress(console=console, auto_refresh=False) as progress:
        tasks = [progress.add_task(name, total=5) for name in ("train", "test")]
        for _ in range(5):
            for task in tasks:
                progress.advance(task)
            progress.refresh()
            writer.pause()
        progress.console.print("printed")
    writer.pause()
    assert [line.split()[0] for line in writer.lines] == ["printed", "train", "test"]
    assert all("100%" in line for line in writer.lines[1:])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n", "plain\n"),
        ("Traceback:\r\n  1 %\r  2 %\n", "Traceback:\n  2 %"),
        ("caf\udce9", "caf\ufffd"),
        ("\ud83d\ude00 \ud83d!", "😀 \ufffd!"),
    ],
)
def test_a_whole_text_keeps_its_line_breaks(text: str, shown: str) -> None:
    assert printed(text) == shown


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("ö", '"ö"'),
        ("caf\udce9 x", '"caf\ufffd x"'),
        ("\ud83d\ude00", '"😀"'),
        ("\x00", '"\\u0000"'),
    ],
)
def test_a_line_is_json_whatever_is_in_it(line: str, text: str) -> None:
    assert encode_line(line).decode() == text
