from __future__ import annotations

import gc
import weakref

from driftdb_jupyter.client.objects.presence import Person, Presence
from driftdb_jupyter.client.room import Room

from ..served import Calls, come_true


def test_who_is_here_is_known_with_a_value_each(mine: Room, theirs: Room) -> None:
    me = Presence(value={"colour": "red"}, room=mine)
    them = Presence(value="blue", room=theirs)
    come_true(mine, lambda: len(me) == 2)
    assert [(person.value, person.is_me) for person in me.people] == [
        ({"colour": "red"}, True),
        ("blue", False),
    ]
    assert [person.value for person in them.others] == [{"colour": "red"}]


def test_who_only_looks_is_not_seen(mine: Room, theirs: Room) -> None:
    me, looking = Presence(value=1, room=mine), Presence(room=theirs)
    come_true(theirs, lambda: len(looking) == 1)
    assert len(me) == 1


def test_coming_changing_and_leaving_are_told(mine: Room, theirs: Room) -> None:
    me = Presence(value=1, room=mine)
    came, changed, left = Calls(), Calls(), Calls()
    me.on_join(came)
    me.on_change(changed)
    me.on_leave(left)
    them = Presence(value=2, room=theirs)
    came.wait_for(lambda: bool(came.seen))
    them.value = 3
    changed.wait_for(lambda: bool(changed.seen))
    them.value = None
    left.wait_for(lambda: bool(left.seen))
    assert [person.value for calls in (came, changed, left) for person in calls.seen] == [2, 3, 3]


def test_an_object_that_is_gone_is_no_presence(mine: Room, theirs: Room) -> None:
    me = Presence(value=1, room=mine)
    them = weakref.ref(Presence(value=2, room=theirs))
    come_true(theirs, lambda: gc.collect() >= 0 and them() is None)
    Presence("elsewhere", room=theirs)
    come_true(mine, lambda: not me.others)


def test_a_name_is_what_the_server_says() -> None:
    def person(user: dict[str, object] | None) -> Person:
        return Person(client="c", value=None, user=user, is_me=False)

    assert person({"username": "u", "display_name": "Ann"}).name == "Ann"
    assert person({"name": 3}).name == "Guest"
    assert person(None).name == "Guest"


def test_a_person_is_called_what_the_login_says_else_what_they_say() -> None:
    def person(value: object, user: dict[str, str] | None = None) -> Person:
        return Person(client="c", value=value, user=user, is_me=False)

    assert person({"name": "Ann"}).name == "Ann (guest)"
    assert person({"name": "Ann"}, {"name": "Eve"}).name == "Eve"
    for value in (None, "Ann", {"name": 3}, {"name": "  "}):
        assert person(value).name == "Guest"
    assert repr(person({"name": "Ann"})) == "<'Ann (guest)': {'name': 'Ann'}>"
    assert repr(person(3, {"name": "Eve"})) == "<'Eve': 3>"


def test_what_one_handler_changes_another_does_not_see(mine: Room, theirs: Room) -> None:
    here = Presence("who", room=mine)
    heard: list[object] = []
    here.on_join(lambda person: person.value.append("changed"))
    here.on_join(lambda person: heard.append(person.value))
    here.on_change(lambda person: heard.append(person.value))
    there = Presence("who", ["a"], room=theirs)
    come_true(mine, lambda: heard == [["a"]])
    there.value = ["b"]
    come_true(mine, lambda: heard == [["a"], ["b"]])


def test_a_value_that_cannot_be_decoded_hides_nobody(mine: Room, theirs: Room) -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value

    here = Presence("who", room=mine, decode=even)
    there = Presence("who", 1, room=theirs)
    come_true(mine, lambda: [person.value for person in here.people] == [None])
    there.value = 2
    come_true(mine, lambda: [person.value for person in here.people] == [2])


def test_its_own_value_is_what_the_others_see_whatever_becomes_of_what_it_was_given(
    mine: Room,
) -> None:
    value = {"cursor": [1, 2]}
    people = Presence("presence", value, room=mine)
    value["cursor"].append(3)
    people.value["cursor"].append(4)
    assert people.value == {"cursor": [1, 2]}
