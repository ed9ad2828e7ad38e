"""Links to a room's page."""

from __future__ import annotations

from driftdb_jupyter.client.link import page_url
from driftdb_jupyter.client.transport.location import locate

OWN = {"DRIFTDB_URL": "http://127.0.0.1:8888/user/ann/driftdb/"}


def test_a_rooms_page_is_below_its_url() -> None:
    location = locate("https://rooms.example/room/abc", environ={})
    assert page_url(location) == "https://rooms.example/room/abc/page"


def test_a_key_is_quoted() -> None:
    location = locate("https://rooms.example/room/abc", environ={})
    assert page_url(location, "a&b c") == "https://rooms.example/room/abc/page?key=a%26b%20c"


def test_on_the_own_server_a_cell_links_to_a_path_for_the_browser_knows_the_host() -> None:
    link = page_url(locate("größe", environ=OWN))
    assert link == "http://127.0.0.1:8888/user/ann/driftdb/room/gr%C3%B6%C3%9Fe/page"
    assert 'href="/user/ann/driftdb/room/gr%C3%B6%C3%9Fe/page"' in link._repr_html_()


def test_behind_a_proxy_urls_are_those_that_others_have() -> None:
    environ = {**OWN, "DRIFTDB_PUBLIC_URL": "https://hub.example/lab/driftdb/"}
    location = locate("a", environ=environ)
    assert page_url(location) == "https://hub.example/lab/driftdb/room/a/page"
    assert f'href="{page_url(location)}"' in page_url(location)._repr_html_()
    assert location.url == "http://127.0.0.1:8888/user/ann/driftdb/room/a"


def test_elsewhere_a_cell_links_to_the_whole_url() -> None:
    link = page_url(locate("https://rooms.example/room/abc", environ=OWN))
    assert 'href="https://rooms.example/room/abc/page"' in link._repr_html_()
