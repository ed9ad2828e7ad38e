from __future__ import annotations

import pytest

from driftdb_jupyter.client.objects.stream.progress import Progress
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.protocol.errors import EncodingError

from ...served import come_true


def test_a_loop_tells_where_it_is(mine: Room) -> None:
    log = Stream("log", room=mine)
    assert list(log.progress(range(3), description="epoch", every_seconds=0)) == [0, 1, 2]
    come_true(mine, lambda: len(log) == 5)
    assert [(each["progress"], each["done"]) for each in log] == [
        (0, False),
        (1, False),
        (2, False),
        (3, False),
        (3, True),
    ]
    assert {(each["total"], each["description"]) for each in log} == {(3, "epoch")}
    assert len({each["id"] for each in log}) == 1


def test_it_tells_no_oftener_than_asked_for_but_the_end_always(mine: Room) -> None:
    log = Stream("log", room=mine)
    for _ in log.progress(iter(range(1000)), every_seconds=60):
        pass
    come_true(mine, lambda: len(log) == 2)
    assert (log[-1]["progress"], log[-1]["total"]) == (1000, None)


def test_a_loop_that_fails_says_so(mine: Room) -> None:
    log = Stream("log", room=mine)
    progress: Progress[None] = log.progress(total=2)

    def fail() -> None:
        with progress:
            progress.update(loss=0.5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    come_true(mine, lambda: len(log) >= 1 and log[-1]["done"])
    assert (log[-1]["error"], log[-1]["postfix"]) == ("ZeroDivisionError", {"loss": 0.5})


def test_a_progress_without_an_iterable_is_none_to_go_through(mine: Room) -> None:
    with pytest.raises(TypeError, match="expected an iterable, got none"):
        iter(Stream("log", room=mine).progress(total=2)).__next__()


def test_a_loop_that_ends_before_is_not_done(mine: Room) -> None:
    log = Stream("log", room=mine)
    for step in log.progress(range(10)):
        if step == 3:
            break
    come_true(mine, lambda: len(log) == 2)
    assert (log[-1]["progress"], log[-1]["done"], log[-1]["stopped"]) == (3, False, True)

    def fail() -> None:
        for step in log.progress(iter(range(10))):
            assert step < 3, "planted"

    with pytest.raises(AssertionError, match="planted"):
        fail()
    come_true(mine, lambda: len(log) == 4)
    assert (log[-1]["progress"], log[-1]["done"], log[-1]["stopped"]) == (3, False, True)
    assert "error" not in log[-1]


def test_a_loop_in_its_with_block_begins_and_ends_once(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.progress(range(3), every_seconds=60) as steps:
        assert list(steps) == [0, 1, 2]
    come_true(mine, lambda: [each["done"] for each in log] == [False, True])

    def fail() -> None:
        with log.progress(range(3), every_seconds=60) as steps:
            for _ in steps:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    come_true(mine, lambda: len(log) == 4)
    assert (log[-1]["progress"], log[-1]["error"]) == (0, "KeyboardInterrupt")


def test_a_block_that_did_less_than_all_is_not_done(mine: Room) -> None:
    log = Stream("log", room=mine)
    progresses: list[Progress[None]] = [log.progress(total=10), log.progress()]
    for progress in progresses:
        with progress:
            progress.update(3)
    come_true(mine, lambda: len(log) >= 4)
    ends = {each["total"]: each["done"] for each in log}
    assert ends == {10: False, None: True}


def test_what_cannot_be_encoded_is_refused_at_once_and_changes_nothing(mine: Room) -> None:
    log = Stream("log", room=mine)
    progress: Progress[None] = log.progress(total=2, every_seconds=60)
    with progress:
        progress.update(loss=0.5)
        with pytest.raises(EncodingError, match=r"value\['loss'\]: expected .*, got object"):
            progress.update(loss=object())
        with pytest.raises(TypeError, match="expected a number as steps=, got 'a'"):
            progress.update("a")  # type: ignore[arg-type]
        assert (progress.count, progress.postfix) == (1, {"loss": 0.5})
        progress.postfix["model"] = object  # which no call of ours has seen
    come_true(mine, lambda: len(log) == 2)
    assert log[-1]["postfix"] == {"loss": 0.5, "model": "<class 'object'>"}


def test_its_texts_are_read_as_all_that_is_printed(mine: Room) -> None:
    log = Stream("log", room=mine)
    progress: Progress[None] = log.progress(total=1, description="caf\udce9\x1b[2J")
    with progress:
        progress.update(step="1\r2", loss=0.5)
    come_true(mine, lambda: len(log) >= 2)
    assert log[-1]["description"] == "caf\ufffd"
    assert log[-1]["postfix"] == {"step": "2", "loss": 0.5}
