"""What is remembered of a client's pushes, and for how long."""

from __future__ import annotations

from driftdb_jupyter.rooms.producer import Producer, Producers


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


def test_a_client_is_forgotten_after_its_last_connection_only() -> None:
    producers = Producers()
    producers.joined("a")
    producers.joined("a")
    producers.left("a", now=5)
    producers.expire(before=100)
    assert len(producers) == 1
    producers.left("a", now=50)
    producers.expire(before=50)
    assert len(producers) == 1
    producers.expire(before=51)
    assert len(producers) == 0


def test_a_push_that_could_not_be_kept_is_open_again() -> None:
    producer = Producer()
    producer.applied(1, 1)
    producer.refused(1)
    assert not producer.knows(1)


def test_what_was_forgotten_before_is_known_without_its_seq() -> None:
    producer = Producer(forgotten=5)
    assert producer.knows(5)
    assert producer.seq(5) is None
    assert not producer.knows(6)
    assert producer.forgotten == 5
