"""What is remembered of a client's pushes, and for how long."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.memory_cost import PRODUCER_COST_BYTES, RUN_COST_BYTES
from driftdb_jupyter.rooms.producer import PendingProducers, Producer, Producers


def test_at_least_the_newest_ids_are_remembered() -> None:
    producer = Producer(remember=10)
    for push_id in range(1, 101):
        producer.applied(push_id, 1000 + push_id)
        newest = range(max(1, push_id - 9), push_id + 1)
        assert [producer.seq(known) for known in newest] == [1000 + known for known in newest]
        assert not producer.knows(push_id + 1)


def test_an_id_older_than_those_is_known_but_not_its_seq() -> None:
    producer = Producer(remember=10)
    for push_id in range(1, 101):
        producer.applied(push_id, push_id)
    assert producer.knows(1)
    assert producer.seq(1) is None


def test_a_gap_among_them_is_open() -> None:
    producer = Producer(remember=10)
    producer.applied(1, 1)
    producer.applied(3, 2)
    assert not producer.knows(2)


def test_an_id_that_comes_late_is_known_from_then_on() -> None:
    producer = Producer()
    for push_id, seq in ((1, 1), (5, 2), (3, 3), (2, 4), (4, 5)):
        assert not producer.knows(push_id)
        producer.applied(push_id, seq)
    assert [producer.seq(push_id) for push_id in range(1, 6)] == [1, 4, 3, 5, 2]


def test_ids_in_a_row_take_no_more_than_one() -> None:
    one, many = Producer(), Producer()
    one.applied(1, 1)
    for push_id in range(1, 2_048):
        many.applied(push_id, push_id)
    assert taken(many) <= taken(one) + 100


def taken(producer: Producer) -> int:
    slots = [getattr(producer, name) for name in Producer.__slots__]
    return sys.getsizeof(producer) + sum(map(sys.getsizeof, slots))


def test_runs_that_were_written_are_as_if_applied() -> None:
    producer = Producer(remember=4, forgotten=2)
    producer.restore(1, 11, 4)
    producer.restore(9, 30, 1)
    assert [push_id for push_id in range(1, 12) if producer.knows(push_id)] == [1, 2, 3, 4, 9]
    assert [producer.seq(push_id) for push_id in (1, 3, 4, 9)] == [None, 13, 14, 30]


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(1, 40), st.integers(1, 3)), max_size=60))
def test_whatever_order_ids_come_in_the_newest_are_known(
    remember: int, pushes: list[tuple[int, int]]
) -> None:
    producer, applied, seq = Producer(remember=remember), dict[int, int](), 0
    for push_id, step in pushes:
        seq += step
        if producer.knows(push_id):
            continue
        producer.applied(push_id, seq)
        applied[push_id] = seq
        newest = sorted(applied)[-remember:]
        assert {known: producer.seq(known) for known in newest} == {n: applied[n] for n in newest}
        assert all(map(producer.knows, applied))
        assert not producer.knows(max(applied) + 1)


def test_a_budget_is_charged_with_what_clients_cost_until_they_are_forgotten() -> None:
    memory, producers = MemoryBudget(), Producers()
    producers.charge(memory)
    for push_id in range(1, 5_000):  # by turns, so that no two numbers follow each other
        for place, client in enumerate("ab"):
            producers.applied(client, push_id, 2 * push_id + place)
        runs = sum(producer.run_count for _, producer in producers.items())
        assert memory.used_bytes == 2 * PRODUCER_COST_BYTES + runs * RUN_COST_BYTES
    producers.forget("a")
    producers.forget("a")
    assert memory.used_bytes == producers.cost_bytes > PRODUCER_COST_BYTES
    producers.forget("b")
    assert memory.used_bytes == 0


class TestPendingProducers:
    def test_know_what_is_settled_and_leave_it_as_it_is(self) -> None:
        settled = Producers()
        settled.get("a").applied(1, 1)
        pending = PendingProducers(settled)
        pending.get("a").applied(2, 2)
        pending.get("b").applied(1, 3)
        assert [pending.get("a").seq(n) for n in (1, 2)] == [1, 2]
        assert not settled.get("a").knows(2)
        assert "b" in pending
        assert "b" not in settled

    def test_take_back_what_others_than_those_kept_pushed(self) -> None:
        pending = PendingProducers(Producers())
        for client in "abc":
            pending.get(client).applied(1, 1)
        pending.keep({"b", None})
        assert [client for client in "abc" if client in pending] == ["b"]

    def test_forget_not_a_thing_that_was_settled_where_ids_are_taken_back(self) -> None:
        settled = Producers()
        settled.get("a").applied(1, 1)
        pending = PendingProducers(settled)
        for push_id in range(2, 5_000):  # which forgets the oldest, but for the moment only
            pending.get("a").applied(push_id, push_id)
        assert pending.get("a").seq(1) is None
        pending.keep(())
        assert pending.get("a").seq(1) == 1
        assert not pending.get("a").knows(2)


def test_what_was_forgotten_before_is_known_without_its_seq() -> None:
    producer = Producer(forgotten=5)
    assert producer.knows(5)
    assert producer.seq(5) is None
    assert not producer.knows(6)
    assert producer.forgotten == 5


@given(st.lists(st.integers(1, 60), max_size=40, unique=True))
def test_its_runs_make_another_that_knows_the_same(ids: list[int]) -> None:
    producer = Producer(remember=8)
    for seq, push_id in enumerate(ids, 100):
        if not producer.knows(push_id):
            producer.applied(push_id, seq)
    again = Producer(remember=8, forgotten=producer.forgotten)
    for run in producer.runs():
        again.restore(*run)
    assert [again.seq(n) for n in range(1, 62)] == [producer.seq(n) for n in range(1, 62)]


def test_a_joined_producer_knows_what_either_of_two_knows() -> None:
    one, other = Producer(forgotten=2), Producer()
    one.restore(3, 30, 2)
    other.restore(4, 40, 3)
    other.restore(9, 90, 1)
    joined = one.joined(other)
    assert joined.runs() == [[3, 30, 2], [5, 41, 2], [9, 90, 1]]
    assert joined.forgotten == 2
