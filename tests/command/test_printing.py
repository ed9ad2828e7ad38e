from __future__ import annotations

import sys

import pytest

from driftdb_jupyter.command.printing import put_pieces, say


def test_a_message_is_one_line_that_rules_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("no such room: a\x1b[2J\nb\u202e", command="driftdb get")
    assert capsys.readouterr().err == "driftdb get: no such room: a\ufffd\ufffdb\ufffd\n"


@pytest.mark.parametrize(
    ("terminal", "shown"), [(True, '{"value":"öend"}\n'), (False, '{"value":"ö\x9b2Jend"}\n')]
)
def test_pieces_may_be_cut_within_a_character(
    terminal: bool,
    shown: str,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    whole = '{"value":"ö\x9b2Jend"}\n'.encode()
    put_pieces([whole[:11], whole[11:]])
    sys.stdout.flush()
    assert capfdbinary.readouterr().out.decode() == shown
