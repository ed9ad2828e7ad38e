"""Grants: what is allowed on a key is what some grant that covers it allows."""

from __future__ import annotations

import gc
import weakref
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.access.grants import (
    ACTIONS,
    APPEND,
    EVERYTHING,
    META,
    NOTHING,
    OWNER,
    READ,
    REPLACE,
    ROLES,
    Grant,
    Grants,
    action_names,
    compile_grants,
)

_KEYS = st.text(alphabet="ab/$\U0010ffff\ud7ff", min_size=1, max_size=4)
_MARKED_KEYS = st.builds("".join, st.tuples(st.sampled_from(("", META)), _KEYS))
_GRANTS = st.lists(
    st.builds(
        Grant,
        can=st.lists(st.sampled_from(ROLES["write"]), max_size=3).map(tuple),
        keys=st.lists(_MARKED_KEYS, max_size=3).map(tuple),
        prefixes=st.lists(_MARKED_KEYS, max_size=6).map(tuple),
    ),
    max_size=4,
)


def allowed(grants: list[Grant], key: str) -> int:
    """What some grants allow on a key, found by looking at each of them."""
    actions = 0
    for grant in grants:
        if covers(grant, key):
            for word in grant.can:
                actions |= ACTIONS[word]
        described = key.removeprefix(META)
        if described != key and not described.startswith("$") and "read" in grant.can:
            actions |= READ * covers(grant, described)
    return actions


def covers(grant: Grant, key: str) -> bool:
    return not grant.is_narrow or key in grant.keys or key.startswith(grant.prefixes)


@given(_GRANTS, st.lists(_MARKED_KEYS, max_size=40))
def test_a_key_allows_what_the_grants_that_cover_it_allow(
    grants: list[Grant], keys: list[str]
) -> None:
    compiled = Grants(grants)
    for key in [*keys, *keys]:  # what is remembered of a key is the same
        assert compiled.actions(key) == allowed(grants, key)


@given(_GRANTS, st.lists(_MARKED_KEYS, min_size=20, max_size=40), st.integers(1, 5))
def test_a_key_allows_the_same_while_tables_are_made_in_bits(
    grants: list[Grant], keys: list[str], places: int
) -> None:
    compiled = Grants(grants)
    with patch("driftdb_jupyter.access.grants._PLACES_A_LOOK", places):
        for key in keys:
            assert compiled.actions(key) == allowed(grants, key)


@given(_GRANTS, _MARKED_KEYS)
def test_a_key_allows_the_same_however_many_were_looked_at(grants: list[Grant], key: str) -> None:
    compiled, used = Grants(grants), Grants(grants)
    for number in range(20):
        used.actions(f"{number}")
    assert compiled.actions(key) == used.actions(key)
    assert bool(compiled) == bool(used) == any(grant.can for grant in grants)


def test_a_prefix_covers_what_begins_with_it() -> None:
    grants = compile_grants(Grant(("append",), prefixes=("poll/",)))
    assert grants.allows(APPEND, "poll/")
    assert grants.allows(APPEND, "poll/1")
    assert not grants.allows(REPLACE, "poll/1")
    assert not grants.allows(APPEND, "poll")
    assert not grants.allows(APPEND, "polls/1")


def test_who_may_read_a_key_may_read_what_it_is_but_not_write_that() -> None:
    grants = compile_grants(Grant(ROLES["write"], keys=("k",), prefixes=("poll/",)))
    for key in ("k", "poll/1"):
        assert grants.actions(META + key) == READ
    assert not grants.actions(META + "answers")
    assert not compile_grants(Grant(("append",), keys=("k",))).actions(META + "k")


def test_a_grant_without_keys_covers_the_whole_room() -> None:
    grants = compile_grants(Grant(("read", "append")))
    assert grants.reads_all
    assert grants.allows(APPEND, "$meta/k")
    assert not grants.unlimited


def test_all_actions_on_all_keys_are_no_limit() -> None:
    assert EVERYTHING.unlimited
    assert not EVERYTHING.is_admin
    assert OWNER.unlimited
    assert OWNER.is_admin
    assert not compile_grants(Grant(ROLES["write"], prefixes=("a",))).unlimited


def test_no_grant_is_nothing() -> None:
    assert not NOTHING
    assert not Grants([Grant((), keys=("k",))])
    assert Grants([Grant(("read",), keys=("k",))])
    assert not NOTHING.may_read("k")


def test_whether_any_key_may_be_read_is_known_once_they_are_made() -> None:
    assert not NOTHING.reads_any
    assert OWNER.reads_any
    assert Grants([Grant(("read",), keys=("k",))]).reads_any
    assert Grants([Grant(("read",), prefixes=("p",))]).reads_any
    assert not Grants([Grant(("append",), prefixes=("p",)), Grant((), keys=("k",))]).reads_any
    grants = Grants([Grant(("read",), keys=("k",), prefixes=("p",))])
    del grants._exact, grants._masks  # each message asks, and there may be any number of them
    assert grants
    assert grants.reads_any


def test_the_same_grants_are_the_same_object() -> None:
    assert compile_grants(Grant(("read",))) is compile_grants(Grant(("read",)))


def test_actions_have_names() -> None:
    assert action_names(READ | APPEND) == ["read", "append"]


def test_what_is_remembered_of_keys_is_bounded() -> None:
    grants = Grants([Grant(("read",), prefixes=("a",))])
    for number in range(10_000):
        grants.actions(f"a{number}")
        grants.actions("a" * 1_000 + str(number))
    assert len(grants.known) <= 32
    assert max(map(len, grants.known)) <= 64


class Watched(str):
    """A prefix that counts how often it was hashed or compared."""

    uses = 0

    def __hash__(self) -> int:
        Watched.uses += 1
        return super().__hash__()

    def __lt__(self, other: str) -> bool:
        Watched.uses += 1
        return super().__lt__(other)


def test_no_look_makes_all_of_the_tables() -> None:
    grants = Grants([Grant(("append",), prefixes=tuple(Watched(f"p{i}") for i in range(40_000)))])
    work = []
    for number in range(400):
        Watched.uses = 0
        grants.actions(f"p{number}/{number}")
        work.append(Watched.uses)
    assert 0 < max(work) < 40_000
    assert max(work[300:]) < 100, "the tables are made at last"
    assert grants.actions("p39999") == APPEND
    assert grants.actions("q") == 0


def test_grants_whose_tables_are_half_made_leave_nothing_behind() -> None:
    grants = Grants([Grant(("append",), prefixes=tuple(f"p{i}" for i in range(10_000)))])
    for number in range(10):
        grants.actions(f"p{number}")
    gone = weakref.ref(grants)
    gc.disable()
    try:
        del grants
        assert gone() is None
    finally:
        gc.enable()
