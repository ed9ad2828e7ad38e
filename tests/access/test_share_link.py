"""A share link: what a room keeps of it, and what it lets people do."""

from __future__ import annotations

import pytest

from driftdb_jupyter.access.grants import NOTHING, Grant
from driftdb_jupyter.access.identity import Identity
from driftdb_jupyter.access.room_access import RoomAccess, changes_rights
from driftdb_jupyter.access.share_link import (
    LinkHolder,
    LinkPerson,
    LinkTerms,
    ShareLink,
    is_link,
    link_id_of,
    person_of,
    terms_from,
)
from driftdb_jupyter.protocol.errors import BadMessage

TERMS = LinkTerms(grants=(Grant(("read",)),), made_at=0.0, people_limit=2, expires_at=10.0)


def made(terms: LinkTerms = TERMS) -> tuple[str, ShareLink, RoomAccess]:
    """The secret of a link, the link, and the room's access with it."""
    secret, link_id, change = ShareLink.make(terms)
    access = RoomAccess("r", change)
    link = ShareLink.find(access, link_id)
    assert link is not None
    return secret, link, access


def test_a_link_is_found_by_its_secret_which_nobody_keeps() -> None:
    secret, link, access = made()
    assert is_link(secret)
    assert link.id == link_id_of(secret)
    assert link.terms == TERMS
    assert all(secret.encode() not in content for content in access.items().values() if content)


def test_links_are_listed_the_oldest_first() -> None:
    access = RoomAccess("r")
    for made_at in (2.0, 1.0, 3.0):
        _, _, change = ShareLink.make(LinkTerms(grants=(), made_at=made_at, people_limit=1))
        access.apply(change)
    assert [link.terms.made_at for link in ShareLink.all_of(access)] == [1.0, 2.0, 3.0]


def test_who_came_in_is_kept_as_far_as_there_is_room_and_tells_nobody_anything_new() -> None:
    _, link, access = made()
    change = link.joined_by(["a", "b", "a", "c"]).people_change()
    assert not changes_rights(change)
    access.apply(change)
    found = ShareLink.find(access, link.id)
    assert found is not None
    assert found.people == ("a", "b")
    assert found.joined_by(["c", "a"]).people == ("a", "b")


def test_taking_a_link_back_leaves_nothing_of_it() -> None:
    _, link, access = made()
    access.apply(link.joined_by(["a"]).people_change())
    removal = ShareLink.removal([link.id])
    assert changes_rights(removal)
    access.apply(removal)
    assert list(access) == []


def test_a_person_may_do_what_the_link_gives_in_its_room_as_long_as_that_has_it() -> None:
    _, link, access = made()
    person = LinkPerson("r", link, "a", Identity("link"))
    assert person.grants(access).may_read("k")
    assert person.expires_at == 10.0
    assert not person.may_create()
    assert person.grants(RoomAccess("other", access.items())) is NOTHING
    access.apply(ShareLink.removal([link.id]))
    assert person.grants(access) is NOTHING


def test_its_holder_may_do_nothing_before_being_counted() -> None:
    secret, _, access = made()
    holder = LinkHolder(secret)
    assert holder.grants(access) is NOTHING
    assert not holder.may_create()


def test_a_browser_is_another_person_to_another_link() -> None:
    assert person_of("one", "browser") == person_of("one", "browser")
    assert person_of("one", "browser") != person_of("other", "browser")


def test_a_link_has_ended_when_its_time_has_come() -> None:
    assert [TERMS.has_ended(now=now) for now in (9.9, 10.0)] == [False, True]
    assert not LinkTerms(grants=(), made_at=0.0, people_limit=1).has_ended(now=1e12)


@pytest.mark.parametrize("seconds", [3.2e9, 1e308, 10**400])
def test_a_link_ends_within_a_hundred_years_or_never(seconds: float) -> None:
    content = {"grants": "read", "lifetime_seconds": seconds}
    with pytest.raises(BadMessage, match="expected lifetime_seconds of at most 100 years"):
        terms_from(content, now=0.0, people_limit=1)
    never = terms_from({**content, "lifetime_seconds": None}, now=0.0, people_limit=1)
    assert never.expires_at is None
