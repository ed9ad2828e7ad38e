"""What is no widget itself stands in boxes, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances as models

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets.dictionary import SharedDict
from driftdb_jupyter.widgets.presence import Presence
from driftdb_jupyter.widgets.pubsub import PubSub
from driftdb_jupyter.widgets.reducer import SharedReducer
from driftdb_jupyter.widgets.stream import Stream

from ..client.served import come_true


def add(value: int, action: int) -> int:
    return value + action


@pytest.mark.parametrize(
    "make",
    [
        lambda room: SharedDict("form", {"name": "Ann"}, room=room),
        lambda room: SharedReducer("sum", add, 0, room=room),
        lambda room: Stream("log", room=room),
        lambda room: PubSub("chat", room=room),
        lambda room: Presence(room=room),
    ],
)
def test_everything_stands_in_a_box(mine: Room, make: Callable[[Room], Any]) -> None:
    shared = make(mine)
    box = ipywidgets.VBox([shared])
    [child] = box.get_state()["children"]
    assert child == f"IPY_MODEL_{shared.model_id}"
    assert shared.model_id in models
    shared.layout = {"width": "50%"}
    shared.layout.height = "3em"
    shared.add_class("mine")
    state = models[shared.model_id].get_state()
    assert state["_dom_classes"] == ("mine",)
    assert (shared.layout.width, shared.layout.height) == ("50%", "3em")
    assert shared._repr_mimebundle_()["text/plain"] == repr(shared)


def test_it_is_what_it_is_all_the_same(mine: Room) -> None:
    form, log = SharedDict("form", {"a": 1}, room=mine), Stream("log", room=mine)
    assert isinstance(form, Mapping)
    assert isinstance(form, SharedDict)
    assert isinstance(log, Sequence)
    assert (dict(form), list(form.keys())) == ({"a": 1}, ["a"])
    assert repr(form).startswith("SharedDict('form', {'a': 1}")


def test_a_dictionarys_front_end_is_told_where_its_items_are(mine: Room) -> None:
    form = SharedDict("form", {"name": "Ann"}, room=mine)
    view = models[form.model_id]
    assert (view._kind, view._room, view._key) == ("dict", mine.name, "form")
    assert form.model_id == view.model_id


def test_a_reducers_value_is_shown_as_it_is_now(mine: Room) -> None:
    total = SharedReducer("sum", add, 0, room=mine)
    view = models[total.model_id]
    assert "<pre>0</pre>" in view.value
    total.dispatch(5).result()
    come_true(mine, lambda: "<pre>5</pre>" in view.value)
