"""What Python keeps of objects that were freed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from weakref import ref

import pytest

from driftdb_jupyter.server.process.freed_objects import FreedObjects


class Objects:
    """So many objects, at a time that a test sets."""

    def __init__(self) -> None:
        self.count = 100_000
        self.now = 0.0
        self.freed = FreedObjects(count=lambda: self.count, clock=lambda: self.now)

    def become(self, count: int) -> None:
        """There are so many, and stay that many for a while."""
        self.count = count
        for _ in range(2):
            self.now += 100
            self.freed.look()


@pytest.fixture
def objects() -> Objects:
    return Objects()


def test_nothing_is_dropped_where_nothing_was_freed(objects: Objects) -> None:
    objects.become(300_000)
    assert not objects.freed.drop()


def test_spare_objects_are_dropped_once_most_of_a_flood_was_freed(objects: Objects) -> None:
    objects.become(300_000)
    objects.become(150_000)
    assert objects.freed.drop()
    assert not objects.freed.drop()


def test_spare_objects_are_dropped_where_a_few_large_ones_were_freed(objects: Objects) -> None:
    objects.become(300_000)
    assert objects.freed.drop(large=True)


def test_spare_objects_are_dropped_also_where_more_is_left_than_was_freed(objects: Objects) -> None:
    objects.become(300_000)
    objects.become(250_000)
    assert objects.freed.drop()


def test_they_are_not_counted_more_often_than_once_a_second(objects: Objects) -> None:
    objects.become(300_000)
    objects.count = 100_000
    objects.now += 0.5
    objects.freed.look()
    assert not objects.freed.drop()
    for _ in range(2):
        objects.now += 0.5
        objects.freed.look()
        objects.now += 0.5
    objects.freed.look()
    assert objects.freed.drop()


def test_it_waits_while_more_are_being_freed(objects: Objects) -> None:
    objects.become(300_000)
    for count in (200_000, 150_000, 110_000):
        objects.count = count
        objects.now += 1
        objects.freed.look()
        assert not objects.freed.drop()
    objects.now += 1
    objects.freed.look()
    assert objects.freed.drop()


def test_what_took_long_is_not_repeated_soon(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(generation: int = 2) -> None:
        objects.now += generation - 1

    monkeypatch.setattr(gc, "collect", collect)
    for expected in (True, False):
        objects.become(300_000)
        objects.become(100_000)
        assert objects.freed.drop() is expected
    objects.now += 500
    assert objects.freed.drop()


def test_no_object_is_looked_at_and_those_that_were_set_aside_are_there_again(
    objects: Objects,
) -> None:
    looked_at: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            looked_at.append(len(gc.get_objects()))

    there = len(gc.get_objects())
    gc.callbacks.append(look)
    try:
        assert objects.freed.drop(large=True)
    finally:
        gc.callbacks.remove(look)
    (count,) = looked_at
    assert count < there / 10
    assert gc.get_freeze_count() == 0
    assert len(gc.get_objects()) > there / 2


class Link:
    """One end of a cycle."""

    other: Link | None = None


def test_a_cycle_that_ends_behind_it_is_freed_by_a_later_collection(objects: Objects) -> None:
    gc.freeze()  # as the standalone server does with what it begins with
    try:
        one, two = Link(), Link()
        one.other, two.other = two, one
        ended = ref(one)
        assert objects.freed.drop(large=True)
        del one, two
        gc.collect()
        assert ended() is None
    finally:
        gc.unfreeze()


def test_names_that_were_looked_up_are_forgotten(objects: Objects) -> None:
    get: Callable[[object, str, None], object] = getattr
    name = "".join(["po", "st"])
    unused = sys.getrefcount(name)
    get(objects, name, None)
    assert sys.getrefcount(name) > unused  # else this Python needs nothing of the kind
    objects.become(300_000)
    objects.become(100_000)
    objects.freed.drop()
    assert sys.getrefcount(name) == unused
