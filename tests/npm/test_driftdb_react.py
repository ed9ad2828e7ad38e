"""The classic slider page of DriftDB's documentation: ``driftdb-react`` unmodified, and our hooks.

The page with our hooks has the same source; only what ``driftdb-react`` stands for is another.
"""

from __future__ import annotations

import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from ..browser import NewWindow
from ..server.processes import Process, environment


@pytest.fixture(
    params=[(name, query) for name in ("slider", "slider-ours") for query in ("", "&binary")],
    ids=["json", "cbor", "ours", "ours-cbor"],
)
def address(request: pytest.FixtureRequest, pages: str, server: Process) -> str:
    name, query = request.param
    return f"{pages}/{name}.html?api={server.server.root}{query}"


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("#status")).to_have_text("connected")
    return page


def move(page: Page, value: int) -> None:
    page.get_by_role("slider").fill(str(value))


def shows(page: Page, value: int) -> None:
    expect(page.get_by_role("slider")).to_have_value(str(value))


def test_who_opens_the_same_url_shares_the_slider(new_window: NewWindow, address: str) -> None:
    one = opened(new_window(), address)
    assert parse_qs(urlsplit(one.url).query)["_driftdb_room"]
    two = opened(new_window(), one.url)
    move(one, 30)
    shows(two, 30)
    move(two, 60)
    shows(one, 60)
    late = opened(new_window(), one.url)
    shows(late, 60)


def test_a_page_without_the_room_in_its_url_has_its_own(
    new_window: NewWindow, address: str
) -> None:
    one, apart = opened(new_window(), address), opened(new_window(), address)
    assert one.url != apart.url
    move(one, 30)
    late = opened(new_window(), one.url)
    shows(late, 30)
    shows(apart, 0)


def test_reducer_presence_and_status_work(new_window: NewWindow, address: str) -> None:
    one = opened(new_window(), address)
    two = opened(new_window(), one.url)
    one.get_by_role("button").click()
    expect(two.get_by_role("button")).to_have_text("1")
    two.get_by_role("button").click()
    expect(one.get_by_role("button")).to_have_text("2")
    for page in (one, two):
        expect(page.locator("#others")).to_have_text("1")
        indicator = page.get_by_text("DriftDB status: Connected").or_(page.get_by_role("status"))
        expect(indicator).to_contain_text(re.compile("connected", re.IGNORECASE))


def test_pages_with_either_package_share_all(
    new_window: NewWindow, pages: str, server: Process
) -> None:
    theirs = opened(new_window(), f"{pages}/slider.html?api={server.server.root}")
    ours = opened(new_window(), theirs.url.replace("slider.html", "slider-ours.html"))
    for number, (one, other) in enumerate([(theirs, ours), (ours, theirs)], start=1):
        move(one, 10 * number)
        shows(other, 10 * number)
        one.get_by_role("button").click()
        expect(other.get_by_role("button")).to_have_text(str(number))
        expect(one.locator("#others")).to_have_text("1")


PROGRAM = """
import sys, threading
from driftdb_jupyter import SharedState

moved = threading.Event()
state = SharedState("slider", 0, room=sys.argv[1], url=sys.argv[2])
state.value = 42
state.observe(lambda change: moved.set() if change.new == 55 else None)
if state.value == 55 or moved.wait(30):
    print("moved to 55")
"""


def test_a_program_shares_the_slider_with_the_page(
    new_window: NewWindow, address: str, server: Process
) -> None:
    page = opened(new_window(), address)
    room = parse_qs(urlsplit(page.url).query)["_driftdb_room"][0]
    command = [sys.executable, "-c", PROGRAM, room, server.server.root]
    program = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    shows(page, 42)
    move(page, 55)
    assert program.communicate(timeout=60)[0] == "moved to 55\n"
