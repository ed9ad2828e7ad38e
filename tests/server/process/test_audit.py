"""The audit log: what is in it, and that nothing secret ever is."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.protocol.errors import Forbidden, QuotaExceeded
from driftdb_jupyter.protocol.name import new_id, room_digest
from driftdb_jupyter.server.process import audit
from driftdb_jupyter.server.process.audit import (
    AuditEvent,
    AuditLog,
    Denied,
    LinkMade,
    LinkRevoked,
    OwnerMade,
    OwnersForgotten,
    PolicyChanged,
    RoomDeleted,
    RoomImported,
    RoomMade,
    TokenRevoked,
    audit_to,
)
from driftdb_jupyter.server.process.event_log import EventLog
from driftdb_jupyter.server.process.log_text import RoomNames


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "audit.jsonl"
    handler = audit_to(str(path))
    assert handler is not None
    yield path
    audit.LOGGER.removeHandler(handler)
    handler.close()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


NAMED = RoomNames(capabilities=False, named=True)


@pytest.mark.parametrize(
    "event",
    [
        RoomMade(room="r", address="192.0.2.1 #1"),
        PolicyChanged(room="r", by="ada", removed=True),
        LinkMade(room="r", by="ada", link="students", role="read"),
        LinkRevoked(room="r", by="ada", link="students"),
        OwnerMade(room="r", address="192.0.2.1 #1"),
        OwnersForgotten(room="r", by="operator", owners=2),
        RoomImported(room="r", by="operator", replaced=True, owners=True),
        RoomDeleted(room="r", by="operator"),
        TokenRevoked(by="ada", token_id="17"),
        Denied(room="r", reason="no", key="k", action="append"),
    ],
)
def test_each_event_is_a_line_of_its_kind(file: Path, event: AuditEvent) -> None:
    AuditLog(NAMED).tell(event)
    (line,) = lines(file)
    assert line.pop("time").endswith("Z")
    assert line.pop("event")
    assert line
    for name, value in line.items():
        assert getattr(event, name) == value


def test_its_owner_alone_may_read_it(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        audit_to(str(tmp_path / "link"))


def test_what_is_forbidden_is_in_it_and_what_is_full_is_not(file: Path) -> None:
    events = EventLog(logging.getLogger(__name__), NAMED)
    events.refused("lecture", "192.0.2.1", Forbidden("you may not"))
    events.refused("lecture", "192.0.2.1", QuotaExceeded("full"))
    events.made("lecture", "192.0.2.1")
    assert [line["event"] for line in lines(file)] == ["denied", "room_made"]


def test_an_id_that_opens_a_room_is_not(file: Path) -> None:
    room = new_id()
    AuditLog(RoomNames(capabilities=True, named=False)).tell(RoomMade(room=room))
    assert room not in file.read_text()
    assert lines(file)[0]["room"] == "~" + room_digest(room)


def test_no_event_makes_two_lines_or_reaches_a_terminal(file: Path) -> None:
    hostile = 'x\n{"event":"room_made"}\x1b[2J\u202e\x9b' + "y" * 5000
    AuditLog(NAMED).tell(Denied(room=hostile, by=hostile, reason=hostile, key=hostile))
    text = file.read_text("utf-8")
    assert text.count("\n") == 1
    assert len(text) < 2000
    assert not any(char in text.rstrip("\n") for char in "\n\x1b\u202e\x9b")


def test_a_flood_of_denials_fills_no_disk(file: Path) -> None:
    clock = Clock()
    log = AuditLog(NAMED, clock=clock)
    for _ in range(5000):
        log.tell(Denied(room="r", reason="no"))
    assert len(lines(file)) == 1000
    log.tell(RoomMade(room="r"))  # what changes something is never left out
    assert lines(file)[-1]["untold_denials"] == 4000
    clock.now += 1
    for _ in range(100):
        log.tell(Denied(room="r", reason="no"))
    assert len(lines(file)) == 1051


@pytest.mark.parametrize("kind", [PolicyChanged, LinkMade, LinkRevoked, TokenRevoked])
def test_a_flood_of_changes_fills_no_disk_and_hides_nothing_else(
    file: Path, kind: type[AuditEvent]
) -> None:
    log = AuditLog(NAMED, clock=Clock())
    for _ in range(5000):
        log.tell(kind(room="r", address="192.0.2.1 #1"))
    assert len(lines(file)) == 1000
    log.tell(kind(room="r", by="operator"))
    log.tell(Denied(room="r", reason="no"))
    operators, denied = lines(file)[1000:]
    assert (operators["by"], operators["untold_changes"]) == ("operator", 4000)
    assert denied["event"] == "denied"
    assert "untold_changes" not in denied


def test_it_is_no_part_of_the_other_log(file: Path) -> None:
    heard: list[logging.LogRecord] = []
    others = logging.Handler()
    others.emit = heard.append  # type: ignore[method-assign,assignment]
    for name in ("", "driftdb_jupyter"):
        logging.getLogger(name).addHandler(others)
    try:
        AuditLog(NAMED).tell(RoomMade(room="r"))
    finally:
        for name in ("", "driftdb_jupyter"):
            logging.getLogger(name).removeHandler(others)
    assert heard == []
    assert len(lines(file)) == 1
