"""Pages in real browsers that connect to each other directly, with a data channel."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Error, Page

from ..browser import NewWindow
from ..e2e.standalone import Standalone

CONNECTED = "peers.connections.length === {} && peers.connections.every((peer) => peer.open)"


@pytest.fixture
def restarting(tmp_path: Path) -> Standalone:
    return Standalone(tmp_path)


def opened(page: Page, pages: str, room: str) -> Page:
    page.goto(f"{pages}/peers.html?room={room}")
    page.wait_for_function("window.peers")
    return page


def connected(page: Page, others: int) -> None:
    page.wait_for_function(CONNECTED.format(others))


def test_pages_connect_speak_without_the_server_and_see_who_leaves(
    new_window: NewWindow, pages: str, restarting: Standalone
) -> None:
    with restarting.running():
        room = restarting.new_room().url
        one, two = (opened(new_window(), pages, room) for _ in range(2))
        for page in (one, two):
            connected(page, 1)
        assert one.evaluate("peers.send({ hello: ['<b>', NaN] })") == 1
        two.wait_for_function("heard.length === 1 && heard[0].hello[0] === '<b>'")
        assert two.evaluate("Number.isNaN(heard[0].hello[1])")
        with pytest.raises(Error, match="at most 262144 bytes, got one of 300002"):
            one.evaluate("peers.send('x'.repeat(300_000))")
        three = opened(new_window(), pages, room)
        for page in (one, two, three):
            connected(page, 2)
        to = two.evaluate("peers.ownId")
        assert three.evaluate("to => peers.send('for two', to)", to) == 1
        two.wait_for_function("heard.includes('for two')")
        assert not one.evaluate("heard.includes('for two')")
        three.evaluate("peers.close()")
        for page in (one, two):
            connected(page, 1)
    # The server is gone, and they go on.
    one.wait_for_function("here.status.phase === 'reconnecting'")
    assert one.evaluate("peers.send('still here')") == 1
    two.wait_for_function("heard.includes('still here')")
    for page in (one, two, three):
        page.close()


def test_who_comes_back_is_connected_again(
    new_window: NewWindow, pages: str, restarting: Standalone
) -> None:
    with restarting.running():
        room = restarting.new_room().url
        one, two = (opened(new_window(), pages, room) for _ in range(2))
        for page in (one, two):
            connected(page, 1)
        for _ in range(3):
            two.evaluate("peers.close()")
            one.wait_for_function("peers.connections.length === 0")
            two.evaluate("meet()")
            for page in (one, two):
                connected(page, 1)
        for page in (one, two):
            page.close()
