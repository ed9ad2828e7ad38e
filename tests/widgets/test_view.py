from __future__ import annotations

from typing import Any

from ipywidgets.widgets.widget import _instances as models

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets.bundle import bundle
from driftdb_jupyter.widgets.presence import Presence
from driftdb_jupyter.widgets.pubsub import PubSub
from driftdb_jupyter.widgets.state import SharedState
from driftdb_jupyter.widgets.stream import Stream

from .conftest import RecordingComm


def shown(thing: Any) -> Any:
    """The model of what a cell shows."""
    data = thing._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    return models[data["application/vnd.jupyter.widget-view+json"]["model_id"]]


def test_the_front_end_is_told_what_and_where(mine: Room) -> None:
    log = Stream("log", room=mine, label="Log")
    state = shown(log).get_state()
    told = {name: state[name] for name in ("_room", "_key", "_kind", "_options")}
    assert told == {
        "_room": mine.name,
        "_key": "log",
        "_kind": "stream",
        "_options": {"label": "Log", "stamps": False},
    }
    assert log._repr_mimebundle_()["text/plain"].startswith("Stream('log'")


def test_each_kind_has_its_view(mine: Room) -> None:
    channel, people = shown(PubSub("chat", room=mine)), shown(Presence(room=mine))
    assert (channel._kind, channel._options["keep"]) == ("stream", False)
    assert (people._kind, people._key) == ("presence", "presence")


def test_a_cell_that_is_run_again_makes_no_further_model(mine: Room) -> None:
    def run() -> int:
        for thing in (Stream("log", room=mine), PubSub("chat", room=mine), Presence(room=mine)):
            shown(thing)
        return len(models)

    assert run() == run() == run()


def test_the_code_is_sent_once(mine: Room) -> None:
    shown(Stream("one", room=mine))
    before = RecordingComm.bytes_said
    shown(Stream("two", room=mine))
    widget = SharedState("three", 1, room=mine)
    shown(widget)
    style = 2 * len(shown(Stream("two", room=mine))._css)
    assert RecordingComm.bytes_said - before < style + 8_000
    loaded = bundle()
    assert loaded is not None
    assert len(loaded.source) < 98_000
    widget.close()


def test_the_room_is_told_what_a_cell_shows(mine: Room) -> None:
    shown(Stream("log", room=mine, label="Log"))
    shown(PubSub("chat", room=mine))
    shown(Presence("people", room=mine))
    shown(SharedState("speed", 3, room=mine))
    mine.flush()
    told = {key: mine.state(key).value for key in mine.keys("$meta/")}
    assert {key: (each["kind"], each["label"]) for key, each in told.items()} == {
        "$meta/log": ("stream", "Log"),
        "$meta/chat": ("channel", None),
        "$meta/people": ("presence", None),
        "$meta/speed": ("state", None),
    }


def test_what_is_switched_off_meanwhile_is_told_anew(mine: Room) -> None:
    state = SharedState("speed", 3, room=mine)
    shown(state)
    state.disabled = True
    mine.flush()
    assert mine.state("$meta/speed").value["control"]["disabled"] is True
