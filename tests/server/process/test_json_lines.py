"""The log as JSON lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from driftdb_jupyter.server.process.json_lines import JsonLines

from ...conformance.peer import Room, fetch, push
from ..processes import COMMAND, environment, started


def test_a_record_is_one_line_with_its_traceback() -> None:
    import logging

    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.LogRecord("n", 40, "f", 1, "it\n%s", ("failed",), sys.exc_info())
    record.fields = {"status": 500}
    text = JsonLines().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["logger"], line["message"]) == ("error", "n", "it\nfailed")
    assert line["status"] == 500
    assert "ValueError: a\nb" in line["error"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])


@pytest.mark.asyncio
async def test_each_request_and_connection_has_an_id_in_all_its_lines(tmp_path: Path) -> None:
    secret = "a-secret-of-a-client-0123"
    options = ["--port=0", "--log-format=json", "--audit-log=audit", "--log-level=DEBUG"]
    command = [*COMMAND, "serve", *options, "--named-rooms"]
    with started(command, cwd=tmp_path, env=environment()) as process:
        room = Room(process.server, "lecture")
        await room.post(push("k", "a value of somebody"), client=secret)
        peer = await room.join(client=secret)
        await peer.send_raw("no message")
        await peer.hears_error("bad_message")
        await room.empty()
        refused = {"Origin": "https://evil.example"}
        assert (await fetch(room.url, headers=refused)).status == 403
        process.end()
    records = [json.loads(line) for line in process.lines]
    posts = [record for record in records if record.get("method") == "POST"]
    (post,) = posts
    assert (post["status"], post["address"]) == (200, "127.0.0.1")
    assert post["path"].startswith("/room/lecture/send")
    ids = {
        match[1]
        for record in records
        if (match := re.search(r"#([0-9a-f]{12})", record["message"]))
        and re.search("connected|refused .bad_message|has left", record["message"])
    }
    assert len(ids) == 1
    assert post["request"] not in ids
    audit = (tmp_path / "audit").read_text()
    events = [json.loads(line)["event"] for line in audit.splitlines()]
    assert events == ["room_made", "denied"]
    for text in (process.log, audit):
        assert secret not in text
        assert "a value of somebody" not in text


def test_a_file_for_the_audit_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--audit-log=missing/audit"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "audit_log: " in ended.stderr
    assert "Traceback" not in ended.stderr
