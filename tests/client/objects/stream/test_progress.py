from __future__ import annotations

import pytest

from driftdb_jupyter.client.objects.stream.progress import Progress
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room

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
