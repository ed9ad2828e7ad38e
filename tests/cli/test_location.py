from __future__ import annotations

import pytest

from driftdb_jupyter.cli.location import room_location, server_location

A, B = "http://a:8080/", "http://b:8080/"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROOM", "URL", "SECRET", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"DRIFTDB_{name}", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


@pytest.mark.parametrize(
    ("room", "url", "variables", "found"),
    [
        ("r", "", {}, "http://127.0.0.1:8080/room/r"),
        ("r", A, {}, A + "room/r"),
        (A + "room/r", "", {"DRIFTDB_URL": B, "DRIFTDB_ROOM": "x"}, A + "room/r"),
        ("", A + "room/r", {"DRIFTDB_ROOM": "x"}, A + "room/r"),
        ("", "", {"DRIFTDB_ROOM": "r", "DRIFTDB_URL": A}, A + "room/r"),
        ("", A, {"DRIFTDB_ROOM": "r", "DRIFTDB_URL": B}, A + "room/r"),
        ("", "", {"DRIFTDB_ROOM": A + "room/r", "DRIFTDB_URL": B}, A + "room/r"),
        ("", "", {"DRIFTDB_URL": A + "room/r"}, A + "room/r"),
        (A + "room/r/page", "", {}, A + "room/r"),
        (A + "room/r/page?key=name", "", {}, A + "room/r"),
        ("", A + "room/r/inspect?key=a%20b", {}, A + "room/r"),
        ("", "", {"DRIFTDB_ROOM": A + "room/r/page?key=name"}, A + "room/r"),
        ("", "", {"DRIFTDB_ROOM": A + "room/r/shared#link_s"}, A + "room/r"),
    ],
)
def test_a_room_is_where_the_options_say_and_else_the_environment(
    monkeypatch: pytest.MonkeyPatch, room: str, url: str, variables: dict[str, str], found: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert room_location(room, url).url == found


def test_in_a_notebooks_shell_it_is_the_notebooks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTDB_URL", A)
    monkeypatch.setenv("DRIFTDB_SECRET", "s3cret")
    monkeypatch.setenv("JPY_SESSION_NAME", "plots.ipynb")
    assert room_location("", "").notebook == "plots.ipynb"
    assert room_location("r", "").headers == {"Authorization": "DriftDB s3cret"}


def test_a_room_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="expected a room: name it with --room"):
        room_location("", A)
    monkeypatch.setenv("DRIFTDB_ROOM", B + "room/r")
    with pytest.raises(ValueError, match="expected a room: name it with --room"):
        room_location("", A)  # not the room of another server
    with pytest.raises(ValueError, match="as --room or --url, got both"):
        room_location(B + "room/r", A)


@pytest.mark.parametrize(
    "url",
    [
        "http://a/room/r?token=s3cret",
        "http://a/room/r?s3cret",
        "http://a/room/r/page?key=k&token=s3cret",
        "http://me:s3cret@a/room/r",
        "http://a/room/r/shared#link_s3cret",
    ],
)
def test_no_secret_is_taken_from_the_command_line(url: str) -> None:
    with pytest.raises(ValueError, match=r"set DRIFTDB_(TOKEN|ROOM)") as caught:
        room_location(url, "")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ValueError, match=r"set DRIFTDB_(TOKEN|ROOM)"):
        server_location(url)
