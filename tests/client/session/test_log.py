from __future__ import annotations

import gc
import json
import weakref
from collections import deque
from collections.abc import Callable

import pytest

from driftdb_jupyter.client.session.log import (
    Compacted,
    Follower,
    Heard,
    LogReplica,
    Missed,
    News,
    Stamp,
    StartedOver,
)
from driftdb_jupyter.client.session.messages import Value
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.protocol.errors import NotConnected, QuotaExceeded, TooLarge
from driftdb_jupyter.protocol.limits import Limits

from ..interrupted import count_lines, interrupted_at


@pytest.fixture
def session() -> Session:
    session = Session(pushes=Pushes(limits=Limits(message_bytes=200)))
    session.connected()
    return session


def tell(session: Session, **message: object) -> None:
    session.receive(json.dumps({"key": "a", **message}))


def joined(session: Session, *, keep: bool) -> LogReplica:
    replica = session.log("a", keep=keep)
    tell(session, type="init", data=[{"value": 1, "seq": 4}], epoch="E")
    session.outgoing()
    return replica


def holding(session: Session, **values: int) -> LogReplica:
    """Return a replica of a stream that holds these values, of a server that says so."""
    replica = session.log("a", keep=True, held=True)
    data = [{"value": name, "seq": seq} for name, seq in values.items()]
    first = min(values.values(), default=0)
    tell(session, type="init", data=data, epoch="E", seq=9, first=first, size=len(data))
    session.outgoing()
    return replica


def frames(*messages: dict[str, object]) -> list[bytes]:
    return [json.dumps(message).encode() for message in messages]


def held(replica: LogReplica) -> list[tuple[str, int]]:
    return [(json.loads(each.value), each.seq) for each in replica.entries]


def actions(session: Session) -> list[object]:
    return [json.loads(frame)["action"]["type"] for frame in session.outgoing()]


def test_it_hands_on_what_comes_in_order_and_once(session: Session) -> None:
    replica = session.log("a", keep=False)
    follower = replica.follow()
    assert not follower
    joined(session, keep=False)
    tell(session, type="push", value=2, seq=5)
    tell(session, type="push", value=3, seq=8)
    assert follower.take() == [
        StartedOver([Heard(b"1", 4)], same_epoch=False, epoch="E"),
        Heard(b"2", 5),
        Heard(b"3", 8),
    ]
    assert follower.take() == []


def test_who_comes_later_begins_with_what_is_held(session: Session) -> None:
    replica = joined(session, keep=True)
    assert replica.follow().take() == [StartedOver([Heard(b"1", 4)], same_epoch=False, epoch="E")]


def test_what_was_not_remembered_is_read_when_somebody_needs_it(session: Session) -> None:
    replica = joined(session, keep=False)
    session.log("a", keep=True)
    (message,) = (json.loads(frame) for frame in session.outgoing())
    assert (message["type"], message["epoch"]) == ("get", None)
    tell(session, type="init", data=[{"value": 1, "seq": 4}], epoch="E")
    assert replica.entries == [Heard(b"1", 4)]


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
    follower = replica.follow()
    follower.take()
    session.disconnected()
    session.connected()
    tell(session, type="init", data=[{"value": 9, "seq": 2}], epoch="F", recovered=False)
    assert follower.take() == [StartedOver([Heard(b"9", 2)], same_epoch=False, epoch="F")]
    assert replica.entries == [Heard(b"9", 2)]


def test_a_deletion_empties_it(session: Session) -> None:
    replica = joined(session, keep=True)
    follower = replica.follow()
    tell(session, type="delete", seq=6)
    assert follower.take()[-1] == StartedOver([], same_epoch=True, epoch="E")
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


def test_an_outcome_brings_the_number_or_why_not(session: Session) -> None:
    replica = joined(session, keep=True)
    taken, refused, dropped = (replica.push(b"1", keep=True) for _ in range(3))
    tell(session, type="ack", id=1, seq=5)
    tell(session, type="error", id=2, code="quota", message="full")
    assert taken.result() == 5
    assert isinstance(refused.exception(), QuotaExceeded)
    session.abandon(NotConnected("closed"))
    assert isinstance(dropped.exception(), NotConnected)
    assert session.settled


def test_several_values_go_in_one_message(session: Session) -> None:
    replica = joined(session, keep=True)
    outcome = replica.push_all([b"1", b"2"], keep=True, max_length=9)
    (message,) = (json.loads(frame) for frame in session.outgoing())
    assert message["values"] == [1, 2]
    assert message["action"] == {"type": "append", "max_length": 9}
    tell(session, type="ack", id=1, seq=6, count=2)
    assert outcome.result() == 6


def test_values_are_cut_into_what_fits_into_a_message() -> None:
    session = Session(pushes=Pushes(limits=Limits(message_bytes=400)))
    values = [b"%d" % (10**20 + n) for n in range(40)]
    replica = session.log("a", keep=True)
    batches = list(replica.batches(values))
    assert [value for batch in batches for value in batch] == values
    assert 2 < len(batches) < 20
    few = Session(pushes=Pushes(limits=Limits(values=3))).log("a", keep=True)
    assert [len(batch) for batch in few.batches(values[:7])] == [3, 3, 1]
    crowded = Session(pushes=Pushes(limits=Limits(containers=100))).log("a", keep=True)
    assert {len(batch) for batch in crowded.batches([b"[[1],[1]]"] * 40)} == {20}
    for batch in batches:
        replica.push_all(batch, keep=True)


def test_a_compact_says_up_to_where(session: Session) -> None:
    replica = joined(session, keep=True)
    replica.compact(b"[]", seq=4, epoch="E")
    (message,) = (json.loads(frame) for frame in session.outgoing())
    assert message["action"] == {"type": "compact", "seq": 4}
    assert message["epoch"] == "E"


def test_stamps_tell_who_wrote_and_when(session: Session) -> None:
    replica = session.log("a", keep=True, stamps=True)
    assert json.loads(session.outgoing()[0])["stamps"] is True
    stamps = {"time": 12, "client": "ann", "user": {"name": "Ann"}}
    tell(session, type="init", data=[{"value": 1, "seq": 4, **stamps}], epoch="E")
    tell(session, type="push", value=2, seq=5, time=13)
    assert [entry.stamp for entry in replica.entries] == [
        Stamp(12, "ann", b'{"name": "Ann"}'),
        Stamp(13, None, None),
    ]


@pytest.mark.parametrize("answered", [True, False])
def test_stamps_may_be_asked_for_later(session: Session, answered: bool) -> None:
    session.log("a", keep=True)
    if answered:
        tell(session, type="init", data=[], epoch="E")
    session.outgoing()
    replica = session.log("a", keep=True, stamps=True)
    if not answered:
        tell(session, type="init", data=[], epoch="E")
    (message,) = (json.loads(frame) for frame in session.outgoing())
    assert (message["stamps"], message["epoch"]) == (True, None)
    tell(session, type="init", data=[{"value": 1, "seq": 4, "time": 1}], epoch="E")
    assert replica.entries == [Heard(b"1", 4, Stamp(1, None, None))]


def test_news_that_nobody_takes_are_bounded(session: Session) -> None:
    replica = joined(session, keep=False)
    follower = replica.follow(limit=2)
    for n in (5, 6, 7):
        tell(session, type="push", value=n, seq=n)
    assert follower.take() == [Missed(2), Heard(b"6", 6), Heard(b"7", 7)]
    assert follower.take() == []


def test_news_from_before_a_new_beginning_stay(session: Session) -> None:
    replica = joined(session, keep=False)
    follower = replica.follow()
    follower.take()
    tell(session, type="push", value=5, seq=5)
    session.disconnected()
    session.connected()
    tell(session, type="init", data=[], epoch="F")
    assert follower.take() == [Heard(b"5", 5), StartedOver([], same_epoch=False, epoch="F")]


def test_asking_for_stamps_loses_nothing_that_is_relayed_meanwhile(session: Session) -> None:
    replica = joined(session, keep=False)
    follower = replica.follow()
    follower.take()
    tell(session, type="push", value=5, seq=5)
    session.log("a", keep=False, stamps=True)
    tell(session, type="push", value=6, seq=6)
    (message,) = (json.loads(frame) for frame in session.outgoing())
    assert (message["seq"], message["stamps"]) == (None, True)
    tell(session, type="push", value=7, seq=7, time=1)
    assert [each.seq for each in follower.take() if isinstance(each, Heard)] == [5, 6, 7]


def test_it_drops_what_others_took_away(session: Session) -> None:
    replica = holding(session, a=1, b=2)
    tell(session, type="push", value="c", seq=10, first=2)
    assert held(replica) == [("b", 2), ("c", 10)]
    tell(session, type="push", value="relayed", seq=11)
    assert held(replica) == [("b", 2), ("c", 10)]
    tell(session, type="push", value="d", seq=12, first=13)
    tell(session, type="push", value="e", seq=13, first=13)
    assert held(replica) == [("e", 13)]


def test_it_puts_what_was_compacted_in_front(session: Session) -> None:
    replica = holding(session, a=1, b=2, c=3)
    follower = replica.follow()
    follower.take()
    tell(session, type="compact", value="ab", seq=2)
    assert held(replica) == [("ab", 2), ("c", 3)]
    assert follower.take() == [Compacted(Heard(b'"ab"', 2))]


def back(session: Session, **answer: object) -> list[bytes]:
    """Come back to a room that recovers what was missed; return what is sent then."""
    session.disconnected()
    session.connected()
    session.outgoing()
    tell(session, type="init", epoch="E", recovered=True, **answer)
    return session.outgoing()


def test_what_was_put_in_front_meanwhile_is_there_after_a_reconnect(session: Session) -> None:
    replica = holding(session, a=1, b=2, c=3)
    data = [{"value": "ab", "seq": 2}, {"value": "d", "seq": 10}]
    assert back(session, data=data, first=2, size=3, seq=10) == []
    assert held(replica) == [("ab", 2), ("c", 3), ("d", 10)]
    assert back(session, data=[], first=0, size=0, seq=11) == []
    assert held(replica) == []


def test_where_it_does_not_add_up_it_is_read_anew(session: Session) -> None:
    replica = holding(session, a=1)
    data = [{"value": "a", "seq": 1}, {"value": "relayed", "seq": 10}]
    (frame,) = back(session, data=data, first=1, size=1, seq=10)
    assert json.loads(frame)["epoch"] is None
    tell(session, type="init", epoch="E", data=data[:1], first=1, size=1, seq=10)
    assert held(replica) == [("a", 1)]


def test_a_stream_that_changes_between_two_pages_is_right_in_the_end(session: Session) -> None:
    replica = session.log("a", keep=True, held=True)
    data = [{"value": "a", "seq": 1}, {"value": "b", "seq": 2}]
    tell(session, type="init", data=data, epoch="E", more=True)
    data = [{"value": "ab", "seq": 2}, {"value": "c", "seq": 3}]
    tell(session, type="init", data=data, epoch="E", recovered=True, first=2, size=2)
    assert held(replica) == [("ab", 2), ("c", 3)]


def test_a_server_that_says_nothing_of_streams_is_taken_to_keep_all(session: Session) -> None:
    replica = session.log("a", keep=True, held=True)
    tell(session, type="init", data=[{"value": "a", "seq": 1}], epoch="E")
    tell(session, type="push", value="b", seq=2)
    assert held(replica) == [("a", 1), ("b", 2)]


def test_a_follower_is_woken_once_until_it_takes_the_news(session: Session) -> None:
    replica = joined(session, keep=True)
    woken: list[bool] = []
    follower = replica.follow(wake=lambda: woken.append(True))
    tell(session, type="push", value=5, seq=5)
    assert len(woken) == 1
    assert len(follower.take()) == 2
    tell(session, type="push", value=6, seq=6)
    assert len(woken) == 2


def test_who_follows_no_more_costs_nothing(session: Session) -> None:
    replica = joined(session, keep=True)
    follower = weakref.ref(replica.follow())
    gc.collect()
    assert follower() is None


def sent_values(session: Session) -> list[object]:
    pushes = map(json.loads, session.outgoing())
    return [push["value"] for push in pushes if push["type"] == "push"]


def wrote_offline(session: Session, *values: int) -> tuple[LogReplica, Follower]:
    """Return who knew a stream that a server has forgotten, and wrote these meanwhile."""
    replica = session.log("a", keep=False)
    follower = replica.follow(restore=_restore)
    tell(session, type="init", data=[{"value": 0, "seq": 4}], epoch="E")
    replica.decide(follower, "E")
    session.disconnected()
    session.restores()
    for value in values:
        replica.push(b"%d" % value, keep=True, dated=True)
    session.connected()
    session.outgoing()
    return replica, follower


def _restore() -> None:
    """Stand for who has what a room forgot."""


def test_what_a_room_forgot_is_offered_before_what_waits(session: Session) -> None:
    replica, follower = wrote_offline(session, 1, 2)
    tell(session, type="init", data=[], epoch="F")
    assert session.restores() == [_restore]
    assert sent_values(session) == []
    replica.offer(b"0", Outcome(), seq=0)
    (offer,) = (json.loads(frame) for frame in session.outgoing())
    assert (offer["value"], offer["if_seq"]) == (0, 0)
    tell(session, type="push", value=0, seq=1)
    tell(session, type="ack", id=offer["id"], seq=1)
    assert session.restores() == [_restore]
    assert sent_values(session) == []
    replica.decide(follower, "E")
    assert sent_values(session) == [], "that was about another epoch"
    replica.decide(follower, "F")
    assert sent_values(session) == [1, 2]


def test_where_somebody_was_faster_it_is_offered_again_before_what_waits(session: Session) -> None:
    replica, follower = wrote_offline(session, 1)
    tell(session, type="init", data=[], epoch="F")
    replica.offer(b"0", Outcome(), seq=0)
    (offer,) = (json.loads(frame) for frame in session.outgoing())
    tell(session, type="push", value=7, seq=1)
    tell(session, type="error", code="conflict", id=offer["id"], seq=1, message="")
    assert session.restores() == [_restore]
    assert sent_values(session) == []
    assert replica.may_offer(1)
    replica.offer(b"8", Outcome(), seq=1)
    assert sent_values(session) == [8]
    replica.decide(follower, "F")
    assert sent_values(session) == [1]


@pytest.mark.parametrize("code", ["forbidden", "quota"])
def test_what_waits_is_sent_where_an_offer_is_refused_and_nothing_is_offered_again(
    session: Session, code: str
) -> None:
    replica, _ = wrote_offline(session, 1)
    tell(session, type="init", data=[], epoch="F")
    replica.offer(b"0", Outcome(), seq=0)
    (offer,) = (json.loads(frame) for frame in session.outgoing())
    tell(session, type="error", code=code, id=offer["id"], message="")
    assert sent_values(session) == [1]
    tell(session, type="push", value=7, seq=1)
    assert not replica.may_offer(1)


def test_what_waits_is_sent_where_nobody_is_left_who_could_offer(session: Session) -> None:
    _, follower = wrote_offline(session, 1)
    tell(session, type="init", data=[], epoch="F")
    assert sent_values(session) == []
    del follower
    gc.collect()
    assert sent_values(session) == [1]


def test_an_offer_goes_out_whatever_number_of_pushes_waits(session: Session) -> None:
    replica, _ = wrote_offline(session, *range(2_000))
    tell(session, type="init", data=[], epoch="F")
    replica.offer(b"0", Outcome(), seq=0)
    assert sent_values(session) == [0]


def test_news_that_were_missed_stand_before_those_that_were_not(session: Session) -> None:
    replica = joined(session, keep=False)
    follower = replica.follow(limit=2)
    for seq in (5, 6, 7):
        tell(session, type="push", value=seq, seq=seq)
    first, *rest = follower.take()
    assert isinstance(first, Missed)
    assert [each.seq for each in rest if isinstance(each, Heard)] == [6, 7]


def test_an_interrupt_while_news_are_taken_loses_none_and_counts_what_was_missed() -> None:
    def taken(line: int) -> tuple[list[int], int]:
        follower, news = Follower(limit=2), deque[News]()
        for seq in range(1, 6):
            follower.hear(Heard(b"1", seq))
        interrupted_at(lambda: follower.move_to(news), line)
        follower.move_to(news)
        heard = [each.seq for each in news if isinstance(each, Heard)]
        return heard, sum(each.number for each in news if isinstance(each, Missed))

    for line in range(1, count_lines(lambda: Follower().move_to(deque())) + 4):
        heard, missed = taken(line)
        assert heard == [4, 5]
        assert missed >= 3


def test_pushes_that_arrive_together_are_taken_as_if_one_after_the_other(session: Session) -> None:
    replica, other = joined(session, keep=True), session.log("b", keep=True)
    session.receive_all(frames({"type": "init", "key": "b", "data": [], "epoch": "E"}))
    session.outgoing()
    follower = replica.follow()
    follower.take()
    outcome = replica.push(b"6", keep=True)
    session.outgoing()
    told: list[int] = []
    outcome.add_done_callback(lambda _: told.append(len(replica.entries)))
    session.receive_all(
        frames(
            {"type": "push", "key": "a", "value": 4, "seq": 4},  # again
            {"type": "push", "key": "a", "value": 5, "seq": 5},
            {"type": "push", "key": "b", "value": 7, "seq": 7},
            {"type": "push", "key": "nobody's", "value": 8, "seq": 8},
            {"type": "push", "key": "a", "value": 9, "seq": 9},
            {"type": "ack", "id": 1, "seq": 9},
            {"type": "push", "key": "a", "value": 10, "seq": 10},
        )
    )
    assert [each.seq for each in replica.entries] == [4, 5, 9, 10]
    assert [each.seq for each in other.entries] == [7]
    assert follower.take() == [Heard(b"5", 5), Heard(b"9", 9), Heard(b"10", 10)]
    assert (outcome.result(), told) == (9, [3])


def test_of_pushes_that_arrive_together_those_are_told_that_came_before_a_fault(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = joined(session, keep=True)
    follower = replica.follow()
    follower.take()
    monkeypatch.setattr(Heard, "of", failing_at(7, Heard.of))
    with pytest.raises(LookupError):
        session.receive_all(
            frames(*({"type": "push", "key": "a", "value": n, "seq": n} for n in range(5, 9)))
        )
    assert follower.take() == [Heard(b"5", 5), Heard(b"6", 6)]


def failing_at(seq: int, of: Callable[[Value], Heard]) -> Callable[[Value], Heard]:
    def fails(value: Value) -> Heard:
        if value.seq == seq:
            raise LookupError
        return of(value)

    return fails


def test_of_many_news_at_once_the_newest_are_remembered() -> None:
    follower = Follower(limit=2)
    follower.hear(*(Heard(b"", seq) for seq in range(1, 6)))
    assert follower.take() == [Missed(3), Heard(b"", 4), Heard(b"", 5)]
