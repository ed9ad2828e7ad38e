"""Programs with tokens of a real hub, by its proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from .hub import RealHub

Asked = tuple[int, Any]
Ask = Callable[..., Asked]


@pytest.fixture
def ask(hub: RealHub) -> Ask:
    def ask(method: str, path: str, token: str | None, body: Any = None) -> Asked:
        request = Request(
            hub.rooms + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={} if token is None else {"Authorization": f"token {token}"},
        )
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as error:
            with error:
                return error.code, error.read()

    return ask


def send(room: str) -> str:
    return f"room/{quote(room, '')}/send"


PUSH = {"type": "push", "action": {"type": "replace"}, "key": "k", "value": 1}
READ = {"type": "get", "key": "k", "seq": 0}


def test_the_service_listens_where_the_hub_says_and_tells_others_of_nothing(
    hub: RealHub, ask: Ask
) -> None:
    assert f"Rooms are at {hub.service}" in hub.log
    assert ask("POST", send("class"), None, READ)[0] == HTTPStatus.FORBIDDEN
    assert ask("POST", send("class"), "guessed", READ)[0] == HTTPStatus.UNAUTHORIZED


def test_who_may_do_what_in_rooms_of_persons_groups_and_classes(hub: RealHub, ask: Ask) -> None:
    ada, bob, eve = (hub.token(name)[0] for name in ("ada", "bob", "eve"))
    cases = [
        ("user:ada:notes", ada, 200, 200),
        ("user:ada:notes", bob, 403, 403),
        ("group:students:board", ada, 200, 200),
        ("group:students:board", eve, 403, 403),
        ("group:guests:board", eve, 403, 403),
        ("class", ada, 200, 200),
        ("class", bob, 200, 200),
        ("class", eve, 403, 200),
        ("any-other", eve, 200, 200),
    ]
    for room, token, write, read in cases:
        assert ask("POST", send(room), token, PUSH)[0] == write, (room, "write")
        assert ask("POST", send(room), token, READ)[0] == read, (room, "read")


def test_a_person_shares_a_room_by_its_policy(hub: RealHub, ask: Ask) -> None:
    ada, bob = (hub.token(name)[0] for name in ("ada", "bob"))
    room = "user:ada:shared"
    assert ask("POST", send(room), ada, PUSH)[0] == 200
    path = f"room/{quote(room, '')}/access"
    assert ask("PUT", path, bob, {"users": {"bob": "write"}})[0] == 403
    assert ask("PUT", path, ada, {"users": {"bob": "write"}})[0] == 200
    assert ask("POST", send(room), bob, PUSH)[0] == 200


def test_a_token_of_few_scopes_can_do_no_more_than_they_say(hub: RealHub, ask: Ask) -> None:
    scopes = ("access:services!service=driftdb", "custom:driftdb:read!user=ada")
    reader, _ = hub.token("ada", *scopes)
    assert ask("POST", send("class"), reader, READ)[0] == 200
    assert ask("POST", send("class"), reader, PUSH)[0] == 403
    without, _ = hub.token("ada", "access:services!service=driftdb")
    assert ask("POST", send("class"), without, READ)[0] == 403
    elsewhere, _ = hub.token("ada", "custom:driftdb:admin!user=ada")
    assert ask("POST", send("user:ada:notes"), elsewhere, READ)[0] == 403


def test_a_new_room_is_of_the_person_who_makes_it(hub: RealHub, ask: Ask) -> None:
    ada, bob = (hub.token(name)[0] for name in ("ada", "bob"))
    status, made = ask("POST", "new", ada)
    assert status == 200
    assert made["room"].startswith("user:ada:")
    assert ask("POST", send(made["room"]), ada, PUSH)[0] == 200
    assert ask("POST", send(made["room"]), bob, READ)[0] == 403
