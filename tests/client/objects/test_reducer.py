from __future__ import annotations

from typing import Any

import pytest

from driftdb_jupyter.client.objects import reducer
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.protocol.errors import EncodingError, QuotaExceeded, TimedOut, Uncertain

from ..served import Calls, another, come_true


def add(items: list[Any], item: Any) -> list[Any]:
    if item == "bad":
        raise ValueError("no such action")
    return [*items, item]


def test_all_end_with_the_same_value(mine: Room, theirs: Room) -> None:
    one = SharedReducer("todo", add, [], room=mine)
    other = SharedReducer("todo", add, [], room=theirs)
    handles = [each.dispatch(n) for n in range(40) for each in (one, other)]
    for handle in handles:
        handle.result()
    come_true(mine, lambda: len(one.value) == 80)
    come_true(theirs, lambda: one.value == other.value)
    assert sorted(one.value) == sorted([*range(40), *range(40)])


def test_an_own_action_shows_at_once(mine: Room) -> None:
    todo = SharedReducer("todo", add, [], room=mine)
    todo.dispatch("milk")
    assert todo.value == ["milk"]


def test_an_action_that_the_function_refuses_goes_nowhere(mine: Room, theirs: Room) -> None:
    todo = SharedReducer("todo", add, [], room=mine)
    with pytest.raises(ValueError, match="no such action"):
        todo.dispatch("bad")
    todo.dispatch("good").result()
    assert SharedReducer("todo", add, [], room=theirs).value == ["good"]


def test_changes_that_may_be_lost_are_said(
    mine: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    todo = SharedReducer("todo", add, [], room=mine)
    outcomes: list[Outcome[int | None]] = [Outcome(), Outcome()]
    pushed = iter(outcomes)
    monkeypatch.setattr(mine.connection, "push", lambda *_, **__: next(pushed))
    todo.dispatch("milk")
    todo.dispatch("eggs")
    for each in outcomes:
        each.set_exception(Uncertain("the room lost its memory"))
    come_true(mine, lambda: "confirmed" in caplog.text)
    assert todo.value == []
    assert "SharedReducer 'todo': the room lost its memory before it confirmed" in caplog.text


def test_who_comes_first_says_where_it_begins(mine: Room, theirs: Room) -> None:
    SharedReducer("todo", add, ["first"], room=mine)
    mine.flush()
    assert SharedReducer("todo", add, ["second"], room=theirs).value == ["first"]


def test_the_stream_is_kept_short(
    mine: Room, theirs: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducer, "_COMPACT_AT", 5)
    todo = SharedReducer("todo", add, [], room=mine)
    other = SharedReducer("todo", add, [], room=theirs)
    for n in range(5):
        todo.dispatch(n).result()
    come_true(mine, lambda: mine.keys()["todo"].size < 5)
    todo.dispatch(5).result()
    late = SharedReducer("todo", add, [], room=another(mine))
    come_true(theirs, lambda: len(other.value) == 6)
    assert todo.value == other.value == late.value == list(range(6))


def test_subscribers_hear_the_newest_value(mine: Room, theirs: Room) -> None:
    todo, heard = SharedReducer("todo", add, [], room=mine), Calls()
    todo.subscribe(heard)
    SharedReducer("todo", add, [], room=theirs).dispatch("milk")
    heard.wait_for(lambda: bool(heard.seen))
    assert heard.seen[-1] == ["milk"]


def test_a_value_can_be_waited_for(mine: Room, theirs: Room) -> None:
    todo = SharedReducer("todo", add, [], room=mine)
    SharedReducer("todo", add, [], room=theirs).dispatch("milk")
    assert todo.wait_for(lambda items: "milk" in items, timeout_seconds=60) == ["milk"]
    with pytest.raises(TimedOut):
        todo.wait_for(lambda items: "bread" in items, timeout_seconds=0.01)


def test_a_function_may_change_what_it_is_given(mine: Room, theirs: Room) -> None:
    def vote(votes: dict[str, int], choice: str) -> dict[str, int]:
        votes[choice] = votes.get(choice, 0) + 1
        return votes

    one = mine.reducer("votes", vote, {})
    two = theirs.reducer("votes", vote, {})
    for _ in range(3):
        one.dispatch("a").result()
        two.dispatch("b").result()
    come_true(theirs, lambda: two.value == {"a": 3, "b": 3})
    come_true(mine, lambda: one.value == {"a": 3, "b": 3})


def test_a_function_that_fails_half_way_changes_nothing(mine: Room) -> None:
    def fails(items: list[int], item: int) -> list[int]:
        items.append(item)
        if item < 0:
            raise ValueError("expected no negative number")
        return items

    numbers = mine.reducer("numbers", fails, [])
    with pytest.raises(ValueError, match="no negative"):
        numbers.dispatch(-1)
    numbers.dispatch(1).result()
    assert numbers.value == [1]


def test_what_is_handed_out_may_be_changed_without_harm(mine: Room, theirs: Room) -> None:
    def extended(items: list[int], item: int) -> list[int]:
        return [*items, item]

    one = mine.reducer("numbers", extended, [])
    two = theirs.reducer("numbers", extended, [])
    heard: list[list[int]] = []
    one.subscribe(lambda items: items.append(99))
    one.subscribe(lambda items: heard.append(items))
    one.value.append(5)
    one.dispatch(1).result()
    come_true(mine, lambda: heard == [[1]])
    one.value.append(5)
    assert one.value == [1]
    come_true(theirs, lambda: two.value == [1])


def test_a_function_must_return_what_can_be_shared(mine: Room) -> None:
    broken = mine.reducer("broken", lambda value, action: object(), 0)
    with pytest.raises(EncodingError):
        broken.dispatch(1)
    assert broken.value == 0


def test_a_second_object_of_a_key_begins_with_what_the_first_made(mine: Room) -> None:
    first = SharedReducer("again", lambda value, n: value + n, 0, room=mine)
    first.dispatch(5).result()
    second = SharedReducer("again", lambda value, n: value + n, 0, room=mine)
    assert second.value == 5
    second.dispatch(5).result()
    assert (first.value, second.value) == (10, 10)


def test_a_handler_may_change_what_it_is_told(mine: Room, theirs: Room) -> None:
    def count(votes: dict[str, int], choice: str) -> dict[str, int]:
        votes[choice] = votes.get(choice, 0) + 1
        return votes

    one = SharedReducer("votes", count, {}, room=mine)
    other, heard = SharedReducer("votes", count, {}, room=theirs), Calls()
    one.subscribe(lambda votes: votes.clear())
    one.subscribe(heard)
    other.dispatch("no").result()
    heard.wait_for(lambda: heard.seen == [{"no": 1}])
    assert one.value == other.value == {"no": 1}


def test_a_stream_that_cannot_be_kept_short_is_said_once(
    mine: Room, caplog: pytest.LogCaptureFixture
) -> None:
    todo = SharedReducer("todo", add, [], room=mine)
    for _ in range(2):
        outcome: Outcome[int | None] = Outcome()
        outcome.set_exception(QuotaExceeded("full"))
        todo._compacted(outcome)
    assert [record.getMessage() for record in caplog.records] == [
        "SharedReducer 'todo': its stream can't be kept short: full"
    ]
    todo.dispatch("milk").result()
    assert todo.error is None
