"""Tokens in Python: minted, shown as text or by a function, and renewed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jwt
import pytest

from driftdb_jupyter import Forbidden, NotConnected, create_token
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room
from driftdb_jupyter.client.tokens import named_token

from ..conformance.servers import Server, standalone
from .served import come_true

KEY = "the secret that this server and its friends have"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = tmp_path_factory.mktemp("keys") / "key"
    keys.write_text(KEY)
    keys.chmod(0o600)
    with standalone(
        named_rooms=True,
        tokens_required=True,
        token_keys_file=str(keys),
        token_leeway_seconds=0.0,
    ) as server:
        yield server


class Tokens:
    """A function that returns tokens, each as long as the test says."""

    def __init__(self, *lifetimes: float) -> None:
        self.lifetimes = list(lifetimes)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        seconds = self.lifetimes.pop(0) if self.lifetimes else 3600
        return create_token("r", key=KEY, role="write", expires_seconds=seconds, subject="ada")


def is_connected(room: Room) -> bool:
    return room.status == "connected"


def is_stopped(room: Room) -> bool:
    return room.status == "stopped"


def test_one_is_given_as_text(server: Server) -> None:
    token = create_token("r", key=KEY, role="write")
    with find_room("r", url=server.root, token=token) as room:
        state = room.state("text", 0)
        state.set(1).result(60)
        assert token not in f"{room!r}{room.url}{room.connection.location!r}"


def test_it_may_be_all_that_a_file_holds(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(create_token("r", key=KEY, role="write") + "\n")
    for token in (file.read_text(), file.read_text):
        with find_room("r", url=server.root, token=token) as room:
            room.state("file", 0).set(1).result(60)


def test_a_function_is_asked_again_where_the_token_has_ended(server: Server) -> None:
    tokens = Tokens(-1, 3600)
    with find_room("r", url=server.root, token=tokens) as room:
        # The first one is refused; whether another is better is known after it was asked for.
        come_true(room, lambda: room.status in ("connected", "stopped"))
        room.retry()
        come_true(room, lambda: is_connected(room))
        assert tokens.asked == 2


def test_a_connection_goes_on_with_another_before_its_own_ends(server: Server) -> None:
    tokens = Tokens(4, 3600)
    with find_room("r", url=server.root, token=tokens) as room:
        come_true(room, lambda: tokens.asked == 2)
        state = room.state("renewed", 0)
        state.set(7).result(60)
        (peer,) = [
            peer
            for peer, hosted in server.hub._peers.items()
            if hosted.name == "r" and peer.hears_expiry
        ]

        def is_renewed() -> bool:
            expires_at = peer.guard.credential.expires_at
            return expires_at is not None and expires_at > time.time() + 1000

        come_true(room, is_renewed)
        assert is_connected(room)


def test_after_4401_it_is_asked_and_comes_back(server: Server) -> None:
    tokens = Tokens()
    with find_room("r", url=server.root, token=tokens) as room:
        come_true(room, lambda: is_connected(room))

        def expire() -> None:
            for peer in list(server.hub._peers):
                peer.expire()

        server.run(expire)
        come_true(room, lambda: tokens.asked == 2 and is_connected(room))


def test_a_function_that_has_none_says_why(server: Server) -> None:
    def broken() -> str:
        raise LookupError("the login has ended")

    def used_up() -> str:
        raise StopIteration

    def left() -> str:
        raise SystemExit("no login")

    def wrong() -> str:
        return "a\nb"

    for function, told in (
        (broken, "LookupError: the login has ended"),
        (used_up, "StopIteration"),
        (left, "SystemExit: no login"),
        (wrong, "returned text"),
    ):
        with find_room("r", url=server.root, token=function) as room:
            come_true(room, partial(is_stopped, room))
            assert isinstance(room.error, NotConnected)
            assert told in str(room.error)


def test_a_new_room_waits_no_longer_for_a_function_than_it_may(server: Server) -> None:
    end = threading.Event()

    def endless() -> str:
        end.wait()
        return ""

    try:
        with pytest.raises(NotConnected, match=r"token= returned none within 0\.1 s"):
            find_room(url=server.root, token=endless, timeout_seconds=0.1)
    finally:
        end.set()


def test_a_function_that_never_ends_keeps_no_process_from_ending() -> None:
    script = """
import threading
from driftdb_jupyter import room

asked = threading.Event()

def endless():
    asked.set()
    threading.Event().wait()

kept = room("r", url="http://127.0.0.1:9/", token=endless)
asked.wait()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_who_may_not_come_in_is_told(server: Server) -> None:
    with find_room("r", url=server.root, token="a.b.c") as room:
        come_true(room, lambda: room.status == "stopped")
        assert isinstance(room.error, Forbidden)
    for token in (7, "a\nb"):
        with pytest.raises((TypeError, ValueError), match="token"):
            find_room("r", url=server.root, token=token)  # type: ignore[arg-type]


def test_one_is_taken_back_and_who_is_in_by_it_is_put_out(server: Server) -> None:
    admin = create_token("r", key=KEY, role="admin")
    taken, other = (create_token("r", key=KEY, role="write") for _ in range(2))
    with (
        find_room("r", url=server.root, token=admin) as owner,
        find_room("r", url=server.root, token=taken) as out,
        find_room("r", url=server.root, token=other) as stays,
    ):
        for room in (owner, out, stays):
            come_true(room, partial(is_connected, room))
        with pytest.raises(Forbidden):
            stays.revoke_token(taken)
        owner.revoke_token(taken)
        come_true(out, partial(is_stopped, out))
        stays.state("still", 0).set(1).result(60)
        assert is_connected(stays)
        owner.revoke_all_tokens()
        come_true(stays, partial(is_stopped, stays))
    with find_room("r", url=server.root, token=Tokens()) as room:
        come_true(room, partial(is_connected, room))


def test_one_that_a_file_holds_is_taken_back_without_its_line_end(server: Server) -> None:
    with find_room("r", url=server.root, token=create_token("r", key=KEY, role="admin")) as owner:
        for end in ("", "\n", "\r\n", " \n"):
            taken = create_token("r", key=KEY, role="write")
            with find_room("r", url=server.root, token=taken) as out:
                come_true(out, partial(is_connected, out))
                owner.revoke_token(taken + end)
                come_true(out, partial(is_stopped, out))


@pytest.mark.parametrize("token_id", ["a.b.c", "..", "2024.01.02", "e30.b", " a b "])
def test_an_id_may_have_dots(server: Server, token_id: str) -> None:
    taken = create_token("r", key=KEY, role="write", token_id=token_id)
    assert named_token(taken) == (token_id, taken)
    assert named_token(f"{token_id}\n") == (token_id, None)
    with (
        find_room("r", url=server.root, token=create_token("r", key=KEY, role="admin")) as owner,
        find_room("r", url=server.root, token=taken) as out,
    ):
        come_true(out, partial(is_connected, out))
        owner.revoke_token(token_id)
        come_true(out, partial(is_stopped, out))


@pytest.mark.parametrize(
    "end", ["\nof two", "\r\nDriftDB-Token: other", "\x00", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_what_is_no_token_and_no_id_is_not_shown(end: str) -> None:
    token = create_token("r", key=KEY, role="read")
    with pytest.raises(ValueError, match="expected a token or its id") as caught:
        named_token(token + end)
    assert token[:6] not in str(caught.value)
    for text in ("", "\n", "one\ntwo", "a\x00b"):
        with pytest.raises(ValueError, match="expected a token or its id"):
            named_token(text)


def test_keys_are_files_or_what_they_hold(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    assert create_token("r", key=file, role="read").count(".") == 2
    for wrong in ("short", b'{"keys":[]}'):
        with pytest.raises(ValueError, match="expected"):
            create_token("r", key=wrong)
    for claims in ({}, {"room_prefix": "r"}, {"role": "root"}, {"name": "\n"}):
        room = None if not claims else "r"
        with pytest.raises(ValueError, match="expected"):
            create_token(room, key=KEY, **claims)  # type: ignore[arg-type]


def test_one_is_good_from_the_moment_on_in_which_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000.0009)
    claims = jwt.decode(create_token("r", key=KEY), options={"verify_signature": False})
    assert claims["iat"] == 1_000.0
