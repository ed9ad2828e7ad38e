"""Who may do what, from Python: ``room.access``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from driftdb_jupyter import Access, BadMessage, Forbidden
from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room
from driftdb_jupyter.client.settings import Settings

from ..conformance.servers import standalone
from .served import come_true


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with standalone() as server:
        yield server.root


@pytest.fixture
def owned(url: str) -> tuple[str, str]:
    """The URLs of a new room, as its owner has it and as others do."""
    with urlopen(Request(f"{url}new?admin=true", method="POST")) as answer:
        made = json.load(answer)
    room = f"{url}room/{made['room']}"
    return f"{room}?token={made['admin']}", room


@pytest.fixture
def owner(owned: tuple[str, str]) -> Iterator[Room]:
    with find_room(url=owned[0]) as room:
        yield room


@pytest.fixture
def guest(owned: tuple[str, str], owner: Room) -> Iterator[Room]:
    location = find_room(url=owned[1]).connection.location
    room = Room(Connection(location, Settings()))
    room.connection.start()
    yield room
    room.close()


def test_the_owner_reads_and_sets_it(owner: Room) -> None:
    assert owner.access is None
    owner.access = {"anyone": "read", "users": {"ada": ["write"]}}
    assert owner.access == Access("read", users={"ada": "write"})
    owner.access = owner.access.allow("append", prefixes=["poll/"]).allow("admin", group="staff")
    assert owner.access.content == {
        "anyone": ["read", {"can": ["append"], "prefixes": ["poll/"]}],
        "users": {"ada": ["write"]},
        "groups": {"staff": ["admin"]},
    }
    owner.access = "read"
    assert owner.access == Access("read")
    owner.access = None
    assert owner.access is None


def test_others_may_not(owner: Room, guest: Room) -> None:
    for access in (None, Access("read")):
        owner.access = access
        with pytest.raises(Forbidden, match="only who owns the room"):
            guest.access  # noqa: B018 - reading it is the test
        with pytest.raises(Forbidden, match="only who owns the room"):
            guest.access = None


def test_what_describes_none_is_refused_here(owner: Room) -> None:
    with pytest.raises(BadMessage, match="expected anyone to be of read"):
        owner.access = {"anyone": "look"}
    assert owner.access is None


def test_a_write_that_is_refused_says_what_was_missing(owner: Room, guest: Room) -> None:
    owner.access = Access("read").allow("append", "relay", prefixes=["poll/"])
    slider = guest.state("slider")
    with pytest.raises(Forbidden, match=r"you may not replace this key \('slider'\)") as refused:
        slider.set(1).result()
    assert (refused.value.key, refused.value.action) == ("slider", "replace")
    guest.stream("poll/1").append("yes").result()
    owner.access = None
    slider.set(2).result()


def test_an_append_that_would_take_values_away_says_so(owner: Room, guest: Room) -> None:
    owner.access = Access("read").allow("append", prefixes=["poll/"])
    guest.stream("poll/1").append("yes").result()
    bounded = guest.stream("poll/2", max_length=1)
    with pytest.raises(Forbidden, match="as max_length does; append without it") as refused:
        bounded.append("no").result()
    assert (refused.value.key, refused.value.action) == ("poll/2", "delete")
    owner.access = Access("read").allow("append", "delete", prefixes=["poll/"])
    bounded.append("yes").result()


def test_what_may_not_be_read_any_more_is_told_and_comes_back(owner: Room, guest: Room) -> None:
    mine, theirs = owner.state("secret", 1), guest.state("secret")
    come_true(guest, lambda: theirs.value == 1)
    owner.access = Access().allow("read", keys=["open"])
    come_true(guest, lambda: isinstance(theirs.error, Forbidden))
    mine.set(2).result()
    assert theirs.value == 1
    owner.access = None
    come_true(guest, lambda: theirs.value == 2)
    assert theirs.error is None


class TestAccess:
    def test_it_is_what_it_is_made_of(self) -> None:
        access = Access("read", users={"ada": ["admin"]}, groups={"class": {"can": "append"}})
        assert access.anyone == ["read"]
        assert access.users == {"ada": ["admin"]}
        assert access.groups == {"class": [{"can": ["append"]}]}
        assert Access.of(access.content) == access == Access.of(access)
        assert hash(Access("read")) == hash(Access(["read"]))
        assert Access("read") != "read"
        assert repr(Access("read")) == "Access(anyone=['read'])"

    def test_allow_returns_another(self) -> None:
        access = Access()
        more = access.allow("read").allow("append", user="ada", keys=["log"])
        assert access == Access()
        assert more == Access("read", users={"ada": {"can": "append", "keys": ["log"]}})

    def test_arguments_are_checked(self) -> None:
        with pytest.raises(ValueError, match="expected user= or group=, got both"):
            Access().allow("read", user="a", group="b")
        with pytest.raises(TypeError, match="expected keys as a list, got one text"):
            Access().allow("read", keys="slider")
        with pytest.raises(BadMessage, match=r"expected the grant.can to be of read, .*'look'"):
            Access().allow("look")
