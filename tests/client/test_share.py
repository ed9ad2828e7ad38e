"""Share links from Python: ``room.link(role=…)`` and ``room.links()``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest
from IPython.core.formatters import DisplayFormatter

from driftdb_jupyter import BadMessage, Forbidden, QuotaExceeded, ShareLink
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room

from ..conformance.servers import standalone


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with standalone(access_change_limit_per_second=0.0) as server:
        yield server.root


@pytest.fixture(scope="module")
def far_url() -> Iterator[str]:
    """The root of a server that others reach."""
    with standalone(public_url="https://rooms.example/") as server:
        yield server.root


def owned(url: str) -> Iterator[Room]:
    with urlopen(Request(f"{url}new?admin=true", method="POST")) as answer:
        made = json.load(answer)
    with find_room(url=f"{url}room/{made['room']}?token={made['admin']}") as room:
        yield room


@pytest.fixture
def room(url: str) -> Iterator[Room]:
    yield from owned(url)


@pytest.fixture
def far_room(far_url: str) -> Iterator[Room]:
    yield from owned(far_url)


def test_a_role_makes_a_share_link_and_no_role_the_page_s_url(room: Room) -> None:
    link = room.link(role="read", keys=["slider"], expires="2h", name="students", people=30)
    assert isinstance(link, ShareLink)
    assert str(link) == link.url
    assert link.url.startswith(f"{room.url}/shared#link_")
    assert (link.name, link.people_limit) == ("students", 30)
    assert link.grants == [{"can": ["read"], "keys": ["slider"]}]
    assert str(room.link()) == f"{room.url}/page"


def test_a_link_to_one_key_shows_and_gives_that_alone(room: Room) -> None:
    link = room.link("a b", role="write")
    assert link.url.startswith(f"{room.url}/shared?key=a%20b#link_")
    assert [grant["keys"] for grant in link.grants] == [["a b"]]


def test_links_are_listed_and_taken_back(room: Room) -> None:
    made = room.link(role="read", name="students", ask_name=True)
    (link,) = room.links()
    assert (link.id, link.name, link.ask_name, link.people, link.people_here) == (
        *(made.id, "students", True, 0, 0),
    )
    with pytest.raises(ValueError, match="known only where it was made"):
        _ = link.url
    link.revoke()
    assert room.links() == []


def test_only_the_owner_makes_and_lists_links(room: Room) -> None:
    guest = find_room(url=room.url)
    for ask in (guest.links, lambda: guest.link(role="read")):
        with pytest.raises(Forbidden, match="only who owns the room"):
            ask()
    guest.close()


@pytest.mark.parametrize("expires", ["90s", 90, timedelta(seconds=90)])
def test_it_ends_when_it_is_told_to(room: Room, expires: Any) -> None:
    link = room.link(role="read", expires=expires)
    day = room.link(role="read")
    assert link.expires_at is not None
    assert day.expires_at is not None
    assert day.expires_at - link.expires_at == pytest.approx(24 * 60 * 60 - 90, abs=60)
    assert room.link(role="read", expires=None).expires_at is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "x"}, TypeError, "expected role="),
        ({"role": "admin"}, BadMessage, "without admin"),
        ({"role": "look"}, BadMessage, "expected grants to be of read"),
        ({"role": "read", "keys": "slider"}, TypeError, "expected keys= as a list"),
        ({"role": "read", "expires": "soon"}, ValueError, "expected expires="),
        ({"role": "read", "expires": True}, TypeError, "expected expires="),
        ({"role": "read", "expires": -1}, ValueError, "in the future"),
        ({"role": "read", "people": 0}, ValueError, "people"),
        ({"role": "read", "ask_name": 1}, TypeError, "ask_name"),
    ],
)
def test_what_makes_no_link_is_refused(
    room: Room, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        room.link(**options)
    assert room.links() == []


def test_it_says_what_it_allows_by_the_role_that_it_was_made_with(room: Room) -> None:
    assert "ann: write: a, b, until " in repr(room.link(role="write", keys=["a", "b"], name="ann"))
    assert "bob: read, for ever, " in repr(room.link(role="read", expires=None, name="bob"))
    grants = {"can": ["read", "append"], "prefixes": ["log/"]}
    assert "eve: read+append: log/…, until " in repr(room.link(role=grants, name="eve"))


def shown(value: object) -> str:
    """All that a notebook saves of a cell whose result that is."""
    data, _ = DisplayFormatter().format(value)  # type: ignore[no-untyped-call]
    return json.dumps(data)


def test_a_saved_notebook_has_the_secret_only_where_that_was_asked_for(far_room: Room) -> None:
    link = far_room.link(role="read", name="students")
    secret = link.url.partition("#")[2]
    assert secret not in repr(link)
    assert secret not in shown(link)
    assert "link.show()" in shown(link)
    assert secret in shown(link.show())


def test_it_is_shown_as_a_qr_code_with_its_url(far_room: Room) -> None:
    link = far_room.link(role="read")
    assert link.url.startswith("https://rooms.example/room/")
    html = link.show()._repr_html_()
    assert "<svg" in html
    assert f'href="{link.url}"' in html


def test_a_link_that_only_this_machine_can_open_says_what_to_do(room: Room) -> None:
    link = room.link(role="read")
    assert link.advice == "driftdb serve --host 0.0.0.0"
    html = link.show()._repr_html_()
    assert "<code>driftdb serve --host 0.0.0.0</code>" in html
    assert "<code>--public-url=https://…</code>" in html
    assert "<svg" not in html


def test_a_program_comes_in_by_a_link_and_does_what_that_gives(room: Room) -> None:
    room.access = {}
    room.state("slider", 3)
    room.flush()
    link = room.link(role="read", keys=["slider"])
    with find_room(link.url) as guest:
        slider = guest.state("slider")
        assert slider.value == 3
        room.state("slider").set(4).result()
        slider.wait_for(lambda value: value == 4, timeout_seconds=10)
        with pytest.raises(Forbidden, match="may not replace"):
            slider.set(5).result()
        with pytest.raises(Forbidden, match="only who owns"):
            guest.links()
        assert link.url.partition("#")[2] not in repr(guest) + guest.url + guest.link()
        assert [(each.people, each.people_here) for each in room.links()] == [(1, 1)]


def test_a_program_counts_once_however_often_it_comes(room: Room) -> None:
    link = room.link(role="read", people=1)
    for _ in range(2):
        with find_room(link.url) as guest:
            guest.keys()
    assert [each.people for each in room.links()] == [1]


def stopped(guest: Room) -> None:
    """Wait until a room has given up."""
    guest.connection.wait_until(lambda: guest.status == "stopped", 30)


def test_a_program_that_was_in_by_a_link_is_told_when_that_is_taken_back_or_ends(
    room: Room,
) -> None:
    taken, ended = room.link(role="read"), room.link(role="read", expires=0.3)
    guests = [find_room(taken.url), find_room(ended.url)]
    guests[0].keys()  # the other one may end before it is in
    taken.revoke()
    for guest, why in zip(guests, ("taken back", "expired, or was taken back"), strict=True):
        stopped(guest)
        assert isinstance(guest.error, Forbidden)
        assert f"share link to {room.url}" in str(guest.error)
        assert why in str(guest.error)
        guest.retry()
        with pytest.raises(Forbidden, match=r"expired, or was taken back\. Ask for another one"):
            guest.state("slider")
        guest.close()


def test_a_link_that_lets_nobody_in_any_more_says_why(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = room.link(role="read", people=1)
    find_room(full.url).keys()
    monkeypatch.setattr("driftdb_jupyter.client.transport.ticket.own_mark", lambda _: "another")
    with (
        find_room(f"{full.url.partition('#')[0]}?key=x#{full.url.partition('#')[2]}") as guest,
        pytest.raises(QuotaExceeded, match="as many people came in by this share link"),
    ):
        guest.state("slider")
    wrong = find_room(f"{room.url}/shared#link_{'x' * 32}")
    with pytest.raises(Forbidden, match="expired, or was taken back"):
        wrong.state("slider")


def test_a_link_that_demands_a_name_is_told_it(room: Room) -> None:
    link = room.link(role="read", ask_name=True)
    with pytest.raises(Forbidden, match="set DRIFTDB_GUEST_NAME"):
        find_room(link.url).state("slider")
    here = room.presence()
    with find_room(link.url, guest_name="Ada") as guest:
        guest.presence(value="here")
        assert room.connection.wait_until(lambda: "Ada (guest)" in repr(here.people), 10)
