from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.client.transport.location import Location, locate
from driftdb_jupyter.protocol.errors import NoServer, Unreachable

JUPYTER = {
    "DRIFTDB_URL": "http://127.0.0.1:8888/base/driftdb/",
    "DRIFTDB_SECRET": "s3cret",
    "JPY_SESSION_NAME": "/home/ada/notebooks/My plots.ipynb",
}


def test_a_kernel_knows_which_notebook_it_was_started_for() -> None:
    place = locate(environ=JUPYTER)
    assert place.server == "http://127.0.0.1:8888/base/driftdb/"
    assert place.notebook == "/home/ada/notebooks/My plots.ipynb"
    assert place.room is None
    assert place.headers == {"Authorization": "DriftDB s3cret"}
    assert place.own


def test_a_kernel_is_warned_once_where_its_server_keeps_no_rooms(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ = {**JUPYTER, "DRIFTDB_NOT_KEPT": "another server has the journal"}
    locate("r", url="http://elsewhere:8080/", environ=environ)
    assert caplog.text == ""
    for _ in range(2):
        locate(environ=environ)
    [record] = caplog.records
    assert record.getMessage() == (
        "this Jupyter server doesn't keep rooms: another server has the journal"
    )


def test_a_kernel_joins_another_room_by_name() -> None:
    place = locate("täglich & more", environ=JUPYTER)
    assert place.url == "http://127.0.0.1:8888/base/driftdb/room/t%C3%A4glich%20%26%20more"
    assert (
        place.socket_url
        == "ws://127.0.0.1:8888/base/driftdb/room/t%C3%A4glich%20%26%20more/connect"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://host:8080/room/abc",
        "http://host:8080/room/abc/",
        "http://host:8080/room/abc/connect",
        "http://host:8080/room/abc/send",
        "http://host:8080/room/abc/page",
        "http://host:8080/room/abc/page?key=a%20b",
        "http://host:8080/room/abc/inspect",
        "ws://host:8080/room/abc/connect?cbor=true",
        "HTTP://host:8080/room/abc#top",
    ],
)
def test_a_rooms_url_may_have_any_of_its_forms(url: str) -> None:
    for place in (locate(url=url, environ={}), locate(url, environ=JUPYTER)):
        assert (place.server, place.room) == ("http://host:8080/", "abc")
        assert place.headers == {}
        assert not place.own


def test_tls_and_ipv6_are_kept() -> None:
    place = locate(url="wss://[::1]:9/x/room/a%20b/connect", environ={})
    assert place.url == "https://[::1]:9/x/room/a%20b"
    assert place.socket_url == "wss://[::1]:9/x/room/a%20b/connect"
    assert place.room == "a b"


@pytest.mark.parametrize("url", ["http://host/base", "http://host/base/"])
def test_a_servers_url_alone_asks_for_a_new_room(url: str) -> None:
    place = locate(url=url, environ=JUPYTER)
    assert (place.server, place.room, place.url) == (
        "http://host/base/",
        None,
        "http://host/base/",
    )


def test_a_name_goes_with_a_servers_url() -> None:
    assert locate("plots", url="http://host/", environ={}).url == "http://host/room/plots"


def test_a_token_in_the_url_becomes_a_header_and_is_never_shown() -> None:
    place = locate(url="http://host/driftdb/room/a?token=hidden", environ={})
    assert place.headers == {"Authorization": "token hidden"}
    assert "hidden" not in f"{place!r} {place.url} {place.socket_url}"


def test_a_token_in_the_url_that_is_none_is_not_shown() -> None:
    place = locate(url="http://host/room/a?token=hidden%0D%0A", environ={})
    assert place.headers == {"Authorization": "token hidden"}
    for token in ("hid%0Aden", "hid%0D%0ADriftDB-Token:%20den", "hidd%C3%A9n", "hid%00den"):
        with pytest.raises(ValueError, match="expected a token in 'http://host/room/a'") as caught:
            locate(url=f"http://host/room/a?token={token}", environ={})
        assert "den" not in str(caught.value)


def test_a_password_in_the_url_becomes_a_header_and_is_never_shown() -> None:
    place = locate(url="http://ada:hidden@host/room/a", environ={})
    assert place.headers == {"Authorization": "Basic YWRhOmhpZGRlbg=="}
    assert "hidden" not in f"{place!r} {place.url}"


def test_the_kernels_secret_goes_to_its_own_server_alone() -> None:
    own = locate(url="http://127.0.0.1:8888/base/driftdb/room/other", environ=JUPYTER)
    assert own.headers == {"Authorization": "DriftDB s3cret"}
    assert (
        locate(url="http://127.0.0.1:9999/base/driftdb/room/other", environ=JUPYTER).headers == {}
    )


def test_a_token_of_the_environment_goes_to_the_server_that_it_names(tmp_path: Path) -> None:
    server, file = "http://host:8888/driftdb/", tmp_path / "token"
    file.write_text("t0ken\n")
    for given in ({"DRIFTDB_TOKEN": "t0ken"}, {"DRIFTDB_TOKEN_FILE": str(file)}):
        named = {**given, "DRIFTDB_URL": server}
        assert locate("r", environ=named).headers == {"Authorization": "token t0ken"}
        assert locate("r", url="http://other/", environ=named).headers == {}
        of_room = {**given, "DRIFTDB_ROOM": f"{server}room/r"}
        for url in (server, None):
            found = locate("r" if url else None, url=url, environ=of_room)
            assert found.headers == {"Authorization": "token t0ken"}
        assert locate("r", url="http://other/", environ=of_room).headers == {}
        assert locate(environ={**JUPYTER, **given}).headers == {"Authorization": "DriftDB s3cret"}


def test_it_goes_to_no_server_that_a_notebook_names_alone() -> None:
    given = {"DRIFTDB_TOKEN": "t0ken"}
    for environ in (given, {**given, "DRIFTDB_ROOM": "r"}):
        for url in ("http://evil.example/", "http://evil.example/room/r"):
            assert locate("r", url=url, environ=environ).headers == {}
    typed = locate("r", url="http://host/", typed=True, environ=given)  # on a command line
    assert typed.headers == {"Authorization": "token t0ken"}


@pytest.mark.parametrize("wrong", ["http://[bad/room/x", "foo://x", "http://h/room/%00"])
def test_a_wrong_room_of_the_environment_breaks_no_other(wrong: str) -> None:
    environ = {"DRIFTDB_ROOM": wrong, "DRIFTDB_TOKEN": "t0ken"}
    assert locate(url="http://host/room/r", environ=environ).headers == {}
    assert locate(url="http://host/room/r", token="mine", environ=environ).has_token
    with pytest.raises(ValueError, match="expected"):
        locate(environ=environ)


def test_a_token_that_is_none_is_not_shown(tmp_path: Path) -> None:
    host = {"DRIFTDB_URL": "http://host/"}
    with pytest.raises(ValueError, match=r"expected a file with a token, got .*No such file"):
        locate("r", environ={**host, "DRIFTDB_TOKEN_FILE": str(tmp_path / "none")})
    with pytest.raises(ValueError, match="expected a token, got text") as caught:
        locate("r", environ={**host, "DRIFTDB_TOKEN": "s3\ncret"})
    assert "cret" not in str(caught.value)


def test_a_certificate_is_its_own_servers_alone() -> None:
    environ = {**JUPYTER, "DRIFTDB_URL": "https://me/driftdb/", "DRIFTDB_CERTFILE": "cert.pem"}
    assert locate(environ=environ).certfile == "cert.pem"
    assert locate(url="https://you/room/a", environ=environ).certfile is None
    assert locate(url="http://you/room/a", environ={"DRIFTDB_CERTFILE": "c"}).certfile is None
    assert locate(url="https://you/room/a", environ={"DRIFTDB_CERTFILE": "c"}).certfile == "c"


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    certfile = tmp_path / "cert.pem"
    for _ in range(2):
        place = Location(server="https://me/", room="a", certfile=str(certfile))
        with pytest.raises(Unreachable, match="DRIFTDB_CERTFILE: expected the PEM file"):
            place.tls()
        certfile.write_text("no certificate")


def test_where_nothing_is_known_the_error_says_what_to_pass() -> None:
    with pytest.raises(NoServer, match="there is no room server") as error:
        locate(environ={"JPY_SESSION_NAME": "/a.ipynb"})
    for word in (
        "driftdb serve",
        "DRIFTDB_URL",
        "url=",
        "http://HOST:8080/room/ID",
        "http://HOST:8888/driftdb/?token=TOKEN",
    ):
        assert word in str(error.value)


def test_a_page_of_voila_is_in_its_notebooks_room() -> None:
    environ = {key: value for key, value in JUPYTER.items() if key != "JPY_SESSION_NAME"}
    script = "/a/b/voila/render/folder/My%20plots.ipynb"
    environ |= {"SERVER_SOFTWARE": "voila/0.5.13", "SCRIPT_NAME": script}
    assert locate(environ=environ).notebook == "folder/My plots.ipynb"
    with pytest.raises(NoServer):
        locate(environ=environ | {"SERVER_SOFTWARE": "another"})


def test_outside_a_notebook_a_room_has_to_be_named() -> None:
    environ = {key: value for key, value in JUPYTER.items() if key != "JPY_SESSION_NAME"}
    with pytest.raises(NoServer, match=r"belongs to no notebook.*Set DRIFTDB_ROOM or pass room="):
        locate(environ=environ)


def test_outside_a_notebook_the_environment_may_name_the_room() -> None:
    root = "http://127.0.0.1:8080/"
    by_url = {"DRIFTDB_ROOM": f"{root}room/abc"}
    assert locate(environ=by_url).url == f"{root}room/abc"
    by_name = {"DRIFTDB_URL": root, "DRIFTDB_ROOM": "abc"}
    assert locate(environ=by_name).url == f"{root}room/abc"
    assert locate("other", environ=by_name).room == "other"
    assert locate(url="http://host/", environ=by_name).url == "http://host/"
    assert locate(environ={**JUPYTER, **by_url}).notebook == JUPYTER["JPY_SESSION_NAME"]
    with pytest.raises(ValueError, match="DRIFTDB_ROOM: expected a URL"):
        locate(environ={"DRIFTDB_ROOM": "ftp://host/"})


@pytest.mark.parametrize(
    "url", ["localhost:8080", "/room/a", "ftp://host/", "http://", "http://h:x/"]
)
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="url=: expected a URL"):
        locate(url=url, environ={})


def test_a_wrong_url_is_shown_without_its_secrets() -> None:
    with pytest.raises(ValueError, match="expected a URL") as error:
        locate(url="ftp://ada:hidden@host/?token=hidden", environ={})
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", "a\n", "\x85", "é" * 101, "\ud800"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a room's name of 1 to 200 bytes"):
        locate(name, environ=JUPYTER)


def test_two_rooms_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="got both"):
        locate("http://a/room/x", url="http://b/", environ={})
    with pytest.raises(ValueError, match="expected one room, got room='y' and a URL with 'x'"):
        locate("y", url="http://a/room/x", environ={})


def test_the_public_url_of_the_own_server_leads_to_it_as_the_kernel_reaches_it() -> None:
    environ = {**JUPYTER, "DRIFTDB_PUBLIC_URL": "https://hub.example/driftdb"}
    own = locate("a", environ=environ)
    assert own.public_url == "https://hub.example/driftdb/room/a"
    assert locate(own.public_url, environ=environ) == own
    assert own.url == f"{JUPYTER['DRIFTDB_URL']}room/a"
    other = locate("https://rooms.example/room/a", environ=environ)
    assert other.public_url == other.url == "https://rooms.example/room/a"


def test_a_public_url_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="DRIFTDB_PUBLIC_URL: expected a URL"):
        locate("a", environ={**JUPYTER, "DRIFTDB_PUBLIC_URL": "hub.example"})


def test_a_share_link_is_a_room_and_the_secret_that_lets_in() -> None:
    environ = {**JUPYTER, "DRIFTDB_GUEST_NAME": "Ada", "DRIFTDB_TOKEN": "t0ken"}
    for server in ("http://h:1/", JUPYTER["DRIFTDB_URL"]):
        link = locate(f"{server}room/r/shared?key=k&token=t#link_s-_1", environ=environ)
        assert (link.url, link.link, link.guest_name) == (f"{server}room/r", "link_s-_1", "Ada")
        assert link.headers == {}, "nothing else is shown"
        assert "link_s" not in repr(link) + link.public_url
    assert locate("http://h:1/room/r#link_s", guest_name="Bob", environ=environ).guest_name == "Bob"
    assert locate("http://h:1/room/r/page", environ=environ).guest_name == ""
    with pytest.raises(ValueError, match=r"only with the URL of a share link, got it with no URL"):
        locate("r", guest_name="Bob", environ={**environ, "DRIFTDB_URL": "http://h:1/"})


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://h:1/room/r/shared#link_", {}),
        ("http://h:1/room/r/shared#link_secret%0d", {}),
        ("http://h:1/#link_secret", {}),
        ("http://h:1/room/r/shared#link_secret", {"token": "t"}),
        ("http://h:1/room/r", {"guest_name": "Ada"}),
    ],
)
def test_a_share_link_that_is_none_is_refused_without_its_secret(
    url: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="share link") as raised:
        locate(url, environ={}, **options)
    assert "secret" not in str(raised.value).replace("another secret", "")


def test_the_rooms_of_a_service_are_opened_by_its_token_and_named_by_the_own_server() -> None:
    environ = {
        "DRIFTDB_URL": "http://hub:10101/services/driftdb/",
        "DRIFTDB_TOKEN": "the-token",
        "DRIFTDB_NOTEBOOKS_URL": "http://127.0.0.1:8888/user/ada/driftdb/",
        "DRIFTDB_NOTEBOOKS_SECRET": "the-secret",
        "JPY_SESSION_NAME": "own.ipynb",
    }
    own = locate(environ=environ)
    assert own.headers == {"Authorization": "token the-token"}
    assert own.names is not None
    assert own.names.server == "http://127.0.0.1:8888/user/ada/driftdb/"
    assert own.names.headers == {"Authorization": "DriftDB the-secret"}
    assert locate("class", environ=environ).names is None
    assert locate(url="http://other/room/x", environ=environ).headers == {}
