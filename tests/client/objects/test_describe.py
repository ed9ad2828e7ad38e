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
from ..served import come_true, fresh_room


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone() as server:
        yield server


@pytest.fixture
def mine(server: Server) -> Iterator[Room]:
    with fresh_room(server.root) as mine:
        yield mine


def description(mine: Room, key: str) -> Any:
    """What the room knows by now."""
    mine.flush()
    stream = mine.keys(f"$meta/{key}")
    return mine.state(f"$meta/{key}").value if stream else None


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
