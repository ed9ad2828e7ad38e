"""The credential of a token: its room alone, with the room's policy, until it is taken back."""

from __future__ import annotations

from typing import Any

from driftdb_jupyter.access.grants import ENDED, NOTHING
from driftdb_jupyter.access.room_access import NO_ROOM, POLICY, RoomAccess
from driftdb_jupyter.access.tokens.claims import parse_claims
from driftdb_jupyter.access.tokens.revocation import revoke_all_change, revoke_change
from driftdb_jupyter.access.tokens.token import Token


def token(**claims: Any) -> Token:
    content = {"room": "r", "exp": 1000, "iat": 100, "jti": "7", **claims}
    given = {name: value for name, value in content.items() if value is not None}
    return Token(
        parse_claims(given), expires_at=1000, key_id=("HS256", None), is_key_known=lambda: True
    )


def test_one_is_good_in_its_room_alone() -> None:
    admin = token(role="admin")
    assert admin.grants(RoomAccess("r")).is_admin
    assert admin.grants(RoomAccess("other")) is NOTHING
    assert admin.grants(NO_ROOM) is NOTHING


def test_one_may_be_for_all_rooms_whose_names_begin_so() -> None:
    made = token(room=None, room_prefix="class-", role="read")
    assert made.grants(RoomAccess("class-7")).reads_any
    assert not made.grants(RoomAccess("klass-7"))
    assert made.grants(NO_ROOM) is NOTHING


def test_what_it_says_is_added_to_what_the_policy_gives() -> None:
    policy = b'{"users":{"ada":[{"can":["append"],"prefixes":["log/"]}]},"groups":{"g":"write"}}'
    access = RoomAccess("r", {POLICY: policy})
    assert not token(sub="ben").grants(access)
    assert token(sub="ada").grants(access).actions("log/1")
    assert not token(sub="ada").grants(access).actions("k")
    reader = token(sub="ada", role="read").grants(access)
    assert reader.reads_all
    assert reader.actions("log/1") != reader.actions("k")
    assert token(groups=["g"]).grants(access).unlimited


def test_without_a_role_and_a_policy_it_allows_nothing() -> None:
    assert not token(sub="ada").grants(RoomAccess("r"))


def test_one_is_taken_back_by_its_id() -> None:
    access = RoomAccess("r")
    access.apply(revoke_change(access, "7", now=200))
    assert token(role="read").grants(access) is ENDED
    assert token(role="read", jti="8").grants(access).reads_all


def test_all_are_taken_back_that_were_issued_before() -> None:
    access = RoomAccess("r")
    access.apply(revoke_change(access, "7", now=199))
    access.apply(revoke_all_change(access, now=200.5))
    for issued in (100, 200, None):
        assert token(role="read", iat=issued, jti="8").grants(access) is ENDED
    assert token(role="read", iat=201).grants(access).reads_all
    assert len(list(access)) == 1


def test_one_that_was_taken_back_stays_so_though_its_signers_clock_is_ahead() -> None:
    access = RoomAccess("r")
    ahead = token(role="read", iat=205)
    access.apply(revoke_change(access, "7", now=200))
    access.apply(revoke_all_change(access, now=201, leeway_seconds=10))
    assert ahead.grants(access) is ENDED
    access.apply(revoke_all_change(access, now=220, leeway_seconds=10))
    assert ahead.grants(access) is ENDED
    assert len(list(access)) == 1


def test_what_was_taken_back_stays_so_when_the_clock_is_set_back() -> None:
    access = RoomAccess("r")
    access.apply(revoke_all_change(access, now=300))
    access.apply(revoke_all_change(access, now=200))
    assert token(role="read", iat=250).grants(access) is ENDED


def test_what_ended_by_itself_a_day_ago_need_not_be_remembered() -> None:
    day = 24 * 60 * 60.0
    access = RoomAccess("r")
    access.apply(revoke_change(access, "a", now=200, until=250))
    access.apply(revoke_change(access, "b", now=200))
    access.apply(revoke_change(access, "c", now=day, until=day + 100))  # the clock may be wrong
    assert set(access.of("revoked")) == {"a", "b", "c"}
    access.apply(revoke_change(access, "d", now=day + 251, until=day + 400))
    assert set(access.of("revoked")) == {"b", "c", "d"}


def test_others_are_told_who_it_is_and_no_more() -> None:
    user = token(sub="ada", name="Ada L.", groups=["g"]).identity.user
    assert user is not None
    assert user.as_json() == b'{"username":"ada","name":"Ada L."}'
    assert token().identity.user is None
