"""What a room may be called."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol.name import is_name, new_id, notebook_room


@pytest.mark.parametrize("name", ["a", "lecture 3", "größe", "x" * 200, "...", "%2F", "🎈" * 50])
def test_names_that_are_allowed(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "x" * 201, "🎈" * 51, "a\nb", "a\x7fb", "a\x85b", "\x00", "\ud800"],
)
def test_names_that_are_not(name: str) -> None:
    assert not is_name(name)


def test_ids_are_names_that_nobody_guesses() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_name(room_id) and len(room_id) >= 22 for room_id in ids)


def test_no_id_is_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(["-" + "a" * 31, "--" + "b" * 30, "c-" + "d" * 30])
    monkeypatch.setattr("secrets.token_urlsafe", lambda nbytes: next(texts))
    assert new_id() == "c-" + "d" * 30


def test_a_notebooks_room_is_readable_and_another_for_each_path() -> None:
    one, other = notebook_room("/a/plots.ipynb"), notebook_room("/b/plots.ipynb")
    assert one.startswith("plots-")
    assert one != other
    assert one == notebook_room("/a/plots.ipynb")
    assert notebook_room(r"C:\a\plots.ipynb").startswith("plots-")


def test_a_seed_gives_a_path_another_room_as_readable() -> None:
    assert notebook_room("/a/plots.ipynb", seed="x").startswith("plots-")
    assert notebook_room("/a/plots.ipynb", seed="x") != notebook_room("/a/plots.ipynb")


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_path_gives_a_legal_name(path: str) -> None:
    name = notebook_room(path)
    assert 1 <= len(name.encode()) <= 200
    assert not any(char == "/" or unicodedata.category(char) == "Cc" for char in name)
