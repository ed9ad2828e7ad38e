from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.session.presence import Person, PresenceReplica
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.session import Event, Session
from driftdb_jupyter.protocol.errors import TooLarge
from driftdb_jupyter.protocol.limits import Limits


@pytest.fixture
def session() -> Session:
    session = Session(pushes=Pushes(limits=Limits(message_bytes=1000)))
    session.connected()
    return session


@pytest.fixture
def replica(session: Session) -> PresenceReplica:
    replica = session.presence("here")
    session.outgoing()
    return replica


WITHDRAWN = {"type": "presence", "key": "here", "value": None}
ASKED = {"type": "get", "key": "here", "seq": None, "presence": True}


def tell(session: Session, **message: object) -> None:
    session.receive(json.dumps({"key": "here", **message}))


def state(session: Session, **clients: object) -> None:
    people = {client: {"value": value} for client, value in clients.items()}
    tell(session, type="presence_state", client="me", clients=people)


def sent(session: Session) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in session.outgoing()]


def test_it_asks_who_is_there_and_for_no_values(session: Session) -> None:
    assert session.presence("here") is session.presence("here")
    assert sent(session) == [{"type": "get", "key": "here", "seq": None, "presence": True}]


def test_it_knows_who_is_there(session: Session, replica: PresenceReplica) -> None:
    state(session, me=1, ann=2)
    assert replica.own_id == "me"
    assert replica.people == {"me": Person(b"1", None), "ann": Person(b"2", None)}
    tell(session, type="presence", client="bob", value=3, user={"name": "Bob"})
    assert replica.people["bob"] == Person(b"3", b'{"name": "Bob"}')
    tell(session, type="presence", client="ann", value=None)
    assert list(replica.people) == ["me", "bob"]
    assert session.events() == [Event("here", presence=True)]


def test_the_newest_own_value_is_said_once(session: Session, replica: PresenceReplica) -> None:
    replica.set(b"1")
    replica.set(b"2")
    assert not session.settled
    assert sent(session) == [{"type": "presence", "key": "here", "value": 2}]
    replica.set(b"2")
    assert sent(session) == []
    assert session.settled
    replica.set(None)
    assert sent(session) == [{"type": "presence", "key": "here", "value": None}]


def test_a_new_connection_asks_again_and_says_the_own_value_again(
    session: Session, replica: PresenceReplica
) -> None:
    replica.set(b"1")
    state(session, me=1, ann=2)
    sent(session)
    session.disconnected()
    assert list(replica.people) == ["me", "ann"]
    session.connected()
    assert [message["type"] for message in sent(session)] == ["get", "presence"]
    state(session, bob=3, ann=2)
    assert list(replica.people) == ["ann", "bob"]


def test_what_was_refused_for_now_is_said_again(session: Session, replica: PresenceReplica) -> None:
    state(session)
    replica.set(b"1")
    sent(session)
    tell(session, type="error", code="rate", message="slow down")
    session.retry()
    assert sent(session) == [{"type": "presence", "key": "here", "value": 1}]


def test_who_leaves_takes_its_presence_along_and_the_key_where_nobody_else_needs_it(
    session: Session,
) -> None:
    replica = session.presence("here")
    session.state("here")
    replica.set(b"1")
    tell(session, type="init", data=[], epoch="E")
    sent(session)
    session.forget_presence("here")
    assert sent(session) == [WITHDRAWN, ASKED]
    state(session, ann=2)
    assert sent(session) == []
    session.forget("here")
    assert sent(session) == [{"type": "unsubscribe", "key": "here"}]


def test_the_room_hears_that_somebody_left_also_after_a_lost_connection(
    session: Session, replica: PresenceReplica
) -> None:
    replica.set(b"1")
    sent(session)
    session.forget_presence("here")
    assert sent(session) == [WITHDRAWN, ASKED]
    for _ in range(2):
        session.disconnected()
        session.connected()
        assert sent(session) == [WITHDRAWN, ASKED]
    state(session, ann=2)
    session.disconnected()
    session.connected()
    assert sent(session) == []


def test_who_comes_back_before_the_room_knows_of_the_leaving_stays(
    session: Session, replica: PresenceReplica
) -> None:
    replica.set(b"1")
    session.forget_presence("here")
    assert session.presence("here") is replica
    state(session, ann=2)
    replica.set(b"3")
    assert sent(session)[-1] == {"type": "presence", "key": "here", "value": 3}


def test_a_withdrawal_that_a_lost_connection_took_along_is_said_again(
    session: Session, replica: PresenceReplica
) -> None:
    replica.set(b"1")
    sent(session)
    replica.set(None)
    sent(session)
    session.disconnected()
    session.connected()
    assert sent(session) == [ASKED, WITHDRAWN]


def test_a_state_that_is_forgotten_leaves_the_presence_of_its_key(session: Session) -> None:
    session.presence("here")
    session.state("here")
    tell(session, type="init", data=[], epoch="E")
    sent(session)
    session.forget("here")
    assert sent(session) == []


def test_a_presence_that_is_too_large_is_refused_at_once(replica: PresenceReplica) -> None:
    with pytest.raises(TooLarge):
        replica.set(b'"%b"' % (b"x" * 1000))
