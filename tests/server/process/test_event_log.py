"""What an operator reads of rooms and connections."""

from __future__ import annotations

import logging

import pytest

from driftdb_jupyter.protocol.errors import (
    Conflict,
    Forbidden,
    QuotaExceeded,
    RateExceeded,
    TooLarge,
    Unavailable,
)
from driftdb_jupyter.protocol.name import new_id, room_digest
from driftdb_jupyter.server.process import audit
from driftdb_jupyter.server.process.event_log import EventLog, Seldom
from driftdb_jupyter.server.process.log_text import RoomNames

LOG = logging.getLogger(__name__)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit log is another one, which pytest hears all the same."""
    monkeypatch.setattr(audit.LOGGER, "disabled", True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events(clock: Clock, caplog: pytest.LogCaptureFixture) -> EventLog:
    caplog.set_level(logging.INFO)
    return EventLog(LOG, clock=clock)


@pytest.mark.parametrize(
    ("refusal", "level"),
    [
        (QuotaExceeded("full"), logging.WARNING),
        (Unavailable("no disk"), logging.WARNING),
        (RateExceeded("slower"), logging.INFO),
        (Forbidden("no"), logging.INFO),
        (TooLarge("big"), logging.INFO),
    ],
)
def test_a_refusal_is_told_with_its_code_its_room_and_who_asked(
    events: EventLog, caplog: pytest.LogCaptureFixture, refusal: TooLarge, level: int
) -> None:
    events.refused("lecture", "192.0.2.1", refusal)
    (record,) = caplog.records
    assert record.levelno == level
    text = f"lecture: 192.0.2.1 refused ({refusal.code}): {refusal}"
    assert record.getMessage() == f"DriftDB: {text}"


def test_a_conflict_is_none_of_the_operators_business(
    events: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    events.refused("a", "192.0.2.1", Conflict("late"))
    assert caplog.messages == []


def test_a_flood_of_refusals_has_a_line_a_second_with_a_count(
    events: EventLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(3):
        for part in range(100):
            clock.now = second + part / 100
            events.refused("a", "192.0.2.1", RateExceeded("slower"))
        events.refused("a", "192.0.2.1", QuotaExceeded("full"))
    clock.now = 10
    events.tidy()
    events.tidy()
    rates = [line for line in caplog.messages if "rate" in line]
    assert len(rates) == 4
    assert rates[1].endswith("(and 99 more)")
    assert rates[3] == "DriftDB: 99 more: refused (rate)"
    assert len([line for line in caplog.messages if "quota" in line]) == 3


@pytest.mark.parametrize(
    ("code", "level"), [(4403, 20), (4404, 20), (4408, 30), (1011, 30), (1009, 20)]
)
def test_a_close_is_told_with_its_code_and_why(
    events: EventLog, caplog: pytest.LogCaptureFixture, code: int, level: int
) -> None:
    events.closed("a", "192.0.2.1", code, "too slow")
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (level, f"DriftDB: a: 192.0.2.1 was closed with {code}: too slow")
    ]


def test_who_comes_and_goes_is_told_only_to_who_debugs(
    events: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    events.connected("a", "192.0.2.1")
    events.left("a", "192.0.2.1", 1000)
    assert caplog.messages == []
    caplog.set_level(logging.DEBUG)
    events.connected("a", "192.0.2.1")
    events.left("a", "192.0.2.1", 1000)
    events.left("a", "192.0.2.1", None)
    assert caplog.messages == [
        "DriftDB: a: connected from 192.0.2.1",
        "DriftDB: a: 192.0.2.1 has left with 1000",
        "DriftDB: a: 192.0.2.1 has left without a close frame",
    ]


def test_lines_that_every_handler_drops_are_not_made() -> None:
    class NoNames(RoomNames):
        def shown(self, name: str) -> str:
            raise AssertionError(name)

    log = logging.Logger("as of a traitlets application", logging.DEBUG)
    log.addHandler(handler := logging.NullHandler(logging.INFO))
    events = EventLog(log, NoNames(capabilities=True, named=False))
    events.connected("a", "192.0.2.1")
    events.left("a", "192.0.2.1", 1000)
    handler.setLevel(logging.DEBUG)
    with pytest.raises(AssertionError, match="a"):
        events.connected("a", "192.0.2.1")


def test_an_error_of_the_server_has_its_traceback_and_many_are_one_line(
    events: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        events.failed("GET /a", ZeroDivisionError("on purpose"))
    events.failed("GET /b", KeyError("on purpose"))
    events.end()
    assert [record.exc_info is not None for record in caplog.records] == [True, True, False]
    assert caplog.messages[0] == "DriftDB: GET /a failed (ZeroDivisionError)"
    assert caplog.messages[2] == "DriftDB: 99 more: failed (ZeroDivisionError)"


def test_rooms_that_come_and_go_are_told(
    events: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    events.made("a", "192.0.2.1")
    events.deleted("a")
    events.expired([f"r{number}" for number in range(7)])
    assert caplog.messages == [
        "DriftDB: a: made for 192.0.2.1",
        "DriftDB: a: deleted",
        "DriftDB: deleted, because nobody used them: r0, r1, r2, r3, r4 and 2 more",
    ]


def test_where_ids_open_rooms_their_digests_are_told(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events = EventLog(LOG, RoomNames(capabilities=True, named=False), clock=clock)
    room = new_id()
    events.connected(room, "192.0.2.1")
    events.made(room, "192.0.2.1")
    events.refused(room, "192.0.2.1", TooLarge("big"))
    events.closed(room, "192.0.2.1", 4404, "gone")
    events.left(room, "192.0.2.1", None)
    events.slowed(room, "192.0.2.1")
    events.expired([room])
    events.deleted(room)
    assert len(caplog.messages) == 8
    assert all(f"~{room_digest(room)}" in line for line in caplog.messages)
    assert room not in caplog.text


def test_requests_have_a_line_each_unless_they_are_very_many(
    events: EventLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(10):
        clock.now = second
        for _ in range(10_000):
            events.requested(logging.INFO, "200 GET /")
        events.tidy()
    assert len(caplog.messages) <= 1000 + 9 * 50 + 10
    assert caplog.messages[1000] == "DriftDB: 9000 more requests were answered"


def test_a_library_writes_a_line_a_second_of_each_place(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    library = logging.Logger("library")
    library.addHandler(caplog.handler)
    library.addFilter(Seldom(clock=clock))

    def fail(peer: str) -> None:
        library.warning("no handshake with %s", peer)

    for peer in ("a", "b", "c"):
        fail(peer)
    library.warning("something else")
    clock.now = 1.0
    fail("d")
    assert caplog.messages == [
        "no handshake with a",
        "something else",
        "no handshake with d (and 2 more)",
    ]
