"""Which notebook has which room, whatever becomes of its file."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from driftdb_jupyter.server.jupyter.notebook_rooms import (
    NotebookRooms,
    SharedNotebookRooms,
    notebooks_file,
)

from ...broker.shared import FakeShared, Place


@pytest.fixture
def rooms() -> NotebookRooms:
    return NotebookRooms(None, limit=100)


def test_a_notebook_keeps_the_room_that_it_got_first(rooms: NotebookRooms) -> None:
    assert rooms.give("a.ipynb", first="a-1") == "a-1"
    assert rooms.give("a.ipynb", first="another") == "a-1"
    assert (rooms.get("a.ipynb"), rooms.get("b.ipynb")) == ("a-1", None)


def test_a_renamed_notebook_takes_its_room_along(rooms: NotebookRooms) -> None:
    rooms.give("a.ipynb", first="a-1")
    rooms.move("a.ipynb", "x/b.ipynb")
    rooms.move("x/b.ipynb", "c.ipynb")
    assert rooms.give("c.ipynb", first="c-1") == "a-1"


def test_where_one_was_renamed_away_the_next_has_a_room_of_its_own(rooms: NotebookRooms) -> None:
    rooms.give("a.ipynb", first="a-1")
    rooms.move("a.ipynb", "b.ipynb")
    fresh = rooms.give("a.ipynb", first="a-1")
    assert fresh.startswith("a-")
    assert fresh != "a-1"
    assert rooms.give("a.ipynb", first="a-1") == fresh


def test_where_one_was_deleted_the_next_has_a_room_of_its_own(rooms: NotebookRooms) -> None:
    rooms.give("a.ipynb", first="a-1")
    rooms.leave("a.ipynb")
    assert rooms.give("a.ipynb", first="a-1") != "a-1"


def test_a_notebook_that_comes_back_has_its_room_again(rooms: NotebookRooms) -> None:
    rooms.give("a.ipynb", first="a-1")
    rooms.move("a.ipynb", "b.ipynb")
    rooms.give("a.ipynb", first="a-1")
    rooms.move("b.ipynb", "a.ipynb")
    assert rooms.get("a.ipynb") == "a-1"


def test_folders_take_along_what_lies_in_them_and_nothing_else(rooms: NotebookRooms) -> None:
    for path in ("x/a.ipynb", "x/y/b.ipynb", "xx/c.ipynb"):
        rooms.give(path, first=path.replace("/", "-"))
    rooms.move("x", "z")
    assert rooms.get("z/a.ipynb") == "x-a.ipynb"
    assert rooms.get("z/y/b.ipynb") == "x-y-b.ipynb"
    assert rooms.get("xx/c.ipynb") == "xx-c.ipynb"
    rooms.leave("z")
    assert rooms.get("z/y/b.ipynb") is None


def test_a_room_that_expired_leaves_its_name_to_the_path(rooms: NotebookRooms) -> None:
    rooms.give("a.ipynb", first="a-1")
    rooms.move("a.ipynb", "b.ipynb")
    rooms.forget(["a-1", "unknown"])
    assert rooms.give("a.ipynb", first="a-1") == "a-1"
    assert rooms.give("b.ipynb", first="b-1") == "b-1"


def test_those_that_nobody_asked_for_the_longest_are_forgotten_first() -> None:
    rooms = NotebookRooms(None, limit=2)
    rooms.give("a.ipynb", first="a-1")
    rooms.give("b.ipynb", first="b-1")
    rooms.give("a.ipynb", first="a-1")
    rooms.give("c.ipynb", first="c-1")
    assert [rooms.get(f"{name}.ipynb") for name in "abc"] == ["a-1", None, "c-1"]


@pytest.mark.asyncio
class TestFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = notebooks_file(str(tmp_path / "rooms.db"))
        assert file == tmp_path / "rooms.db.notebooks.json"
        return file

    async def test_a_restarted_server_knows_where_notebooks_and_rooms_are(self, file: Path) -> None:
        before = NotebookRooms(file, limit=100)
        before.give("a.ipynb", first="a-1")
        before.give("gone.ipynb", first="gone-1")
        before.move("a.ipynb", "bé\udcff.ipynb")
        before.leave("gone.ipynb")
        await before.keep()
        after = NotebookRooms(file, limit=100)
        assert after.get("bé\udcff.ipynb") == "a-1"
        assert after.give("a.ipynb", first="a-1") != "a-1"
        assert after.give("gone.ipynb", first="gone-1") != "gone-1"

    async def test_nothing_new_writes_nothing(self, file: Path) -> None:
        rooms = NotebookRooms(file, limit=100)
        await rooms.keep()
        assert not file.exists()
        rooms.give("a.ipynb", first="a-1")
        await rooms.keep()
        written = file.stat().st_mtime_ns
        rooms.move("unknown.ipynb", "b.ipynb")
        await rooms.keep()
        assert file.stat().st_mtime_ns == written

    async def test_only_its_owner_reads_it(self, file: Path) -> None:
        rooms = NotebookRooms(file, limit=100)
        rooms.give("a.ipynb", first="a-1")
        await rooms.keep()
        assert file.stat().st_mode & 0o077 == 0

    async def test_a_file_that_cannot_be_written_is_logged_and_tried_again(
        self, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        rooms = NotebookRooms(file, limit=100)
        rooms.give("a.ipynb", first="a-1")
        file.mkdir()
        await rooms.keep()
        assert "can't be kept" in caplog.text
        file.rmdir()
        await rooms.keep()
        assert NotebookRooms(file, limit=100).get("a.ipynb") == "a-1"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"rooms":[["a"]]}', b"\xff"])
    async def test_a_damaged_file_is_logged_and_replaced(
        self, file: Path, content: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        file.write_bytes(content)
        with caplog.at_level(logging.ERROR):
            rooms = NotebookRooms(file, limit=100)
        assert "expected in" in caplog.text
        assert rooms.give("a.ipynb", first="a-1") == "a-1"
        await rooms.keep()
        assert NotebookRooms(file, limit=100).get("a.ipynb") == "a-1"


@pytest.mark.asyncio
class TestShared:
    async def test_what_one_server_is_told_all_know(self) -> None:
        place = Place()
        one, other = [SharedNotebookRooms(FakeShared(place), limit=100) for _ in range(2)]
        assert await one.change(lambda rooms: rooms.give("a.ipynb", first="a-1")) == "a-1"
        await other.change(lambda rooms: rooms.move("a.ipynb", "b.ipynb"))
        assert await one.change(lambda rooms: rooms.get("b.ipynb")) == "a-1"
        assert await one.change(lambda rooms: rooms.give("a.ipynb", first="a-1")) != "a-1"

    async def test_two_that_change_at_once_change_both(self) -> None:
        place = Place()
        one, other = [SharedNotebookRooms(FakeShared(place), limit=100) for _ in range(2)]
        place.meanwhile.append(
            lambda: other.change(lambda rooms: rooms.give("b.ipynb", first="b-1"))
        )
        await one.change(lambda rooms: rooms.give("a.ipynb", first="a-1"))
        known = await one.change(lambda rooms: [rooms.get("a.ipynb"), rooms.get("b.ipynb")])
        assert known == ["a-1", "b-1"]

    async def test_a_room_that_expired_leaves_its_name_to_the_path(self) -> None:
        rooms = SharedNotebookRooms(FakeShared(Place()), limit=100)
        await rooms.change(lambda rooms: rooms.give("a.ipynb", first="a-1"))
        rooms.forget(["a-1"])
        while await rooms.change(lambda rooms: rooms.get("a.ipynb")) is not None:
            await asyncio.sleep(0)
