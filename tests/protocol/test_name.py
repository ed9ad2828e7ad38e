"""What a room may be called."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.name import is_name, new_id


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
