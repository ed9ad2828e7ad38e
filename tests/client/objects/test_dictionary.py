from __future__ import annotations

import json
from typing import Any

import pytest

from driftdb_jupyter.client.objects import reducer
from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.protocol.errors import NotConnected, QuotaExceeded

from ..served import Calls, come_true

REFUSED = QuotaExceeded("the room is full")


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


def test_it_says_why_a_write_was_refused(mine: Room) -> None:
    items = SharedDict("items", {}, room=mine)
    assert items.error is None
    items._reducer.refused(REFUSED)
    assert items.error is REFUSED
    items.retry()


def test_messages_call_it_what_it_is(mine: Room) -> None:
    items = SharedDict("items", {}, room=mine)
    items.close()
    with pytest.raises(NotConnected, match="this SharedDict 'items' was closed"):
        items["a"] = 1
    assert repr(items) == f"SharedDict('items', {{}}, room={mine.name!r})"


def test_it_can_be_waited_for(mine: Room, theirs: Room) -> None:
    SharedDict("form", room=theirs)["done"] = True
    form = SharedDict("form", room=mine)
    assert form.wait_for(lambda items: items.get("done"), timeout_seconds=60) == {"done": True}


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


def test_a_dictionary_too_long_for_one_message_is_kept_short_in_parts(
    mine: Room, theirs: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducer, "_COMPACT_AT", 20)
    form = SharedDict("form", {"first": 0}, room=mine)
    for n in range(20):
        form[f"item {n}"] = 'é😀"\\\n' * 10_000  # 2 MB in all
    mine.flush()
    come_true(mine, lambda: mine.keys()["form"].size < 20)
    form["last"] = 1
    mine.flush()
    late = SharedDict("form", room=theirs)
    assert dict(late) == dict(form)
    assert len(late) == 22
    late["theirs"] = 2
    come_true(mine, lambda: form.get("theirs") == 2)
    assert form._reducer.error is None


def test_a_large_dictionary_is_not_written_again_for_a_few_small_actions(
    mine: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducer, "_COMPACT_AT", 5)
    form = SharedDict("form", {"long": "x" * 10_000}, room=mine)
    written: list[int] = []
    compact = form._reducer._writer.compact

    def counted(*args: Any, seq: int, **options: Any) -> None:
        written.append(seq)
        compact(*args, seq=seq, **options)

    monkeypatch.setattr(form._reducer._writer, "compact", counted)
    for n in range(60):  # which cost the room more than 200 bytes each
        form[f"item {n}"] = n
        mine.flush()
        come_true(mine, lambda: not form._reducer._fold.pending)
    assert len(written) in (1, 2)


def test_a_dictionary_that_begins_too_long_for_one_message_is_offered_in_parts(
    mine: Room, theirs: Room
) -> None:
    items = {f"item {n}": "x" * 100_000 for n in range(15)}
    form = SharedDict("form", items, room=mine)
    form["last"] = 1
    mine.flush()
    late = SharedDict("form", room=theirs)
    come_true(theirs, lambda: dict(late) == {**items, "last": 1})
    assert dict(form) == dict(late)


def test_a_snapshot_that_a_browser_wrote_in_parts_is_read(mine: Room, theirs: Room) -> None:
    early = SharedDict("form", room=theirs)
    theirs.flush()
    for value in (
        {"parts": 2, "of": "S"},
        {"apply": {"set": {"b": 2}}, "i": "x-1"},
        {"part": 1, "of": "S", "text": ":1}"},
        {"part": 0, "of": "S", "text": '{"a"'},
        {"apply": {"set": {"c": 3}}, "i": "x-2"},
    ):
        mine.connection.send("form", json.dumps(value).encode(), action="append")
    mine.flush()
    assert dict(SharedDict("form", room=mine)) == {"a": 1, "b": 2, "c": 3}
    come_true(theirs, lambda: dict(early) == {"a": 1, "b": 2, "c": 3})
