"""An export is made a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from driftdb_jupyter.server.http.administration_handlers import _joined


@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_a_piece_of_an_export_has_no_more_lines_than_make_it_long(length: int) -> None:
    asked = 0

    def lines() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(1_000):
            asked += 1
            yield b"x" * length

    pieces, before = [], 0
    for piece in _joined(lines()):
        assert (asked - before - 1) * length < 0x10000
        pieces.append(piece)
        before = asked
    assert b"".join(pieces) == b"x" * length * 1_000
    assert len(pieces) <= 1 + len(b"".join(pieces)) // 0x10000
