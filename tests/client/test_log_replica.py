from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.log_replica import Heard, LogReplica, StartedOver
from driftdb_jupyter.client.session import Session
from driftdb_jupyter.protocol.errors import TooLarge
from driftdb_jupyter.protocol.limits import Limits


@pytest.fixture
def session() -> Session:
    session = Session(limits=Limits(message_bytes=200))
    session.connected()
    return session


def tell(session: Session, **message: object) -> None:
    session.receive(json.dumps({"key": "a", **message}))


def joined(session: Session, *, keep: bool) -> LogReplica:
    replica = session.log("a", keep=keep)
    tell(session, type="init", data=[{"value": 1, "seq": 4}], epoch="E")
    session.outgoing()
    return replica


def actions(session: Session) -> list[object]:
    return [json.loads(frame)["action"]["type"] for frame in session.outgoing()]


def test_it_hands_on_what_comes_in_order_and_once(session: Session) -> None:
    replica = joined(session, keep=False)
    tell(session, type="push", value=2, seq=5)
    tell(session, type="push", value=3, seq=8)
    assert replica.take() == [
        StartedOver([Heard(b"1", 4)], same_epoch=False),
        Heard(b"2", 5),
        Heard(b"3", 8),
    ]
    assert replica.take() == []


@pytest.mark.parametrize("keep", [True, False])
def test_it_remembers_what_the_stream_holds_if_it_is_to(session: Session, keep: bool) -> None:
    replica = joined(session, keep=keep)
    tell(session, type="push", value=2, seq=5)
    assert replica.entries == ([Heard(b"1", 4), Heard(b"2", 5)] if keep else [])


def test_it_appends_and_relays_with_many_under_way(session: Session) -> None:
    replica = joined(session, keep=True)
    replica.push(b"1", keep=True)
    replica.push(b"2", keep=False)
    assert actions(session) == ["append", "relay"]
    assert not replica.settled
    tell(session, type="ack", id=1, seq=5)
    tell(session, type="error", code="forbidden", id=2, message="no")
    assert replica.settled


def test_after_a_new_epoch_it_starts_over(session: Session) -> None:
    replica = joined(session, keep=True)
    replica.take()
    session.disconnected()
    session.connected()
    tell(session, type="init", data=[{"value": 9, "seq": 2}], epoch="F", recovered=False)
    assert replica.take() == [StartedOver([Heard(b"9", 2)], same_epoch=False)]
    assert replica.entries == [Heard(b"9", 2)]


def test_a_deletion_empties_it(session: Session) -> None:
    replica = joined(session, keep=True)
    tell(session, type="delete", seq=6)
    assert replica.take()[-1] == StartedOver([], same_epoch=True)
    assert replica.entries == []
    tell(session, type="push", value=2, seq=7)
    assert replica.entries == [Heard(b"2", 7)]


def test_a_value_over_the_limit_is_never_sent(session: Session) -> None:
    replica = joined(session, keep=True)
    with pytest.raises(TooLarge, match="at most 200 bytes"):
        replica.push(b'"%b"' % (b"x" * 200), keep=True)
    assert replica.settled


def test_a_fork_leaves_its_parents_pushes_alone(session: Session) -> None:
    replica = joined(session, keep=True)
    replica.push(b"1", keep=True)
    session.forked()
    assert replica.settled
    assert session.settled
    assert session.waiting == 0
