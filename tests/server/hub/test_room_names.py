from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol.name import is_name
from driftdb_jupyter.server.hub.room_names import Owner, owned_room, owner_of


@pytest.mark.parametrize("room", ["class", "user", "users:ada:x", "the user:ada:x", ""])
def test_another_room_belongs_to_nobody(room: str) -> None:
    assert owner_of(room) is None


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), st.text("ab:%", max_size=8))
def test_whoever_a_room_is_made_for_owns_it(name: str, rest: str) -> None:
    room = owned_room("user", name, rest)
    assert owner_of(room) == Owner("user", name)
    assert is_name(room)


@pytest.mark.parametrize(
    "room",
    [
        *("user:ada", "user:%61da:x", "user:a%2fb:x", "group::x", "user:ä:"),
        # What looks like another's.
        *("User:ada:x", "GROUP:students:x", " user:ada:x", "\u200buser:ada:x", "us\u00ader:ada:x"),
        *("\uff55ser:ada:x", "user\uff1aada\uff1ax", "\u2067user:ada:x"),
    ],
)
def test_a_name_that_is_written_otherwise_is_nobodys(room: str) -> None:
    owner = owner_of(room)
    assert owner is not None
    assert owner.name == ""
