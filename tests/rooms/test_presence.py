"""Who is there, through any number of connections, and until when."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import QuotaExceeded
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.presence import Presence, PresenceLimits

ANNA, BEN = Author("anna"), Author("ben")


def value(text: str) -> Value:
    return Value.from_json(text.encode())


def there(presence: Presence, key: str = "k") -> dict[str, str]:
    return {author.client: bytes(v.as_json()).decode() for author, v in presence.there(key)}


def gone(presence: Presence, *, until: float) -> list[tuple[str, str]]:
    return [(key, author.client) for key, author in presence.expire(until=until)]


def test_a_client_is_there_with_its_last_value_under_each_key() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    presence.set("k", ANNA, value("1"))
    presence.set("k", ANNA, value("2"))
    presence.set("other", ANNA, value("3"))
    presence.set("k", BEN, value("4"))
    assert there(presence) == {"anna": "2", "ben": "4"}
    assert there(presence, "other") == {"anna": "3"}
    assert there(presence, "nobody's") == {}


def test_the_same_again_is_no_change() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    assert presence.set("k", ANNA, value("1"))
    assert not presence.set("k", ANNA, value("1"))
    assert presence.set("k", ANNA, value("2"))
    assert presence.set("k", Author("anna", value('{"name":"Anna"}')), value("2"))
    assert not presence.set("k", Author("anna", value('{"name":"Anna"}')), value("2"))


def test_withdrawing_is_a_change_for_who_was_there() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    assert not presence.withdraw("k", "anna")
    presence.set("k", ANNA, value("1"))
    assert presence.withdraw("k", "anna")
    assert not presence.withdraw("k", "anna")
    assert there(presence) == {}


def test_who_left_is_there_until_the_grace_is_over() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    for client in (ANNA, BEN):
        presence.joined(client.client)
        presence.set("k", client, value("1"))
    presence.set("j", ANNA, value("1"))
    presence.left("anna", now=5)
    presence.left("ben", now=6)
    assert presence.leaving
    assert gone(presence, until=4) == []
    assert gone(presence, until=5) == [("j", "anna"), ("k", "anna")]
    assert there(presence) == {"ben": "1"}
    assert gone(presence, until=6) == [("k", "ben")]
    assert not presence.leaving
    assert len(presence) == 0


def test_who_comes_back_in_time_was_never_gone() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    presence.joined("anna")
    presence.set("k", ANNA, value("1"))
    presence.left("anna", now=5)
    presence.joined("anna")
    assert gone(presence, until=100) == []
    assert there(presence) == {"anna": "1"}


def test_a_client_stays_until_the_last_of_its_connections_has_gone() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    presence.joined("anna")
    presence.set("k", ANNA, value("1"))
    presence.joined("anna")
    presence.left("anna", now=5)
    assert gone(presence, until=100) == []
    presence.left("anna", now=6)
    assert gone(presence, until=100) == [("k", "anna")]


def test_who_set_nothing_is_not_waited_for() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    presence.joined("anna")
    presence.left("anna", now=5)
    assert not presence.leaving


def test_who_cant_come_back_is_forgotten_at_once() -> None:
    presence = Presence(limits=PresenceLimits(count=10))
    presence.set("k", ANNA, value("1"))
    assert presence.forget("anna") == [("k", ANNA)]
    assert presence.forget("anna") == []
    assert there(presence) == {}


def test_there_are_no_more_than_allowed_and_a_place_becomes_free() -> None:
    presence = Presence(limits=PresenceLimits(count=2))
    presence.set("k", ANNA, value("1"))
    presence.set("j", ANNA, value("1"))
    with pytest.raises(QuotaExceeded, match="at most 2 presences in a room"):
        presence.set("k", BEN, value("1"))
    presence.set("k", ANNA, value("2"))
    presence.withdraw("j", "anna")
    presence.set("k", BEN, value("1"))
    assert there(presence) == {"anna": "2", "ben": "1"}
