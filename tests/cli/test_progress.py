"""What is shown while a command works."""

from __future__ import annotations

import io
import threading
from contextlib import redirect_stderr

import pytest

from driftdb_jupyter.cli.progress import counted, working


class Terminal(io.StringIO):
    """Somebody looks; ``written`` when there is something to see."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.written.set()


def test_values_are_counted_on_a_terminal() -> None:
    pieces = [b"head\n1\n2", b"\n3\n"]
    with redirect_stderr(Terminal()) as terminal:
        assert list(counted(pieces, "Exporting r")) == pieces
    assert terminal.getvalue().endswith("Exporting r: 3 values, 0.0 MB\n")


def test_a_work_without_a_measure_shows_that_it_goes_on() -> None:
    with redirect_stderr(Terminal()) as terminal, working("Checking"):
        assert terminal.written.wait(60)
    assert "Checking: 0 s" in terminal.getvalue()


def test_in_a_pipe_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(counted([b"a\n"], "Exporting r")) == [b"a\n"]
    with working("Checking"):
        pass
    assert capsys.readouterr().err == ""
