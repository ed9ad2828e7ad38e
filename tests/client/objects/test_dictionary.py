from __future__ import annotations

import pytest

from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.room import Room

from ..served import Calls, come_true


def test_items_are_shared_one_by_one(mine: Room, theirs: Room) -> None:
    form = SharedDict("form", {"name": "", "age": 1}, room=mine)
    mine.flush()
    other = SharedDict("form", room=theirs)
    assert dict(other) == {"name": "", "age": 1}
    form["name"] = "Ann"
    other["age"] = 2
    mine.flush()
    theirs.flush()
    come_true(mine, lambda: form["age"] == 2)
    come_true(theirs, lambda: form == other)
    assert dict(form) == {"name": "Ann", "age": 2}


def test_several_items_are_set_at_once(mine: Room, theirs: Room) -> None:
    form, other, heard = SharedDict("form", room=mine), SharedDict("form", room=theirs), Calls()
    other.subscribe(heard)
    form.set({"a": 1}, b=2).result()
    heard.wait_for(lambda: heard.seen == [{"a": 1, "b": 2}])
    form.update(c=3)
    assert len(form) == 3


def test_items_are_removed(mine: Room) -> None:
    form = SharedDict("form", {"a": 1, "b": 2, "c": 3}, room=mine)
    del form["a"]
    assert form.pop("b") == 2
    assert dict(form) == {"c": 3}
    with pytest.raises(KeyError):
        del form["a"]
    form.clear()
    assert not form


def test_it_can_be_waited_for(mine: Room, theirs: Room) -> None:
    SharedDict("form", room=theirs)["done"] = True
    form = SharedDict("form", room=mine)
    assert form.wait_for(lambda items: items.get("done"), timeout_seconds=20) == {"done": True}


def test_an_action_of_another_shape_counts_for_nothing(mine: Room) -> None:
    form = SharedDict("form", {"a": 1}, room=mine)
    for action in (3, {"set": 3}, {"remove": 3}):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            form._reducer.dispatch(action)
    assert dict(form) == {"a": 1}


def test_items_that_are_handed_out_may_be_changed_without_harm(mine: Room, theirs: Room) -> None:
    one = mine.dict("form", {"tags": []})
    two = theirs.dict("form", {"tags": []})
    tags: list[str] = ["given"]
    one["given"] = tags
    tags.append("later")
    one["tags"].append("x")
    one.get("tags", []).append("x")
    one.subscribe(lambda items: items["tags"].append("x"))
    next(iter(one.values())).append("x")
    for n in range(120):  # so that a snapshot is written
        one["n"] = n
    mine.flush()
    come_true(theirs, lambda: two.get("n") == 119)
    assert dict(one) == dict(two) == {"tags": [], "given": ["given"], "n": 119}
    assert "tags" in one
    assert "x" not in one
