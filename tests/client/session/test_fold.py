from __future__ import annotations

import json
from typing import Any

import pytest

from driftdb_jupyter.client.session.fold import Fold
from driftdb_jupyter.client.session.log import Compacted, Heard, Missed, StartedOver
from driftdb_jupyter.client.session.snapshot import Snapshot

from ...conformance.vectors import load


def snapshot(value: bytes) -> bytes:
    return Snapshot(value).whole()


def fold() -> Fold:
    def add(items: list[Any], action: bytes) -> list[Any]:
        item = json.loads(action)
        if item == "bad":
            raise ValueError("no such action")
        return [*items, item]

    return Fold(add, lambda: ["begin"], json.loads)


def propose(fold: Fold, action: bytes) -> tuple[str, bytes]:
    """Have an own action under way; returns its mark, and what is appended for it."""
    proposal = fold.prepare(action)
    fold.pend(proposal)
    return proposal.mark, proposal.form


def test_it_applies_in_the_rooms_order_and_own_actions_behind() -> None:
    mine = fold()
    mark, form = propose(mine, b'"own"')
    mine.take(Heard(b'{"apply":"theirs","i":"x"}', 1))
    assert mine.value == ["begin", "theirs", "own"]
    assert mine.confirmed == ["begin", "theirs"]
    mine.take(Heard(form, 2))
    assert mine.value == mine.confirmed == ["begin", "theirs", "own"]
    assert not mine.settle(mark)


def test_a_refused_action_is_taken_back() -> None:
    mine = fold()
    mark, _ = propose(mine, b'"own"')
    assert mine.settle(mark)
    assert mine.value == ["begin"]


def test_what_is_none_of_its_forms_counts_for_nothing() -> None:
    mine = fold()
    for seq, value in enumerate((b"3", b'{"apply":"bad"}', b"{}", b'{"i":2}'), 1):
        mine.take(Heard(value, seq))
    assert mine.value == ["begin"]
    assert mine.seq == 4
    with pytest.raises(ValueError, match="no such action"):
        propose(mine, b'"bad"')
    assert not mine.pending


def test_an_action_counts_whatever_stands_in_the_place_of_its_mark() -> None:
    mine = fold()
    for seq, value in enumerate((b'{"apply":1,"i":2}', b'{"apply":2,"i":[],"of":{}}'), 1):
        mine.take(Heard(value, seq))
    assert mine.value == ["begin", 1, 2]  # as in browsers


def test_a_snapshot_stands_for_what_came_before() -> None:
    mine = fold()
    mine.take(StartedOver([Heard(snapshot(b'["s"]'), 4), Heard(b'{"apply":1}', 6)], False))
    assert mine.value == ["s", 1]
    assert (mine.seq, mine.actions) == (6, 2)


def test_an_empty_room_is_offered_what_there_was_unless_it_was_deleted() -> None:
    mine = fold()
    mine.take(Heard(b'{"apply":1}', 1))
    mine.take(StartedOver([], same_epoch=False))
    assert (mine.missing, mine.value) == (True, ["begin", 1])
    mine.take(Heard(snapshot(b"[]"), 2))
    assert not mine.missing
    mine.take(StartedOver([], same_epoch=True))
    assert (mine.missing, mine.value) == (True, ["begin"])


def test_who_missed_something_waits_for_a_new_start() -> None:
    mine = fold()
    mine.take(Missed(3))
    mine.take(Heard(b'{"apply":1}', 5))
    assert mine.behind
    assert mine.value == ["begin"]
    mine.take(StartedOver([Heard(snapshot(b"[9]"), 5)], True))
    assert not mine.behind
    assert mine.value == [9]


def test_what_a_room_forgot_is_kept_behind_its_actions_until_somebody_offers_a_value() -> None:
    lost: list[tuple[Any, Any]] = []
    mine = Fold(
        lambda items, action: [*items, json.loads(action)],
        list,
        json.loads,
        lost=lambda *values: lost.append(values),
    )
    mine.take(Heard(b'{"apply":"a"}', 7))
    held = [Heard(b'{"reset":["first"],"initial":"B"}', 1), Heard(b'{"apply":"b"}', 2)]
    mine.take(StartedOver(held, same_epoch=False))
    assert (mine.left_over, mine.missing, mine.seq, mine.value) == (True, True, 2, ["a", "b"])
    mine.take(StartedOver(held, same_epoch=True))  # as where it is read anew
    assert (mine.left_over, mine.missing, mine.seq, mine.value) == (True, True, 2, ["a", "b"])
    mine.take(Heard(snapshot(b'["other"]'), 3))
    assert (mine.left_over, mine.missing, mine.value) == (False, False, ["other"])
    assert lost == [(["a", "b"], ["other"])]


def test_while_parts_are_missing_nothing_is_offered_and_a_compact_means_to_read_anew() -> None:
    mine = fold()
    mine.take(StartedOver([Heard(b'{"parts":2,"of":"S"}', 1)], True))
    assert (mine.unfinished, mine.missing, mine.behind) == (True, False, False)
    mine.take(Compacted(Heard(snapshot(b"[9]"), 2)))
    assert mine.behind
    mine.take(StartedOver([Heard(snapshot(b"[9]"), 2)], True))
    assert (mine.unfinished, mine.behind, mine.value) == (False, False, [9])


@pytest.mark.parametrize("vector", [pytest.param(v, id=v["rule"]) for v in load("snapshots")])
def test_it_shows_what_the_protocol_has(vector: dict[str, Any]) -> None:
    def add(items: list[Any], action: bytes) -> list[Any]:
        return [*items, json.loads(action)]

    mine = Fold(add, list, json.loads)
    for step in vector["steps"]:
        for name, same_epoch in (("begin", True), ("forget", False)):
            if name in step:
                mine.take(StartedOver([heard(entry) for entry in step[name]], same_epoch))
        if "hear" in step:
            mine.take(heard(step["hear"]))
        if "shows" in step:
            assert mine.value == step["shows"]
        if "cut" in step:
            cut = step["cut"]
            parts = Snapshot(cut["text"].encode()).in_parts(cut["most"], of=cut["of"])
            assert [json.loads(part) for part in parts.parts] == step["into"]
            assert json.loads(parts.head) == {"parts": len(parts.parts), "of": cut["of"]}


def heard(entry: dict[str, Any]) -> Heard:
    return Heard(json.dumps(entry["value"]).encode(), entry["seq"])
