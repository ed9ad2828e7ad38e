"""A room is told what its keys are meant to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from driftdb_jupyter.client.objects.describe import describe
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room

from ...conformance.servers import Server, standalone
from ..served import another, come_true, description, fresh_room


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone() as server:
        yield server


@pytest.fixture
def mine(server: Server) -> Iterator[Room]:
    with fresh_room(server.root) as mine:
        yield mine


def test_a_state_is_described_by_what_was_asked_for(mine: Room) -> None:
    state = SharedState("speed", 3, room=mine, min=0, max=10, label="Speed")
    told = {"kind": "state", "label": "Speed", "control": json.loads(state.control.text())}
    assert description(mine, "speed") == told


@pytest.mark.parametrize(
    "value", [date(2024, 2, 29), Decimal("1.50"), nan, inf, b"\xff", {"$date": "?"}, {"d": [nan]}]
)
def test_choices_are_described_as_the_values_that_they_are(mine: Room, value: Any) -> None:
    SharedState("pick", value, room=mine, options={"one": value})
    (label, choice), *_ = description(mine, "pick")["control"]["options"]
    assert (label, repr(choice)) == ("one", repr(value))


def test_choices_of_the_users_own_are_described_as_they_are_written(mine: Room) -> None:
    SharedState("tags", {"b", "a"}, room=mine, options={"both": {"b", "a"}}, encode=sorted)
    assert description(mine, "tags")["control"]["options"] == [["both", ["a", "b"]]]


def test_a_state_of_which_nothing_was_asked_needs_no_description(mine: Room) -> None:
    SharedState("speed", 3, room=mine)
    assert description(mine, "speed") is None


def test_a_newer_description_takes_the_place_of_the_older(mine: Room) -> None:
    chat = mine.pubsub("chat")
    describe(chat, "channel", label="Chat")
    describe(chat, "channel", label="Talk")
    assert description(mine, "chat") == {"kind": "channel", "label": "Talk"}


def test_the_same_is_told_once(mine: Room) -> None:
    chat = mine.pubsub("chat")
    for _ in range(3):
        describe(chat, "channel")
    mine.flush()
    assert mine.keys("$")["$meta/chat"].seq == 1


def test_what_another_process_asked_for_stays_where_nobody_asks_here(mine: Room) -> None:
    log, there = mine.stream("log", label="Log"), another(mine)
    log.chart(y="loss", smoothing=0.5)
    told = description(mine, "log")
    describe(there.stream("log"), "stream")
    there.flush()
    assert description(mine, "log") == told
    there.stream("log", label="Training")
    there.flush()
    come_true(mine, lambda: description(mine, "log") == {**told, "label": "Training"})
    there.close()


def test_a_state_that_is_made_anew_elsewhere_stays_a_chart(mine: Room) -> None:
    votes, there = SharedState("votes", {"a": 1}, room=mine, label="Votes"), another(mine)
    votes.chart()
    told = description(mine, "votes")
    SharedState("votes", {"a": 1}, room=there, label="Votes")._describe()
    SharedState("votes", room=there)._describe()
    there.flush()
    assert description(mine, "votes") == told
    SharedState("votes", room=there, label="Amounts")
    there.flush()
    control = {**told["control"], "label": "Amounts"}
    come_true(
        mine,
        lambda: description(mine, "votes") == {**told, "label": "Amounts", "control": control},
    )
    there.close()


def test_a_state_of_which_nothing_is_asked_leaves_anothers_control(mine: Room) -> None:
    speed, there = SharedState("speed", 3, room=mine, min=0, max=10, label="Speed"), another(mine)
    told = description(mine, "speed")
    plain = SharedState("speed", room=there)
    plain._describe()
    there.flush()
    assert description(mine, "speed") == told
    plain.min = None  # that is asked for
    come_true(mine, lambda: description(mine, "speed")["control"]["min"] is None)
    assert speed.min == 0  # which is the other's own
    there.close()


def test_what_nobody_described_yet_is_described_as_it_is(mine: Room) -> None:
    SharedState("speed", 3, room=mine)._describe()
    told = description(mine, "speed")
    assert (told["kind"], told["label"], told["control"]["kind"]) == ("state", None, None)


def test_who_may_not_read_a_key_describes_it_where_nobody_did(
    mine: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = another(mine)
    monkeypatch.setattr(there.connection, "is_withheld", lambda key: key in ("log", "chat"))
    mine.stream("log", label="Log")
    told = description(mine, "log")
    there.stream("log", label="Another")
    there.pubsub("chat", label="Chat")
    there.flush()
    assert description(mine, "log") == told
    assert description(mine, "chat") == {"kind": "channel", "label": "Chat"}
    there.close()


def test_what_else_a_description_has_stays_to_the_digit(mine: Room) -> None:
    meta = mine.state("$meta/log")
    meta.set({"kind": "stream", "mine": 2**70, "chart": {"kind": "bar", "window": 2**60}}).result()
    mine.stream("log", label="Log")
    assert description(mine, "log") == {
        "kind": "stream",
        "mine": 2**70,
        "label": "Log",
        "chart": {"kind": "bar", "window": 2**60},
    }


@pytest.mark.parametrize("before", ["text", [1], {"kind": "state", "label": "x", "chart": {}}])
def test_what_is_no_description_of_such_an_object_gives_way(mine: Room, before: Any) -> None:
    mine.state("$meta/people").set(before).result()
    describe(mine.presence("people"), "presence")
    assert description(mine, "people") == {"kind": "presence", "label": None}


def test_two_who_say_something_at_the_same_time_are_both_heard(mine: Room) -> None:
    there = another(mine)
    here_log, there_log = mine.stream("log"), there.stream("log")
    for number in range(5):
        here_log.label = f"Log {number}"
        there_log.chart(smoothing=number / 10)
    mine.flush()
    there.flush()
    told = {"kind": "stream", "label": "Log 4", "chart": {"kind": "line", "smoothing": 0.4}}
    come_true(mine, lambda: description(mine, "log") == told)
    there.close()


def test_a_channel_that_is_written_to_is_told_where_nobody_described_it(mine: Room) -> None:
    chat, news = mine.pubsub("chat"), mine.pubsub("news")
    mine.state("$meta/news").set({"kind": "channel", "label": "News"}).result()
    for channel in (chat, news):
        channel.publish("hello")
        channel.publish("again")
    assert description(mine, "chat") == {"kind": "channel"}
    assert description(mine, "news") == {"kind": "channel", "label": "News"}


def test_who_only_listens_to_a_channel_tells_nothing_of_it(mine: Room) -> None:
    mine.pubsub("chat")
    assert description(mine, "chat") is None


def test_it_can_be_switched_off(mine: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTDB_DESCRIBE", "0")
    SharedState("speed", 3, room=mine, min=0)
    assert description(mine, "speed") is None


def test_what_can_not_be_described_works_all_the_same(mine: Room) -> None:
    options = {"far": "x" * 2_000_000, "near": 1}
    assert SharedState("choice", 1, room=mine, options=options).value == 1
    assert description(mine, "choice") is None


def test_a_label_is_told_with_what_an_object_is(mine: Room) -> None:
    log = mine.stream("log", label="Log")
    mine.pubsub("chat", label="Chat")
    mine.presence("people", label="People")
    told = {key: mine.state(f"$meta/{key}") for key in ("log", "chat", "people")}
    come_true(mine, lambda: all(each.value is not None for each in told.values()))
    assert {key: (each.value["kind"], each.value["label"]) for key, each in told.items()} == {
        "log": ("stream", "Log"),
        "chat": ("channel", "Chat"),
        "people": ("presence", "People"),
    }
    log.label = "Training"
    come_true(mine, lambda: told["log"].value["label"] == "Training")
