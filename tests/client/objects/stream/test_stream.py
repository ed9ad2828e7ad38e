from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.client.objects.message import Message
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.protocol.errors import EncodingError

from ...served import Calls, come_true


def test_it_is_a_list_in_one_order_for_all(mine: Room, theirs: Room) -> None:
    log, other = Stream("log", room=mine), Stream("log", room=theirs)
    log.append("a")
    other.append("b").result()
    log.extend(["c", "d"]).result()
    come_true(theirs, lambda: len(other) == 4)
    assert sorted(log) == ["a", "b", "c", "d"]
    assert list(log) == list(other)
    assert other[-2:] == ["c", "d"]
    assert other[0] == log[0]
    with pytest.raises(IndexError):
        log[4]


def test_who_comes_later_has_it_all(mine: Room, theirs: Room) -> None:
    Stream("log", room=mine).extend(range(5000)).result()
    assert list(Stream("log", room=theirs)) == list(range(5000))


def test_a_handle_brings_the_last_number(mine: Room) -> None:
    log = Stream("log", room=mine)
    first = log.append("a").result()
    assert first == 1
    assert (log.extend(["b", "c"]).result() or 0) >= first + 2
    assert log.extend([]).result() is None


def test_none_is_added_if_one_cannot_be_encoded(mine: Room) -> None:
    log = Stream("log", room=mine)
    with pytest.raises(EncodingError):
        log.extend([1, object()])
    mine.flush()
    assert len(log) == 0


def test_it_holds_as_many_as_it_may(mine: Room, theirs: Room) -> None:
    log = Stream("log", room=mine, max_length=3)
    log.extend(range(10)).result()
    assert list(log) == [7, 8, 9]
    assert list(Stream("log", room=theirs)) == [7, 8, 9]
    with pytest.raises(ValueError, match="expected a max_length of 1 or more, got 0"):
        Stream("log", room=mine, max_length=0)


def test_a_loop_goes_on_with_what_comes(mine: Room, theirs: Room) -> None:
    log, other = Stream("log", room=mine), Stream("log", room=theirs)
    log.extend([1, 2]).result()
    come_true(theirs, lambda: len(other) == 2)
    everything = other.follow(timeout_seconds=60)
    news = other.follow(start="now", timeout_seconds=60)
    log.append(3)
    assert [next(everything) for _ in range(3)] == [1, 2, 3]
    assert next(news) == 3
    with pytest.raises(ValueError, match='expected start="oldest" or start="now", got 1'):
        other.follow(start=1)  # type: ignore[arg-type]


def test_an_async_loop_goes_on_too(mine: Room) -> None:
    log = Stream("log", room=mine)
    log.append(1).result()

    async def hear() -> list[int]:
        feed = log.follow(timeout_seconds=60)
        log.append(2)
        return [await feed.__anext__() for _ in range(2)]

    assert asyncio.run(hear()) == [1, 2]


def test_subscribers_hear_what_is_new(mine: Room) -> None:
    log, heard = Stream("log", room=mine), Calls()
    log.append("before").result()
    later = Stream("log", room=mine)
    later.subscribe(heard)
    later.append("after")
    heard.wait_for(lambda: bool(heard.seen))
    assert heard.seen == ["after"]


def test_stamps_tell_who_and_when(mine: Room, theirs: Room) -> None:
    Stream("log", room=mine).append("a").result()
    message = Stream("log", room=theirs, stamps=True)[0]
    assert isinstance(message, Message)
    assert (message.value, message.seq) == ("a", 1)
    assert message.time is not None


def test_one_value_takes_the_place_of_all_for_everybody(mine: Room, theirs: Room) -> None:
    log, other = Stream("log", room=mine), Stream("log", room=theirs)
    heard = Calls()
    other.subscribe(heard)
    log.extend([1, 2, 3]).result()
    log.compact(sum).result()
    log.append(4).result()
    come_true(theirs, lambda: list(other) == [6, 4])
    come_true(mine, lambda: list(log) == [6, 4])
    heard.wait_for(lambda: heard.seen == [1, 2, 3, 4])
    with pytest.raises(ValueError, match="expected a stream with values, got an empty one"):
        Stream("empty", room=mine).compact(sum)
