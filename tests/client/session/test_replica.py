"""Pages, and what all kinds of replicas do with the answer to a ``get``."""

from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.session.log import LogReplica
from driftdb_jupyter.client.session.messages import Value
from driftdb_jupyter.client.session.replica import Replica
from driftdb_jupyter.client.session.session import Session


def data(*seqs: int) -> list[dict[str, object]]:
    return [{"value": f"v{seq}", "seq": seq} for seq in seqs]


def answer(session: Session, *seqs: int, epoch: str = "E", **fields: object) -> None:
    message = {"type": "init", "key": "a", "data": data(*seqs), "epoch": epoch, **fields}
    session.receive(json.dumps(message))


def asked(session: Session) -> list[tuple[object, ...]]:
    messages = [json.loads(frame) for frame in session.outgoing()]
    return [(each["epoch"], each["seq"], each.get("limit")) for each in messages]


def heard(replica: LogReplica) -> list[int]:
    return [entry.seq for entry in replica.entries]


@pytest.fixture
def session() -> Session:
    session = Session()
    session.connected()
    return session


@pytest.fixture
def replica(session: Session) -> LogReplica:
    return session.log("a", keep=True)


def test_pages_are_asked_for_one_after_the_other_and_taken_as_a_whole(
    session: Session, replica: LogReplica
) -> None:
    answer(session, 1, 2, recovered=False, more=True)
    assert heard(replica) == []
    answer(session, 3, 5, recovered=True, more=True)
    answer(session, 6, recovered=True)
    assert asked(session) == [(None, 0, 1000), ("E", 2, 1000), ("E", 5, 1000)]
    assert heard(replica) == [1, 2, 3, 5, 6]
    assert replica.current


def test_what_was_missed_may_come_in_pages(session: Session, replica: LogReplica) -> None:
    answer(session, 1, recovered=False)
    session.disconnected()
    session.connected()
    answer(session, 2, 3, recovered=True, more=True)
    answer(session, 4, recovered=True)
    assert heard(replica) == [1, 2, 3, 4]
    assert replica.recovered


def test_pages_begin_anew_where_the_stream_changed_between_them(
    session: Session, replica: LogReplica
) -> None:
    answer(session, 1, 2, recovered=False, more=True)
    answer(session, 7, 8, recovered=False, more=True)
    answer(session, 9, recovered=True)
    assert heard(replica) == [7, 8, 9]


def test_after_pages_that_failed_the_rest_is_asked_for_at_once(
    session: Session, replica: LogReplica
) -> None:
    answer(session, 1, 2, recovered=False, more=True)
    answer(session, 1, 2, recovered=False, more=True)
    assert asked(session)[-1] == ("E", 2, None)


def test_a_connection_that_ends_between_pages_leaves_all_as_it_was(
    session: Session, replica: LogReplica
) -> None:
    answer(session, 1, recovered=False)
    session.disconnected()
    session.connected()
    asked(session)
    answer(session, 2, 3, recovered=True, more=True)
    session.disconnected()
    session.connected()
    assert asked(session) == [("E", 1, 1000)]
    assert heard(replica) == [1]


def test_a_page_that_comes_twice_counts_once(session: Session, replica: LogReplica) -> None:
    answer(session, 1, 2, recovered=False, more=True)
    answer(session, 3, 4, recovered=True, more=True)
    answer(session, 3, 4, recovered=True, more=True)
    answer(session, 5, recovered=True)
    answer(session, 5, recovered=True)
    assert heard(replica) == [1, 2, 3, 4, 5]


def test_pushes_before_the_answer_and_those_heard_already_are_not_heard(
    session: Session, replica: LogReplica
) -> None:
    push = {"type": "push", "key": "a", "value": 0}
    session.receive(json.dumps({**push, "seq": 3}))
    answer(session, 1, 3, recovered=False)
    session.receive(json.dumps({**push, "seq": 3}))
    session.receive(json.dumps({**push, "seq": 4}))
    assert heard(replica) == [1, 3, 4]


@pytest.mark.parametrize("kind", ["log", "state"])
def test_a_replica_is_ready_only_once_its_values_are_there(
    session: Session, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread takes what it finds as soon as the replica is ready."""
    replica: Replica = session.state("a") if kind == "state" else session.log("a", keep=False)
    seen = []
    start_over = replica._started_over

    def started_over(values: list[Value], *, same_epoch: bool) -> None:
        start_over(values, same_epoch=same_epoch)
        seen.append((replica.ready, replica.current))

    monkeypatch.setattr(replica, "_started_over", started_over)
    session.receive('{"type":"init","key":"a","data":[{"value":1,"seq":4}],"epoch":"E"}')
    assert seen == [(False, False)]
    assert (replica.ready, replica.current) == (True, True)


def test_a_replica_that_comes_back_is_current_only_once_it_has_what_it_missed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = session.log("a", keep=True)
    session.receive('{"type":"init","key":"a","data":[{"value":1,"seq":4}],"epoch":"E"}')
    session.disconnected()
    session.connected()
    seen, take = [], replica._heard

    def heard(value: Value) -> None:
        take(value)
        seen.append(replica.current)

    monkeypatch.setattr(replica, "_heard", heard)
    missed = {"type": "init", "key": "a", "data": [{"value": 2, "seq": 5}], "epoch": "E"}
    session.receive(json.dumps({**missed, "recovered": True}))
    assert seen == [False]
    assert replica.current
    assert [entry.value for entry in replica.entries] == [b"1", b"2"]
