from __future__ import annotations

import json
from typing import Any

import pytest

from driftdb_jupyter.client.session.log import LogReplica
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.snapshot import Snapshot
from driftdb_jupyter.client.session.snapshot_writer import SnapshotWriter
from driftdb_jupyter.protocol.errors import Conflict, QuotaExceeded
from driftdb_jupyter.protocol.limits import Limits

LONG = b'["%b"]' % (b"x" * 400)


@pytest.fixture
def session() -> Session:
    session = Session(pushes=Pushes(limits=Limits(message_bytes=600)))
    session.connected()
    return session


def joined(session: Session) -> tuple[LogReplica, SnapshotWriter]:
    replica = session.log("a", keep=False)
    session.receive(json.dumps({"type": "init", "key": "a", "data": [], "epoch": "E"}))
    session.outgoing()
    return replica, SnapshotWriter(replica)


def sent(session: Session) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in session.outgoing()]


def acknowledge(session: Session, push: dict[str, Any], seq: int = 9) -> None:
    session.receive(json.dumps({"type": "ack", "id": push["id"], "seq": seq}))


def refuse(session: Session, push: dict[str, Any], code: str) -> None:
    session.receive(json.dumps({"type": "error", "id": push["id"], "code": code, "message": ""}))


def test_a_short_snapshot_is_compacted_in_one_piece(session: Session) -> None:
    _, writer = joined(session)
    outcome: Outcome[int | None] = Outcome()
    writer.compact(Snapshot(b"[1]"), outcome, seq=4, epoch="E")
    (push,) = sent(session)
    assert (push["value"], push["epoch"]) == ({"reset": [1]}, "E")
    assert push["action"] == {"type": "compact", "seq": 4}
    acknowledge(session, push)
    assert outcome.result() == 9


def test_of_a_long_one_the_parts_go_first_and_the_compact_when_all_are_there(
    session: Session,
) -> None:
    _, writer = joined(session)
    outcome: Outcome[int | None] = Outcome()
    writer.compact(Snapshot(LONG * 3), outcome, seq=4, epoch="E")
    texts: list[str] = []
    (push,) = sent(session)
    while push["action"]["type"] == "append":
        assert push["epoch"] == "E"
        assert push["value"]["part"] == len(texts)
        texts.append(push["value"]["text"])
        of = push["value"]["of"]
        acknowledge(session, push)
        (push,) = sent(session)
    assert "".join(texts).encode() == LONG * 3
    assert push["value"] == {"parts": len(texts), "of": of}
    assert (push["action"], push["epoch"]) == ({"type": "compact", "seq": 4}, "E")
    acknowledge(session, push)
    assert outcome.result() == 9


@pytest.mark.parametrize(("code", "error"), [("quota", QuotaExceeded), ("conflict", Conflict)])
def test_where_a_part_is_refused_nothing_is_compacted(
    session: Session, code: str, error: type[Exception]
) -> None:
    _, writer = joined(session)
    outcome: Outcome[int | None] = Outcome()
    writer.compact(Snapshot(LONG * 3), outcome, seq=4, epoch="E")
    (first,) = sent(session)
    acknowledge(session, first)
    (second,) = sent(session)
    session.events()
    refuse(session, second, code)
    assert sent(session) == []
    assert isinstance(outcome.exception(), error)
    assert [event for event in session.events() if event.error] == []


def test_what_the_server_takes_not_in_one_piece_goes_in_parts_and_does_so_at_once_next_time(
    session: Session,
) -> None:
    _, writer = joined(session)
    for kind in ("compact", "append"):
        writer.compact(Snapshot(b"[1]"), Outcome(), seq=4, epoch="E")
        (push,) = sent(session)
        assert push["action"]["type"] == kind
        if kind == "compact":
            refuse(session, push, "too_large")
            (push,) = sent(session)
        assert push["value"]["text"] == "[1]"
        acknowledge(session, push)
        (push,) = sent(session)
        assert push["action"]["type"] == "compact"
        assert push["value"]["parts"] == 1
        acknowledge(session, push)


def test_what_is_offered_in_parts_is_named_first(session: Session) -> None:
    _, writer = joined(session)
    outcome: Outcome[int | None] = Outcome()
    writer.offer(Snapshot(LONG * 2), outcome, seq=0)
    (push,) = sent(session)
    assert push["if_seq"] == 0
    count, place = push["value"]["parts"], 0
    while True:
        acknowledge(session, push)
        frames = sent(session)
        if not frames:
            break
        (push,) = frames
        assert (push["value"]["part"], push["epoch"]) == (place, "E")
        place += 1
    assert place == count
    assert outcome.done()


def test_an_offer_for_which_somebody_was_faster_is_made_again_behind_what_he_wrote(
    session: Session,
) -> None:
    _, writer = joined(session)
    writer.offer(Snapshot(b"[1]", initial="A"), Outcome(), seq=0)
    (push,) = sent(session)
    assert push["value"] == {"reset": [1], "initial": "A"}
    session.events()
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=3)
    assert sent(session) == []  # one is under way
    refuse(session, push, "conflict")
    assert [event.key for event in session.events()] == ["a"]  # so somebody looks again
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=0)
    assert sent(session) == []
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=3)
    (push,) = sent(session)
    assert push["if_seq"] == 3


def test_an_offer_that_was_lost_with_its_connection_is_made_again(session: Session) -> None:
    _, writer = joined(session)
    outcome: Outcome[int | None] = Outcome()
    writer.offer(Snapshot(b"[1]"), outcome, seq=0)
    sent(session)
    session.disconnected()
    assert outcome.exception() is not None
    session.connected()
    session.receive(json.dumps({"type": "init", "key": "a", "data": [], "epoch": "E"}))
    sent(session)
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=0)
    assert len(sent(session)) == 1


def test_who_may_not_write_offers_nothing_more_over_that_connection(session: Session) -> None:
    _, writer = joined(session)
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=0)
    (push,) = sent(session)
    refuse(session, push, "forbidden")
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=3)
    assert sent(session) == []
    session.disconnected()
    session.connected()
    session.receive(json.dumps({"type": "init", "key": "a", "data": [], "epoch": "E"}))
    sent(session)
    writer.offer(Snapshot(b"[1]"), Outcome(), seq=3)
    assert len(sent(session)) == 1
