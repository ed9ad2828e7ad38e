from __future__ import annotations

import pytest

from driftdb_jupyter.access.policy import Policy, parse_policy
from driftdb_jupyter.protocol.errors import BadMessage
from driftdb_jupyter.server.hub.room_policies import RoomPolicies


def test_the_longest_name_that_fits_counts() -> None:
    policies = RoomPolicies(
        {"*": {}, "class-*": {"anyone": "read"}, "class-1": {"anyone": "write"}}
    )
    assert policies.of("other") == Policy()
    assert policies.of("class-2") == parse_policy({"anyone": "read"})
    assert policies.of("class-1") == parse_policy({"anyone": "write"})


def test_a_star_alone_opens_no_room_of_a_person_or_group() -> None:
    policies = RoomPolicies({"*": {"anyone": "write"}, "user:*": {"anyone": "write"}})
    assert policies.of("user:ada:x") is None
    assert policies.of("group:g:x") is None
    assert policies.of("user:ada") is None
    open_to_all = RoomPolicies({"group:g:*": {"anyone": "write"}})
    assert open_to_all.of("group:g:x") == parse_policy({"anyone": "write"})


def test_a_policy_that_is_none_is_refused() -> None:
    with pytest.raises(BadMessage, match="anyone"):
        RoomPolicies({"*": {"everybody": "write"}})
