"""A policy is read strictly, and written as it is read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from driftdb_jupyter.access.grants import APPEND, NOTHING, OWNER, READ, RELAY, Grant
from driftdb_jupyter.access.identity import GUEST, Identity
from driftdb_jupyter.access.policy import Policy, parse_policy
from driftdb_jupyter.protocol.errors import BadMessage

ADA = Identity("jupyter", "ada", frozenset(("class",)))
CLASS: dict[str, Any] = {
    "anyone": "read",
    "users": {"ada": "admin"},
    "groups": {"class": [{"can": ["append", "relay"], "prefixes": ["poll/"]}]},
}


def test_persons_and_members_of_groups_may_do_more_than_anyone() -> None:
    policy = parse_policy(CLASS)
    assert policy.grants_for(GUEST).actions("poll/1") == READ
    bob = Identity("jupyter", "bob", frozenset(("class", "other")))
    assert policy.grants_for(bob).actions("poll/1") == READ | APPEND | RELAY
    assert policy.grants_for(ADA).is_admin


def test_who_is_not_named_may_do_nothing() -> None:
    policy = parse_policy({"users": {"ada": "read"}})
    assert policy.grants_for(GUEST) is NOTHING
    assert policy.grants_for(Identity("jupyter", "bob")) is NOTHING
    assert parse_policy({}).grants_for(ADA) is NOTHING


def test_somebody_with_a_link_is_nobody_that_a_policy_names() -> None:
    policy = parse_policy({"users": {"ada": "admin"}})
    assert policy.grants_for(Identity("link")) is NOTHING


def test_grants_from_elsewhere_come_on_top() -> None:
    policy = parse_policy({"anyone": [{"can": "read", "keys": ["a"]}]})
    grants = policy.grants_for(GUEST, Grant(("append",), keys=("b",)))
    assert (grants.actions("a"), grants.actions("b")) == (READ, APPEND)


@pytest.mark.parametrize("content", [CLASS, {}, {"anyone": ["read", {"can": ["append"]}]}])
def test_it_is_the_same_when_it_was_written_and_read(content: dict[str, Any]) -> None:
    policy = parse_policy(content)
    assert parse_policy(policy.encode()) == policy
    assert parse_policy(msgspec.json.decode(policy.encode())) == policy


def test_it_is_written_with_roles() -> None:
    assert parse_policy(CLASS).to_builtins() == {
        "anyone": ["read"],
        "users": {"ada": ["admin"]},
        "groups": {"class": [{"can": ["append", "relay"], "prefixes": ["poll/"]}]},
    }


def test_an_admin_is_an_owner() -> None:
    grants = Policy(users={"ada": (Grant(("admin", "read")),)}).grants_for(ADA)
    assert grants.is_admin
    assert grants is not OWNER  # whoever may only read keys may not write them


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "expected a policy as JSON: "),
        (b"[" * 100_000, "expected a policy as JSON: "),
        ([], "expected a policy as an object, got a list"),
        ({"anybody": "read"}, "expected anyone, users, groups in the policy, got 'anybody'"),
        ({"anyone": "look"}, "expected anyone to be of read, write, admin, append"),
        ({"anyone": 3}, "expected anyone to be a role or a grant, got a number"),
        ({"anyone": [None]}, r"expected anyone\[0\] to be a role or a grant, got null"),
        ({"users": []}, "expected users to be an object, got a list"),
        ({"users": {"": "read"}}, "expected names in users, got ''"),
        ({"users": {"ada": ["look"]}}, r"expected users\['ada'\]\[0\] to be of read"),
        ({"anyone": {"keys": ["a"]}}, r"expected anyone to say what is allowed \(can\)"),
        ({"anyone": {"can": 1}}, "expected anyone.can to be words, got a number"),
        ({"anyone": {"can": [1]}}, "expected anyone.can to be of read, .*, got 1"),
        ({"anyone": {"can": "read", "key": "a"}}, "expected can, keys, prefixes in anyone"),
        ({"anyone": {"can": "read", "keys": "a"}}, "expected anyone.keys to be a list, got text"),
        ({"anyone": {"can": "read", "keys": [1]}}, "expected texts in anyone.keys, got a number"),
        ({"anyone": {"can": "read", "keys": []}}, "expected anyone to name keys or prefixes"),
        ({"anyone": {"can": "read", "prefixes": [""]}}, "that aren't empty"),
        ({"anyone": {"can": "admin", "keys": ["a"]}}, "admin is for a whole room"),
    ],
)
def test_what_is_no_policy_is_refused_and_says_where(content: object, message: str) -> None:
    with pytest.raises(BadMessage, match=message):
        parse_policy(content)
