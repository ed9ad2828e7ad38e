"""A room's policy and records."""

from __future__ import annotations

import pytest

from driftdb_jupyter.access import policy, read_policies, room_access
from driftdb_jupyter.access.credential import Guest, Operator
from driftdb_jupyter.access.grants import EVERYTHING, NOTHING, OWNER, Grant, Grants
from driftdb_jupyter.access.identity import GUEST, Identity
from driftdb_jupyter.access.policy import COMPILED_LIMIT, parse_policy
from driftdb_jupyter.access.read_policies import ReadPolicies
from driftdb_jupyter.access.room_access import POLICY, RoomAccess
from driftdb_jupyter.protocol.errors import BadMessage, QuotaExceeded


def test_records_come_and_go() -> None:
    access = RoomAccess("r", {("link", "a"): b"1", ("link", "b"): b"2", ("owner", "a"): b"3"})
    assert access.of("link") == {"a": b"1", "b": b"2"}
    access.apply({("link", "a"): None, ("link", "c"): b"4", ("link", "none"): None})
    assert access.of("link") == {"b": b"2", "c": b"4"}
    assert access.get("owner", "a") == b"3"
    assert access.get("owner", "b") is None


def test_a_policy_is_a_record_that_is_read() -> None:
    access = RoomAccess("r")
    assert Guest().grants(access) is EVERYTHING
    access.apply({POLICY: b'{"anyone":"read"}'})
    assert Guest().grants(access).reads_all
    assert not Guest().grants(access).unlimited
    assert Operator(GUEST).grants(access) is OWNER
    access.apply({POLICY: b"{}"})
    assert Guest().grants(access) is NOTHING
    access.apply({POLICY: None})
    assert Guest().grants(access) is EVERYTHING


def test_a_change_is_checked_before_it_is_made() -> None:
    access = RoomAccess("r", {POLICY: b'{"anyone":"read"}'})
    with pytest.raises(BadMessage, match="anyone"):
        access.check({POLICY: b'{"anyone":"look"}'}, limit_bytes=1_000)
    with pytest.raises(QuotaExceeded, match="at most 100 bytes, got 128"):
        access.check({("link", "a"): b"." * 100}, limit_bytes=100)
    access.check({POLICY: None}, limit_bytes=1)  # what makes it smaller is always allowed
    assert access.policy is not None


def test_its_bytes_are_those_of_what_it_keeps() -> None:
    access = RoomAccess("r", {POLICY: b"{}", ("link", "a"): b"12"})
    assert access.byte_count == len("policy{}" + "linka12")
    access.apply({POLICY: None, ("link", "a"): b"1", ("link", "none"): None})
    assert access.byte_count == len("linka1")
    access.apply({("link", "a"): None})
    assert (access.byte_count, access.cost_bytes) == (0, 0)


def test_a_check_tells_what_a_change_costs() -> None:
    access = RoomAccess("r")
    changes: list[room_access.Change] = [
        {POLICY: b'{"users":{"ada":{"can":"read","keys":["k"]}}}', ("link", "a"): b"1"},
        {POLICY: b'{"anyone":"read"}', ("link", "b"): b"2"},
        {("link", "a"): b"3" * 100},
        {POLICY: None},
    ]
    for change in changes:
        before = access.cost_bytes
        cost_bytes = access.check(change, limit_bytes=10_000)
        access.apply(change)
        assert access.cost_bytes == before + cost_bytes


def test_a_policy_is_read_where_it_changes_and_no_other_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[object] = []

    def counted(content: object) -> policy.Policy:
        read.append(content)
        return parse_policy(content)

    monkeypatch.setattr(read_policies, "parse_policy", counted)
    access = RoomAccess("r", {POLICY: b'{"anyone":{"can":"read","keys":["of this test"]}}'})
    for number in range(10):
        change: room_access.Change = {("link", str(number)): b"1"}
        access.check(change, limit_bytes=10_000)
        access.apply(change)
    assert len(read) == 1


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Grant, ...]]:
    """The grants that policies had compiled."""
    made: list[tuple[Grant, ...]] = []

    def counted(*given: Grant) -> Grants:
        made.append(given)
        return Grants(given)

    monkeypatch.setattr(policy, "compile_grants", counted)
    fresh = ReadPolicies(limit_bytes=1_000_000)  # no other test compiled these
    monkeypatch.setattr(room_access, "read_policies", fresh)
    return made


def test_grants_are_compiled_once_for_all_whom_a_policy_does_not_tell_apart(
    compiled: list[tuple[Grant, ...]],
) -> None:
    content = b'{"anyone":"read","users":{"ada":"write"},"groups":{"staff":"admin"}}'
    access = RoomAccess("r", {POLICY: content})
    for subject in (None, "bob", "eve"):
        assert access.grants_for(Identity("token", subject, frozenset({"guests"}))).reads_all
    assert Guest().grants(access) is Guest().grants(access)
    assert len(compiled) == 1
    assert access.grants_for(Identity("token", "ada")).unlimited
    assert access.grants_for(Identity("token", "bob", frozenset({"staff"}))).is_admin
    assert len(compiled) == 3
    access.apply({POLICY: b'{"anyone":"write"}'})
    assert Guest().grants(access).unlimited


def test_what_is_remembered_for_people_is_bounded(compiled: list[tuple[Grant, ...]]) -> None:
    names = [str(number) for number in range(2 * COMPILED_LIMIT)]
    users = ",".join(f'"{name}":{{"can":"read","keys":["of {name}"]}}' for name in names)
    access = RoomAccess("r", {POLICY: b'{"users":{%s}}' % users.encode()})
    for _ in range(2):
        for name in [*names, names[-COMPILED_LIMIT]]:
            assert access.grants_for(Identity("token", name)).may_read(f"of {name}")
    assert len(compiled) == 2 * len(names)


def test_what_is_remembered_takes_no_more_keys_than_the_policy_names(
    compiled: list[tuple[Grant, ...]],
) -> None:
    keys = ",".join(f'"{number}"' for number in range(100))
    users = '"ada":{"can":"read","keys":["a"]},"bob":{"can":"read","keys":["b"]}'
    grant = f'{{"can":"append","keys":[{keys}]}}'
    access = RoomAccess("r", {POLICY: f'{{"anyone":{grant},"users":{{{users}}}}}'.encode()})
    for name in ("ada", "bob", "eve", "ada"):
        access.grants_for(Identity("token", name))
    assert len(compiled) == 4


def test_a_policy_is_not_gone_through_for_each_whom_it_is_compiled_for(
    compiled: list[tuple[Grant, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(number) for number in range(2 * COMPILED_LIMIT)]
    users = ",".join(f'"{name}":{{"can":"read","keys":["of {name}"]}}' for name in names)
    access = RoomAccess("r", {POLICY: b'{"users":{%s}}' % users.encode()})

    def gone_through(self: policy.Policy) -> None:
        raise AssertionError

    monkeypatch.setattr(policy.Policy, "_grants", gone_through)
    for name in names:
        assert access.grants_for(Identity("token", name)).may_read(f"of {name}")
    assert len(compiled) == len(names)


def test_a_room_that_is_read_again_has_what_was_compiled(
    compiled: list[tuple[Grant, ...]],
) -> None:
    content = b'{"anyone":{"can":"read","keys":["k"]}}'
    for _ in range(2):
        assert RoomAccess("r", {POLICY: content}).grants_for(GUEST).may_read("k")
    assert RoomAccess("other", {POLICY: content}).grants_for(GUEST).may_read("k")
    assert len(compiled) == 1
