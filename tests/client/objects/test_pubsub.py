from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import pytest

from driftdb_jupyter.client.objects.message import Message
from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.runtime.callbacks import callbacks
from driftdb_jupyter.client.session.log import Heard
from driftdb_jupyter.protocol.errors import EncodingError, TimedOut

from ..served import Calls, come_true


def test_everybody_who_is_there_hears_each_value_once_in_order(mine: Room, theirs: Room) -> None:
    channel, other = PubSub("chat", room=mine), PubSub("chat", room=theirs)
    own, heard = Calls(), Calls()
    channel.subscribe(own)
    other.subscribe(heard)
    for number in range(20):
        channel.publish(number)
    for calls in (own, heard):
        calls.wait_for(lambda calls=calls: len(calls.seen) == 20)  # type: ignore[misc]
        assert calls.seen == list(range(20))
    assert other.last == list(range(20))


def test_a_handle_tells_when_the_room_has_it_and_nothing_is_kept(mine: Room) -> None:
    assert PubSub("chat", room=mine).publish("hello").result() is None
    assert mine.keys("chat") == {}


def test_a_loop_hears_what_comes_from_now_on(mine: Room, theirs: Room) -> None:
    channel, other = PubSub("chat", room=mine), PubSub("chat", room=theirs)
    channel.publish("before")
    come_true(theirs, lambda: other.last == ["before"])
    feed = other.messages(timeout_seconds=60)
    channel.publish("one")
    channel.publish("two")
    assert next(feed) == "one"
    for value in feed:
        assert value == "two"
        other.close()
        feed.close()
    with pytest.raises(StopIteration):
        next(feed)


def test_a_loop_ends_with_the_room(mine: Room, theirs: Room) -> None:
    feed = iter(PubSub("chat", room=theirs))
    theirs.close()
    assert list(feed) == []


def test_a_loop_that_waits_too_long_says_so(mine: Room) -> None:
    with pytest.raises(TimedOut, match=r"no value came within 0\.01 s"):
        next(PubSub("chat", room=mine).messages(timeout_seconds=0.01))


def test_an_async_loop_hears_too(mine: Room) -> None:
    channel = PubSub("chat", room=mine)

    async def hear() -> list[str]:
        heard = []
        feed = channel.messages(timeout_seconds=60)
        channel.publish("one")
        async for value in feed:
            heard.append(value)
            if value == "two":
                break
            channel.publish("two")
        with pytest.raises(TimedOut):
            await channel.messages(timeout_seconds=0.001).__anext__()
        asyncio.get_running_loop().call_soon(feed.close)
        return [*heard, *[value async for value in feed]]

    assert asyncio.run(hear()) == ["one", "two"]


def test_stamps_tell_who_and_when(mine: Room, theirs: Room) -> None:
    channel, other = PubSub("chat", room=mine), PubSub("chat", room=theirs, stamps=True)
    feed = other.messages(timeout_seconds=60)
    channel.publish("hello")
    message = next(feed)
    assert isinstance(message, Message)
    assert (message.value, message.user, message.author) == ("hello", None, None)
    assert message.client is not None
    assert message.time is not None


def test_what_fails_in_one_handler_does_not_keep_it_from_the_others(
    mine: Room, caplog: pytest.LogCaptureFixture
) -> None:
    channel, heard = PubSub("chat", room=mine), Calls()
    channel.subscribe(lambda value: 1 / 0)
    channel.subscribe(heard)
    with caplog.at_level(logging.ERROR):
        channel.publish(1)
        heard.wait_for(lambda: heard.seen == [1])
    assert "ZeroDivisionError" in caplog.text


def test_an_ended_subscription_hears_no_more(mine: Room) -> None:
    channel, one, other = PubSub("chat", room=mine), Calls(), Calls()
    with channel.subscribe(one):
        channel.subscribe(other)
        channel.publish(1)
        other.wait_for(lambda: other.seen == [1])
    channel.publish(2)
    other.wait_for(lambda: other.seen == [1, 2])
    assert one.seen == [1]


def test_a_value_that_cannot_be_encoded_is_an_error_at_once(mine: Room) -> None:
    channel = PubSub("chat", room=mine)
    with pytest.raises(EncodingError, match=r"value\['a'\]"):
        channel.publish({"a": object()})


def test_hooks_encode_and_decode(mine: Room) -> None:
    channel = PubSub("chat", room=mine, encode=lambda v: v.real, decode=lambda v: complex(v))
    feed = channel.messages(timeout_seconds=60)
    channel.publish(2 + 0j)
    assert next(feed) == 2 + 0j


def test_channels_that_nobody_holds_leave_the_room(mine: Room) -> None:
    channel = PubSub("chat", room=mine)
    channel.subscribe(print)
    held = weakref.ref(channel)
    del channel
    come_true(mine, lambda: gc.collect() >= 0 and held() is None)
    PubSub("other", room=mine)
    assert mine.connection._session.keys == ["other"]


def test_what_nobody_took_in_time_is_counted_and_said_once(
    mine: Room, theirs: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chat = PubSub("chat", room=mine)
    log = Stream("log", room=mine)
    heard: list[int] = []
    log.subscribe(heard.append)
    monkeypatch.setattr(callbacks, "schedule", lambda target: None)

    def has_news_of(shared: PubSub | Stream, value: bytes) -> bool:
        news = list(shared._unread.follower._news)
        return any(isinstance(each, Heard) and each.value == value for each in news)

    for each in (chat, log):
        each.deliver()
        each._unread.follower._limit = 2
    for _ in range(2):
        for n in range(5):
            theirs.pubsub("chat").publish(n)
            theirs.stream("log").append(n)
        theirs.flush()
        come_true(mine, lambda: has_news_of(chat, b"4") and has_news_of(log, b"4"))
        chat.deliver()
        log.deliver()
    assert (chat.missed, log.missed) == (6, 0)
    assert chat.last == [3, 4, 3, 4]
    assert heard == [*range(5), *range(5)]
    assert caplog.text.count("came faster than they were taken") == 1
