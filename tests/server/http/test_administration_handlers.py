"""What the administration takes and gives."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.server.http import administration_handlers
from driftdb_jupyter.server.http.administration_handlers import ExportedRoom, _joined

from ...conformance.peer import fetch
from ...conformance.servers import standalone


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_an_import_that_no_disk_has_room_for_is_refused_when_it_has_come() -> None:
    handler = ExportedRoom.__new__(ExportedRoom)
    handler.body = FullDisk()  # type: ignore[assignment]
    for _ in range(3):
        handler.data_received(b"x")
    with pytest.raises(Unavailable, match=r"\(TMPDIR\) can't be written \(No space left on dev"):
        asyncio.run(handler.put("room"))
    handler.on_finish()


@pytest.mark.asyncio
async def test_a_link_that_is_no_json_is_refused() -> None:
    with standalone(secret="s" * 22) as server:
        url, headers = f"{server.root}admin/rooms/r/links", {"Authorization": "DriftDB " + "s" * 22}
        for body in ("", "{", "[" * 100_000, "\xff", b'{"\xff":1}'):
            answer = await fetch(url, method="POST", body=body, headers=headers)
            assert (answer.status, answer.json["code"]) == (400, "bad_message")


@pytest.mark.asyncio
async def test_no_cache_keeps_an_answer_and_no_browser_guesses_what_it_is() -> None:
    with standalone(secret="s" * 22) as server:
        headers = {"Authorization": "DriftDB " + "s" * 22}
        answer = await fetch(server.root + "admin/rooms", headers=headers)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.asyncio
async def test_what_reads_an_import_pauses_often_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(administration_handlers, "time", SimpleNamespace(sleep=pauses.append))
    line = '{"key":"k","seq":%d,"value":"' + "x" * 200 + '"}\n'
    lines = "".join(line % (number + 1) for number in range(1_000))
    with standalone(secret="s" * 22) as server:
        headers = {"Authorization": "DriftDB " + "s" * 22}
        body = '{"driftdb":1,"room":"r","seq":1000}\n' + lines
        url = f"{server.root}admin/rooms/r"
        assert (await fetch(url, method="PUT", body=body, headers=headers)).status == 200
    assert len(pauses) >= len(body) // 10_000


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
