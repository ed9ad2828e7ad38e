"""How far a long work is, on a terminal and in a log."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from driftdb_jupyter.broker.file import progress
from driftdb_jupyter.broker.file.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_shown_a_bar_that_goes_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_BAR_SECONDS", 0.0)
    bar = Progress("Copying")
    bar.show(1, 2)
    assert terminal.getvalue().endswith(f"Copying: [{'#' * 15}{' ' * 15}]  50%")
    bar.show(3, 2)
    assert terminal.getvalue().endswith("100%")
    bar.end()
    assert terminal.getvalue().endswith("\r\033[K")


def test_a_log_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "driftdb_jupyter")
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.0)
    Progress("Copying").show(1, 4)
    assert caplog.messages == ["DriftDB: Copying: 25 %"]
    monkeypatch.setattr(progress, "_LOG_SECONDS", 1e9)
    Progress("Copying").show(2, 4)
    assert len(caplog.messages) == 1
