"""A room's policy and records."""

from __future__ import annotations

import pytest

from driftdb_jupyter.access.credential import Guest, Operator
from driftdb_jupyter.access.grants import EVERYTHING, NOTHING, OWNER
from driftdb_jupyter.access.identity import GUEST
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
