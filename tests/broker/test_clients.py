"""Whose pushes are remembered, and for how long."""

from __future__ import annotations

from driftdb_jupyter.broker.clients import Clients
from driftdb_jupyter.rooms.producer import Producers


def producers_of(clients: str) -> Producers:
    producers = Producers()
    for client in clients:
        producers.get(client).applied(1, 1)
    return producers


def remembered(producers: Producers) -> str:
    return "".join(sorted(client for client, _ in producers.items()))


def test_a_client_is_forgotten_after_its_last_connection_only() -> None:
    producers = producers_of("a")
    clients = Clients(producers, limit=10)
    clients.joined("a")
    clients.joined("a")
    clients.left("a", now=5)
    assert clients.expire(before=100, now=100) == []
    clients.left("a", now=50)
    assert clients.expire(before=50, now=100) == []
    assert clients.expire(before=51, now=100) == ["a"]
    assert remembered(producers) == ""


def test_one_that_comes_back_is_remembered_anew() -> None:
    producers = producers_of("a")
    clients = Clients(producers, limit=10, gone={"a": 1.0})
    clients.joined("a")
    assert clients.expire(before=100, now=100) == []
    assert clients.left_at("a", now=100) == 100
    clients.left("a", now=100)
    assert clients.left_at("a", now=200) == 100


def test_one_that_pushed_nothing_leaves_nothing() -> None:
    producers = Producers()
    clients = Clients(producers, limit=10)
    for number in range(1_000):
        clients.joined(f"client {number}")
        clients.left(f"client {number}", now=number)
    assert len(producers) == 0
    assert clients.expire(before=10_000, now=10_000) == []


def test_of_too_many_the_longest_gone_are_forgotten_first_and_connected_ones_never() -> None:
    producers = producers_of("abcdef")
    clients = Clients(producers, limit=4, gone={"c": 3.0, "a": 1.0, "b": 2.0})
    assert clients.forget_excess() == ["a", "b"]
    for client in "def":
        clients.joined(client)
    producers.get("g").applied(1, 1)
    assert clients.left("g", now=9) == ["c"]
    for client in "hijk":
        clients.joined(client)
        producers.get(client).applied(1, 1)
    assert clients.left("d", now=10) == ["g", "d"]
    assert remembered(producers) == "efhijk"


def test_a_client_whose_push_is_applied_when_it_has_left_already_is_no_exception() -> None:
    producers = Producers()
    clients = Clients(producers, limit=1)
    for client in "ab":
        clients.joined(client)
        clients.left(client, now=1)
        producers.get(client).applied(1, 1)
        clients.pushed(client, now=2)
    assert remembered(producers) == "b"
    assert clients.expire(before=3, now=3) == ["b"]
