from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.session.messages import KeyInfo
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.session import Event, Session
from driftdb_jupyter.protocol.errors import (
    BadMessage,
    Forbidden,
    QueueFull,
    QuotaExceeded,
    TooLarge,
    Unavailable,
)
from driftdb_jupyter.protocol.limits import Limits

from ..fakes import FakeRoom, SimulatedClient, value_of


def sent(session: Session) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in session.outgoing()]


def online() -> Session:
    session = Session()
    session.connected()
    return session


def answer(session: Session, **message: object) -> None:
    session.receive(json.dumps(message))


def test_a_secret_is_what_the_protocol_allows() -> None:
    assert 16 <= len(Session().secret) <= 64
    assert Session().secret != Session().secret


def test_a_connection_asks_for_every_key() -> None:
    session = Session()
    session.state("a")
    session.state("b")
    assert sent(session) == []
    session.connected()
    assert sent(session) == [
        {"type": "get", "key": "a", "seq": 0, "epoch": None, "limit": 1000},
        {"type": "get", "key": "b", "seq": 0, "epoch": None, "limit": 1000},
    ]


def test_a_key_is_asked_for_once() -> None:
    session = online()
    assert session.state("a") is session.state("a")
    assert len(sent(session)) == 1


def test_a_write_goes_out_with_an_id_and_without_if_seq() -> None:
    session = online()
    replica = session.state("a")
    sent(session)
    replica.write(b"5")
    assert sent(session) == [
        {
            "type": "push",
            "key": "a",
            "action": {"type": "replace"},
            "id": 1,
            "value": {"v": 5, "i": ""},
        }
    ]


def test_an_unacknowledged_push_is_sent_again_after_the_gets_with_its_id() -> None:
    session = online()
    session.state("a").write(b"1")
    session.state("b").write(b"2")
    before = sent(session)
    session.disconnected()
    session.connected()
    again = sent(session)
    assert [message["type"] for message in again] == ["get", "get", "push", "push"]
    assert again[2:] == before[2:]


def test_what_was_written_while_offline_is_sent_once_and_only_the_last() -> None:
    session = Session()
    for value in (b"1", b"2", b"3"):
        session.state("a").write(value)
    session.connected()
    assert [value_of(message) for message in sent(session) if message["type"] == "push"] == [3]


def test_an_acknowledged_push_is_not_sent_again() -> None:
    session = online()
    session.state("a").write(b"1")
    sent(session)
    answer(session, type="ack", id=1, seq=1)
    assert session.settled
    session.disconnected()
    session.connected()
    assert [message["type"] for message in sent(session)] == ["get"]


def test_an_ack_without_a_seq_counts() -> None:
    session = online()
    session.state("a").write(b"1")
    sent(session)
    answer(session, type="ack", id=1, seq=None)
    assert session.settled


def test_a_change_is_told_once_for_each_key() -> None:
    session = online()
    session.state("a")
    answer(session, type="init", key="a", data=[])
    session.events()
    answer(session, type="push", key="a", value=1, seq=1)
    answer(session, type="push", key="a", value=2, seq=2)
    assert session.events() == [Event("a")]
    assert session.events() == []


def test_a_refused_write_is_told() -> None:
    session = online()
    session.state("a").write(b"1")
    sent(session)
    session.events()
    answer(session, type="error", code="forbidden", id=1, message="no")
    (change, refusal) = session.events()
    assert change == Event("a")
    assert refusal.key == "a"
    assert isinstance(refusal.error, Forbidden)


def test_a_refused_message_that_is_no_push_is_told_without_a_key() -> None:
    session = online()
    answer(session, type="error", code="too_large", message="no")
    ((key, error, _),) = session.events()
    assert key is None
    assert isinstance(error, TooLarge)


@pytest.mark.parametrize("code", ["conflict", "forbidden"])
def test_a_refused_initial_value_is_nobodys_concern(code: str) -> None:
    session = online()
    session.state("a").offer(b"1")
    answer(session, type="init", key="a", data=[])
    session.events()
    answer(session, type="error", code=code, id=1, key="a", seq=3, message="no")
    assert [event for event in session.events() if event.error] == []


def test_a_message_over_the_limit_is_never_sent() -> None:
    session = Session(pushes=Pushes(limits=Limits(message_bytes=200, key_bytes=10)))
    replica = session.state("a")
    with pytest.raises(TooLarge, match=r"at most 200 bytes, got .* DRIFTDB_MESSAGE_LIMIT_BYTES"):
        replica.write(b'"' + b"x" * 200 + b'"')
    assert replica.settled
    with pytest.raises(TooLarge, match="key of at most 10 bytes, got 11"):
        session.state("a" * 11)


def test_after_1009_the_longest_push_is_given_up() -> None:
    session = online()
    session.state("short").write(b"1")
    session.state("long").write(b"[1,2,3,4,5,6]")
    sent(session)
    session.events()
    session.disconnected(close_code=1009)
    (refusal,) = (event for event in session.events() if event.error)
    assert refusal.key == "long"
    assert isinstance(refusal.error, TooLarge)
    assert "raise message_limit_bytes on the server" in str(refusal.error)
    session.connected()
    assert [message["key"] for message in sent(session) if message["type"] == "push"] == ["short"]


def test_an_initial_value_that_closed_the_connection_is_not_offered_again() -> None:
    session = online()
    session.state("a").offer(b"[1,2,3]")
    answer(session, type="init", key="a", data=[])
    sent(session)
    session.disconnected(close_code=1009)
    session.connected()
    answer(session, type="init", key="a", data=[])
    assert [message["type"] for message in sent(session)] == ["get"]


def test_messages_that_nobody_knows_and_keys_that_nobody_wants_are_ignored() -> None:
    session = online()
    session.receive('{"type":"stream_size","key":"a","size":3}')
    session.receive('{"type":"novel","key":17}')
    answer(session, type="push", key="elsewhere", value=1, seq=1)
    answer(session, type="ack", id=99, seq=1)
    assert session.events() == []


@pytest.mark.parametrize("frame", ["", "5", "{", '{"type":"init","key":5}', '{"type":"push"}'])
def test_a_frame_that_is_no_message_is_an_error(frame: str) -> None:
    with pytest.raises(BadMessage, match="expected a"):
        online().receive(frame)


def test_a_key_is_forgotten_when_nothing_of_it_is_under_way() -> None:
    session = online()
    session.state("a").write(b"1")
    assert not session.forget("a")
    sent(session)
    answer(session, type="ack", id=1, seq=1)
    assert session.forget("a")
    assert session.keys == []


def test_a_fork_is_another_client_that_leaves_its_parents_writes_alone() -> None:
    room = FakeRoom()
    client = SimulatedClient(room, "a" * 16)
    replica = client.session.state("a")
    client.connect()
    client.settle()
    replica.write(b"1")
    client.settle()
    replica.write(b"2")
    client.session.forked()
    assert client.session.secret != "a" * 16
    assert replica.shown == b"1"
    client.session.connected()
    assert [message["type"] for message in sent(client.session)] == ["get"]


def pushes(session: Session) -> list[object]:
    return [message["value"] for message in sent(session) if message["type"] == "push"]


def test_a_new_connection_asks_for_what_was_missed() -> None:
    session = online()
    session.state("a")
    session.state("b")
    answer(session, type="init", key="a", data=[{"value": 1, "seq": 4}], epoch="E")
    answer(session, type="push", key="a", value=2, seq=6)
    session.disconnected()
    session.connected()
    asked = {message["key"]: (message["epoch"], message["seq"]) for message in sent(session)}
    assert asked == {"a": ("E", 6), "b": (None, 0)}


def test_from_a_server_without_epochs_everything_is_asked_for_anew() -> None:
    session = online()
    session.state("a")
    answer(session, type="init", key="a", data=[{"value": 1, "seq": 4}])
    session.disconnected()
    session.connected()
    (get,) = sent(session)
    assert (get["epoch"], get["seq"]) == (None, 0)


def test_a_changed_epoch_is_noticed() -> None:
    session = online()
    session.log("a", keep=True)
    told: list[tuple[str | None, bool | None]] = []
    for epoch, recovered in (("E", False), ("E", True), ("F", False)):
        session.disconnected()
        session.connected()
        assert session.recovered is None
        answer(session, type="init", key="a", data=[], epoch=epoch, recovered=recovered)
        told.append((session.epoch, session.recovered))
    assert told == [("E", None), ("E", True), ("F", False)]


def test_a_key_that_is_forgotten_is_left_where_the_server_knows_how() -> None:
    for epoch, last in ((None, []), ("E", [{"type": "unsubscribe", "key": "a"}])):
        session = online()
        session.state("a")
        answer(session, type="init", key="a", data=[], epoch=epoch)
        sent(session)
        assert session.forget("a")
        assert sent(session) == last


def test_an_answer_to_who_asked_for_a_key_before_is_not_taken() -> None:
    session = online()
    session.log("a", keep=True)
    answer(session, type="init", key="a", data=[{"value": 1, "seq": 4}], epoch="E")
    session.disconnected()
    session.connected()
    session.forget("a")
    replica = session.log("a", keep=True)
    answer(session, type="init", key="a", data=[], epoch="E", recovered=True)
    assert not replica.current
    answer(session, type="init", key="a", data=[{"value": 1, "seq": 4}], epoch="E")
    assert [entry.seq for entry in replica.entries] == [4]


def test_a_key_is_of_one_kind() -> None:
    session = online()
    session.state("a")
    with pytest.raises(ValueError, match=r"key 'a' for a LogReplica, got one .* a StateReplica"):
        session.log("a", keep=True)


def test_no_more_pushes_are_in_flight_than_a_server_remembers_for_sure() -> None:
    session = online()
    log = session.log("a", keep=True)
    for n in range(1500):
        log.push(b"%d" % n, keep=True)
    assert pushes(session) == list(range(1000))
    assert session.waiting == 1500
    for n in range(1, 11):
        answer(session, type="ack", id=n, seq=n)
    assert pushes(session) == list(range(1000, 1010))


def test_a_full_queue_refuses_with_how_much_waits_and_since_when() -> None:
    session = Session(pushes=Pushes(queue_limit_count=2))
    log = session.log("a", keep=True)
    session.connected()
    session.disconnected(now=0.0)
    log.push(b"1", keep=True)
    log.push(b"2", keep=False)
    with pytest.raises(
        QueueFull, match=r"at most 2 writes .* the 2 \(\d+ bytes\) that wait"
    ) as full:
        log.push(b"3", keep=True)
    assert (full.value.waiting, full.value.offline_since) == (2, 0.0)
    assert "there has been no connection since" in str(full.value)
    session.connected()
    assert pushes(session) == [1, 2]
    answer(session, type="ack", id=1, seq=1)
    log.push(b"3", keep=True)


def test_a_queue_is_bounded_in_bytes() -> None:
    session = Session(pushes=Pushes(queue_limit_bytes=1000))
    log = session.log("a", keep=True)
    log.push(b'"%b"' % (b"x" * 700), keep=True)
    with pytest.raises(QueueFull, match="and 1000 bytes to wait"):
        log.push(b'"%b"' % (b"x" * 200), keep=True)


def test_a_states_writes_never_fill_the_queue() -> None:
    session = Session(pushes=Pushes(queue_limit_count=1))
    for n in range(100):
        session.state("a").write(b"%d" % n)
    assert session.waiting == 1


@pytest.mark.parametrize("code", ["rate", "unavailable"])
def test_what_the_server_has_no_time_for_is_sent_again_later(code: str) -> None:
    session = online()
    log = session.log("a", keep=True)
    log.push(b"1", keep=True)
    before = sent(session)
    answer(session, type="error", code=code, id=1, message="busy")
    log.push(b"2", keep=True)
    assert session.held is not None
    assert session.held.code == code
    assert sent(session) == []
    assert [event for event in session.events() if event.error] == []
    session.retry()
    assert session.held is None
    again = sent(session)
    assert [message for message in again if message in before] == before
    assert [message["id"] for message in again if message["type"] == "push"] == [1, 2]


def test_an_answer_that_the_server_had_no_time_for_is_asked_for_again() -> None:
    session = online()
    session.state("a")
    asked = sent(session)
    answer(session, type="error", code="unavailable", message="loading")
    assert isinstance(session.held, Unavailable)
    session.retry()
    assert sent(session) == asked


def test_an_offline_session_has_nothing_to_retry() -> None:
    session = online()
    session.log("a", keep=True).push(b"1", keep=True)
    answer(session, type="error", code="rate", id=1, message="slow down")
    session.disconnected()
    session.retry()
    assert sent(session) == []


def test_over_a_quota_a_push_is_given_up_and_its_id_not_used_again() -> None:
    session = online()
    log = session.log("a", keep=True)
    log.push(b"1", keep=True)
    sent(session)
    answer(session, type="error", code="quota", id=1, message="full")
    ((key, error, _),) = session.events()
    assert key == "a"
    assert isinstance(error, QuotaExceeded)
    assert session.settled
    log.push(b"2", keep=True)
    assert [message["id"] for message in sent(session)] == [2]


@pytest.mark.parametrize("joined", [True, False])
def test_a_key_is_deleted_whether_it_is_in_use_here_or_not(joined: bool) -> None:
    session = online()
    if joined:
        session.log("a", keep=True)
    outcome = session.send("a", action="delete")
    message = sent(session)[-1]
    assert message == {"type": "push", "key": "a", "action": {"type": "delete"}, "id": 1}
    assert not session.settled
    answer(session, type="ack", id=1, seq=3)
    assert outcome.result() == 3
    assert session.settled


def test_a_refused_deletion_says_why() -> None:
    session = online()
    outcome = session.send("a", action="delete")
    sent(session)
    answer(session, type="error", id=1, code="forbidden", message="no")
    assert isinstance(outcome.exception(), Forbidden)
    assert session.settled


def test_values_are_pushed_without_hearing_of_the_key() -> None:
    session = online()
    outcome = session.send("a", b"1", b"2", action="append", max_length=5)
    action = {"type": "append", "max_length": 5}
    pushed = {"type": "push", "key": "a", "action": action, "id": 1, "values": [1, 2]}
    assert sent(session) == [pushed]
    session.disconnected()
    session.connected()
    assert sent(session) == [pushed]
    answer(session, type="ack", id=1, seq=4)
    assert outcome.result() == 4


def test_keys_are_listed_and_asked_for_again_on_a_new_connection() -> None:
    session = online()
    first, second = session.list_keys("a"), session.list_keys("a")
    assert sent(session) == [{"type": "keys", "prefix": "a"}]
    session.disconnected()
    session.connected()
    assert sent(session) == [{"type": "keys", "prefix": "a"}]
    answer(session, type="keys", prefix="a", keys={"ab": {"size": 1, "bytes": 2, "seq": 3}})
    assert first.result() == second.result() == {"ab": KeyInfo(1, 2, 3)}
    session.connected()
    assert sent(session) == []


def test_a_state_that_was_deleted_while_a_write_was_under_way_begins_again() -> None:
    session = online()
    replica = session.state("a")
    replica.offer(b'"initial"')
    answer(session, type="init", key="a", data=[{"value": 1, "seq": 1}], epoch="E")
    replica.write(b"2")
    sent(session)
    answer(session, type="push", key="a", value=2, seq=2)
    answer(session, type="delete", key="a", seq=3)
    answer(session, type="ack", id=1, seq=2)
    (offer,) = sent(session)
    assert (value_of(offer), offer["if_seq"]) == ("initial", 0)


def test_an_initial_value_that_was_refused_is_not_offered_again_at_once() -> None:
    session = online()
    session.state("a").offer(b"1")
    answer(session, type="init", key="a", data=[], epoch="E")
    assert len(sent(session)) == 2
    answer(session, type="error", id=1, code="forbidden", message="no")
    assert sent(session) == []


def test_what_may_not_be_read_any_more_stays_in_view_over_a_reconnect() -> None:
    session = online()
    state, log = session.state("a"), session.log("b", keep=True)
    state.offer(b"0")
    answer(session, type="init", key="a", data=[{"value": {"v": 5, "i": ""}, "seq": 3}], epoch="E")
    answer(session, type="init", key="b", data=[{"value": "x", "seq": 4}], epoch="E")
    session.disconnected()
    session.connected()
    sent(session)
    for key in ("a", "b"):
        told = {"code": "forbidden", "key": key, "action": "read", "message": "no"}
        answer(session, type="error", **told)
        answer(session, type="init", key=key, data=[], epoch="F", recovered=False, seq=0)
    assert state.shown == b"5"
    assert [each.value for each in log.entries] == [b'"x"']
    assert [each for each in sent(session) if each["type"] == "push"] == []
    answer(session, type="init", key="a", data=[{"value": {"v": 6, "i": ""}, "seq": 9}], epoch="F")
    asked = sent(session)
    assert [each["type"] for each in asked] == ["get"]
    answer(session, type="init", key="a", data=[{"value": {"v": 6, "i": ""}, "seq": 9}], epoch="F")
    assert state.shown == b"6"
