from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda here: here.state("k", 0), "valeu", r"SharedState has no 'valeu'.*mean 'value'\?"),
        (lambda here: here.stream("k"), "lable", r"a Stream has no 'lable'.*Did you mean 'label'"),
        (lambda here: here.pubsub("k"), "histroy", "a PubSub has no 'histroy'; .*set: label"),
        (lambda here: here.presence("k"), "valu", "a Presence has no 'valu'.*Did you mean 'value'"),
        (lambda here: here.dict("k", {}), "name", "a SharedDict has no 'name'; nothing can be set"),
        (
            lambda here: here.reducer("k", lambda value, _: value),
            "valu",
            "a SharedReducer has no 'valu'; nothing can be set",
        ),
        (lambda here: here, "acces", r"a Room has no 'acces'.*Did you mean 'access'\?"),
    ],
)
def test_a_misspelt_name_is_refused(
    mine: Room, make: Callable[[Room], Any], name: str, message: str
) -> None:
    with pytest.raises(AttributeError, match=message):
        setattr(make(mine), name, 1)


def test_a_class_of_ones_own_has_what_it_likes(mine: Room) -> None:
    class Mine(SharedState):
        history: list[int]

    state = Mine("k", 0, room=mine)
    state.history = [1]
    state.value = 2
    assert (state.history, state.value) == ([1], 2)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_of_one_process(mine: Room, copied: Callable[[object], object]) -> None:
    for made, name in ((mine, "Room"), (mine.state("k", 0), "SharedState"), (mine.dict("d"), "")):
        with pytest.raises(TypeError, match=f"cannot pickle or copy a {name}"):
            copied(made)
