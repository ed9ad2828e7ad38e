"""What of others' words may stand in a log."""

from __future__ import annotations

import logging

import pytest

from driftdb_jupyter.protocol.name import new_id, room_digest
from driftdb_jupyter.server.process.log_text import Printable, RoomNames, printable, without_secrets

OPEN = RoomNames(capabilities=False, named=True)
UNNAMED = RoomNames(capabilities=True, named=False)
NAMED = RoomNames(capabilities=True, named=True)

ID = new_id()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 10 €", "größe 10 €"),
        ("a\x1b[2Jb\r\nc", r"a\x1b[2Jb\r\nc"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202eevil\u2066\u2028\u2029\u200b", r"\u202eevil\u2066\u2028\u2029\u200b"),
        ("\ud800", r"\ud800"),
        ("x" * 60_000, "x" * 200 + "… (60000 characters)"),
    ],
)
def test_a_text_is_one_line_without_controls(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("/new", "/new"),
        ("/a?x=1&token=abc&y", "/a?x=1&token=…&y"),
        ("/a?%74oken=abc&client=x=y", "/a?%74oken=…&client=…"),
        ("/a?ticket=abc&b=1", "/a?ticket=…&b=1"),
        ("/a?key=abc&token", "/a?key=abc&token"),
        ("/a?access_token=b&Password=b&apiKey=b", "/a?access_token=…&Password=…&apiKey=…"),
        (f"/a/link_{ID}/b?x=owner%5f{ID}&link_{ID}", "/a/…/b?x=…&…"),
        ("/room/link_to_the_notes/page", "/room/link_to_the_notes/page"),
        ("/a?next=/b?token%3deyJhbGciOiJ9.e30.c2ln&link_to=b", "/a?next=…&link_to=b"),
    ],
)
def test_a_uri_has_no_secrets(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


def test_an_id_that_opens_its_room_is_not_in_the_log() -> None:
    made = new_id()
    digest = f"~{room_digest(made)}"
    assert UNNAMED.shown(made) == NAMED.shown(made) == digest
    assert UNNAMED.shown("lecture") == f"~{room_digest('lecture')}"
    assert OPEN.shown(made) == made
    assert NAMED.shown("lecture\x1b") == r"lecture\x1b"


@pytest.mark.parametrize("rest", ["", "/connect?cbor=true", "/send", "/page?key=a/b", "?x"])
def test_nor_is_it_in_the_line_of_a_request(rest: str) -> None:
    made = new_id()
    for before in ("/a/room/", "/a/admin/rooms/"):
        uri = before + made + rest
        assert UNNAMED.shown_uri(uri, "/a/") == f"{before}~{room_digest(made)}{rest}"
        assert OPEN.shown_uri(uri, "/a/") == uri


@pytest.mark.parametrize("path", ["/rooms/a/room/{}/connect", "//room/{}", "/Room/{}", "/{}"])
def test_nor_is_it_where_a_proxy_asks_for_another_path(path: str) -> None:
    made = new_id()
    shown = path.format(f"~{room_digest(made)}")
    assert UNNAMED.shown_uri(path.format(made), "/") == shown
    assert NAMED.shown_uri(path.format(made), "/") == shown
    assert OPEN.shown_uri(path.format(made), "/") == path.format(made)


def test_a_percent_encoded_id_has_the_same_digest() -> None:
    made = new_id()
    encoded = "".join(f"%{ord(char):02x}" for char in made)
    assert UNNAMED.shown_uri(f"/room/{encoded}", "/") == f"/room/~{room_digest(made)}"


def test_whatever_is_logged_is_one_line_and_not_endless() -> None:
    record = logging.LogRecord("x", 20, "", 0, "%s said %s", ("a\x1b[0m", "b" * 9000), None)
    assert Printable().filter(record)
    assert record.getMessage().startswith(r"a\x1b[0m said bbb")
    assert len(record.getMessage()) < 2100
    record = logging.LogRecord("x", 20, "", 0, "%d %%", (7,), None)
    assert Printable().filter(record)
    assert record.getMessage() == "7 %"
