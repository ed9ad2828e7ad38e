from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.state import StateReplica, Update
from driftdb_jupyter.protocol.errors import Uncertain

from ..fakes import FakeRoom, SimulatedClient


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()


def joined(room: FakeRoom, *, initial: bytes | None = None) -> tuple[SimulatedClient, StateReplica]:
    client = SimulatedClient(room, f"secret-{len(room.peers)}")
    replica = client.session.state("a")
    if initial is not None:
        replica.offer(initial)
    client.connect()
    client.settle()
    return client, replica


def test_the_rooms_value_is_shown(room: FakeRoom) -> None:
    room.write("a", [1])
    _, replica = joined(room, initial=b"0")
    assert replica.ready
    assert json.loads(replica.shown or b"") == [1]


def test_the_last_of_several_values_counts(room: FakeRoom) -> None:
    client = SimulatedClient(room, "one")
    replica = client.session.state("a")
    data = [{"value": 1, "seq": 4}, {"value": 2, "seq": 7}]
    client.session.receive(json.dumps({"type": "init", "key": "a", "data": data}))
    assert (replica.shown, replica.seq) == (b"2", 7)


def test_an_empty_room_gets_the_initial_value_once(room: FakeRoom) -> None:
    joined(room, initial=b"1")
    _, second = joined(room, initial=b"2")
    assert second.shown == b"1"
    assert [value for _, _, value in room.applied] == [1]


def test_no_initial_value_is_written_where_none_was_given(room: FakeRoom) -> None:
    _, replica = joined(room)
    assert replica.shown is None
    assert room.applied == []


def test_an_initial_value_may_be_given_later(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.offer(b"3")
    client.settle()
    assert room.value("a") == (3, 1)


def test_who_comes_second_with_an_initial_value_takes_the_firsts(room: FakeRoom) -> None:
    one, other = SimulatedClient(room, "one"), SimulatedClient(room, "other")
    replicas = [one.session.state("a"), other.session.state("a")]
    for client, replica, value in zip((one, other), replicas, (b"1", b"2"), strict=True):
        replica.offer(value)
        client.connect()
    for client in (one, other, one, other, one, other):
        client.move_up()
        client.move_down()
    one.settle()
    other.settle()
    assert [replica.shown for replica in replicas] == [b"1", b"1"]


def test_one_write_is_in_flight_and_the_newest_follows(room: FakeRoom) -> None:
    client, replica = joined(room)
    for value in (b"1", b"2", b"3", b"4"):
        replica.write(value)
        client.pump()
    client.settle()
    assert [value for _, _, value in room.applied] == [1, 4]
    assert replica.settled


def test_an_own_value_stays_while_it_is_under_way_whatever_others_write(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.write(b"1")
    client.pump()
    room.write("a", 2)
    client.move_down()
    assert replica.shown == b"1"
    client.settle()
    assert replica.shown == b"1"


def test_after_the_ack_the_rooms_value_shows(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.write(b"1")
    client.pump()
    client.move_up()
    room.write("a", 2)
    client.settle()
    assert replica.shown == b"2"


def test_a_refused_write_gives_way_to_the_rooms_value(room: FakeRoom) -> None:
    client, replica = joined(room, initial=b"0")
    room.refuse = "forbidden"
    replica.write(b"1")
    assert replica.shown == b"1"
    client.settle()
    assert replica.shown == b"0"
    assert replica.settled


def test_what_the_room_holds_already_is_not_written(room: FakeRoom) -> None:
    client, replica = joined(room, initial=b"0")
    assert not replica.write(b"0")
    client.cut()
    assert replica.write(b"0"), "who knows what it holds now"


def test_a_room_that_forgot_is_given_the_last_value_known(room: FakeRoom) -> None:
    client, replica = joined(room, initial=b"0")
    replica.write(b"7")
    client.settle()
    client.cut()
    room.forget()
    client.connect()
    client.settle()
    assert room.value("a") == (7, 1)
    assert replica.shown == b"7"


def test_a_room_that_forgot_and_was_written_to_is_the_truth(room: FakeRoom) -> None:
    client, replica = joined(room, initial=b"0")
    room.write("a", 8)
    client.cut()
    room.forget()
    room.write("a", 9)
    client.connect()
    client.settle()
    assert (replica.shown, replica.seq) == (b"9", 1)


def test_an_initial_value_under_way_is_not_sent_again_but_decided_anew(room: FakeRoom) -> None:
    client = SimulatedClient(room, "one")
    replica = client.session.state("a")
    replica.offer(b"1")
    client.connect()
    client.move_up()
    client.move_down()
    client.cut()
    room.write("a", 5)
    client.connect()
    assert [json.loads(frame)["type"] for frame in client.up] == ["get"]
    client.settle()
    assert replica.shown == b"5"
    assert [value for _, _, value in room.applied] == [5]


def told(client: SimulatedClient, **message: object) -> None:
    client.session.receive(json.dumps(message))


def offers(client: SimulatedClient) -> list[object]:
    messages = [json.loads(frame) for frame in client.session.outgoing()]
    return [message["value"]["v"] for message in messages if message["type"] == "push"]


@pytest.fixture
def client(room: FakeRoom) -> SimulatedClient:
    client = SimulatedClient(room, "one")
    client.session.state("a").offer(b"0")
    client.session.connected()
    told(client, type="init", key="a", data=[{"value": 1, "seq": 4}], epoch="E")
    return client


def reconnected(client: SimulatedClient, **answer: object) -> StateReplica:
    client.session.disconnected()
    client.session.connected()
    told(client, type="init", key="a", **answer)
    return client.session.state("a")


def test_what_was_missed_is_caught_up_with(client: SimulatedClient) -> None:
    missed = [{"value": 5, "seq": 6}, {"value": 6, "seq": 9}]
    replica = reconnected(client, data=missed, epoch="E", recovered=True)
    assert (replica.shown, replica.seq) == (b"6", 9)


def test_where_nothing_was_missed_the_value_stays(client: SimulatedClient) -> None:
    assert reconnected(client, data=[], epoch="E", recovered=True).shown == b"1"
    assert offers(client) == []


def test_in_a_new_epoch_the_last_value_known_is_offered(client: SimulatedClient) -> None:
    assert reconnected(client, data=[], epoch="F", recovered=False).shown == b"1"
    assert offers(client) == [1]


def test_a_value_that_was_deleted_is_not_brought_back(client: SimulatedClient) -> None:
    told(client, type="delete", key="a", seq=5)
    assert client.session.state("a").shown == b"0"
    assert offers(client) == [0]


def test_a_value_that_was_deleted_meanwhile_is_not_brought_back(client: SimulatedClient) -> None:
    assert reconnected(client, data=[], epoch="E", recovered=False).shown == b"0"
    assert offers(client) == [0]


def test_a_write_that_waited_behind_a_lost_initial_value_is_sent(room: FakeRoom) -> None:
    client = SimulatedClient(room, "one")
    replica = client.session.state("a")
    replica.offer(b"0")
    client.session.connected()
    told(client, type="init", key="a", data=[], epoch="E")
    assert offers(client) == [0]
    replica.write(b"7")
    assert offers(client) == []
    reconnected(client, data=[], epoch="E", recovered=True)
    assert 7 in offers(client)


def test_an_initial_value_that_got_lost_on_its_way_is_offered_again(room: FakeRoom) -> None:
    client = SimulatedClient(room, "one")
    client.session.state("a").offer(b"0")
    client.session.connected()
    told(client, type="init", key="a", data=[], epoch="E")
    assert offers(client) == [0]
    reconnected(client, data=[], epoch="E", recovered=True)
    assert offers(client) == [0]


def step(base: bytes | None) -> bytes:
    return json.dumps([*json.loads(base or b"[]"), "x"]).encode()


def update(replica: StateReplica, step: Callable[[bytes | None], bytes] = step) -> Update:
    update = Update(step, step(replica.shown))
    replica.update(update, base=replica.shown)
    return update


def rebase(client: SimulatedClient) -> None:
    for replica in client.session.stale():
        rebase = replica.rebase()
        assert rebase is not None
        base = rebase.base
        for update in rebase.updates:
            base = update.result = update.step(base)
        replica.rebased(rebase)
    client.settle()


def test_an_update_is_shown_at_once_and_written_where_nobody_was_faster(room: FakeRoom) -> None:
    room.write("a", [])
    client, replica = joined(room)
    one = update(replica)
    assert json.loads(replica.shown or b"") == ["x"]
    client.settle()
    assert room.value("a") == (["x"], 2)
    assert json.loads(one.outcome.result()) == ["x"]


def test_an_update_is_made_again_on_what_somebody_else_wrote(room: FakeRoom) -> None:
    client, replica = joined(room)
    one = update(replica)
    client.pump()
    room.write("a", ["theirs"])
    client.settle()
    assert not one.outcome.done()
    rebase(client)
    assert room.value("a") == (["theirs", "x"], 2)
    assert json.loads(one.outcome.result()) == ["theirs", "x"]
    assert replica.settled


def test_updates_that_wait_go_out_as_one_and_know_each_its_own_result(room: FakeRoom) -> None:
    client, replica = joined(room)
    updates = [update(replica) for _ in range(3)]
    client.settle()
    assert [value for _, _, value in room.applied] == [["x"] * 3]
    assert [len(json.loads(each.outcome.result())) for each in updates] == [1, 2, 3]


def test_an_update_goes_behind_an_own_write(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.write(b"[1]")
    client.pump()
    update(replica)
    client.settle()
    assert [value for _, _, value in room.applied] == [[1], [1, "x"]]


def test_a_write_takes_the_place_of_updates_that_wait(room: FakeRoom) -> None:
    client, replica = joined(room)
    one = update(replica)
    outcome: Outcome[bytes] = Outcome()
    replica.write(b"[]", outcome=outcome)
    client.settle()
    assert room.value("a") == ([], 1)
    assert (one.outcome.done(), outcome.result()) == (True, b"[]")


def make_again(client: SimulatedClient, replica: StateReplica) -> None:
    rebase = replica.rebase()
    assert rebase is not None
    base = rebase.base
    for each in rebase.updates:
        base = each.result = each.step(base)
    replica.rebased(rebase)
    client.settle()


def test_an_update_of_what_is_no_longer_shown_is_made_again(room: FakeRoom) -> None:
    client, replica = joined(room)
    room.write("a", ["theirs"])
    client.settle()
    late = Update(step, b'["x"]')
    replica.update(late, base=None)
    assert replica.shown == b'["theirs"]'
    make_again(client, replica)
    assert (late.outcome.result(), room.value("a")) == (b'["theirs", "x"]', (["theirs", "x"], 2))
    assert replica.settled


def test_an_update_made_beside_a_write_is_made_of_what_was_written(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.write(b'["flying"]')
    client.pump()
    replica.write(b'["waiting"]')
    late = Update(step, b'["x"]')
    replica.update(late, base=None)
    assert (replica.shown, replica.waiting) == (b'["waiting"]', 2)
    client.settle()
    make_again(client, replica)
    assert room.value("a") == (["waiting", "x"], 3)
    assert replica.settled


def test_a_write_replaces_an_update_that_is_to_be_made_again(room: FakeRoom) -> None:
    client, replica = joined(room)
    replica.write(b'["waiting"]')
    late = Update(step, b'["x"]')
    replica.update(late, base=None)
    replica.write(b'["last"]')
    client.settle()
    assert room.value("a") == (["last"], 1)
    assert late.outcome.done()


def test_an_update_that_fails_the_second_time_is_given_up_alone(room: FakeRoom) -> None:
    client, replica = joined(room)
    good, bad = update(replica), update(replica)
    client.pump()
    room.write("a", ["theirs"])
    client.settle()
    (stale,) = client.session.stale()
    again = stale.rebase()
    assert again is not None
    good.result = step(again.base)
    replica.rebased(again, [bad])
    client.settle()
    assert room.value("a") == (["theirs", "x"], 2)
    assert good.outcome.done()


def test_a_relay_on_its_key_does_not_keep_an_update_from_the_room(room: FakeRoom) -> None:
    room.write("a", [])
    client, replica = joined(room)
    client.session.receive(json.dumps({"type": "push", "key": "a", "value": ["r"], "seq": 9}))
    update(replica)
    client.settle()
    assert room.value("a") == (["r", "x"], 2)


def test_nobody_knows_of_an_update_under_way_when_the_room_forgets() -> None:
    session = Session()
    replica = session.state("a")
    session.connected()
    empty = {"type": "init", "key": "a", "data": []}
    session.receive(json.dumps({**empty, "epoch": "E"}))
    one = update(replica)
    session.outgoing()
    session.disconnected()
    session.connected()
    session.receive(json.dumps({**empty, "epoch": "F"}))
    conflict = {"type": "error", "code": "conflict", "id": 1, "key": "a", "seq": 0, "message": ""}
    session.receive(json.dumps(conflict))
    assert isinstance(one.outcome.exception(), Uncertain)
    assert session.stale() == []


def test_a_write_is_acknowledged_with_the_one_that_took_its_place(room: FakeRoom) -> None:
    client, replica = joined(room)
    outcomes: list[Outcome[bytes]] = [Outcome() for _ in range(3)]
    for value, outcome in zip((b"1", b"2", b"2"), outcomes, strict=True):
        replica.write(value, outcome=outcome)
    assert not any(outcome.done() for outcome in outcomes)
    client.settle()
    assert [outcome.result() for outcome in outcomes] == [b"2", b"2", b"2"]
    known: Outcome[bytes] = Outcome()
    assert not replica.write(b"2", outcome=known)
    assert known.result() == b"2"
