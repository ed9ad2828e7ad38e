"""The standalone server's front page: a room with one click, and the code to use it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from ..browser import NewWindow, become_equal
from ..server.processes import environment
from .axe import finds_nothing_serious
from .devices import PHONE, fits
from .standalone import PageRoom, Standalone
from .test_room_page import card


@pytest.fixture
def page(standalone: Standalone, new_window: NewWindow) -> Page:
    """The front page after a room was made there."""
    page = new_window(permissions=["clipboard-read", "clipboard-write"])
    page.goto(standalone.root)
    page.get_by_role("button", name="Make a room").click()
    expect(page.get_by_role("link", name="Open the room")).to_be_visible()
    return page


def room_of(page: Page) -> PageRoom:
    url: str = page.get_by_role("link", name="Open the room").evaluate("link => link.href")
    return PageRoom(url.removesuffix("/page"))


def code(page: Page, language: str) -> str:
    """What its button copies."""
    page.get_by_role("tab", name=language).click()
    page.get_by_role("tabpanel").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("tabpanel").get_by_role("button", name="Copied")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    return copied


def test_one_click_makes_a_room_that_is_there_after_a_reload(page: Page) -> None:
    room = room_of(page)
    room.push("slider", 5)
    page.reload()
    page.get_by_role("link", name="Open the room").click()
    expect(card(page, "slider").locator(".driftdb-field")).to_have_value("5")


def test_the_code_for_python_runs_as_it_stands(page: Page) -> None:
    python = [sys.executable, "-c", code(page, "Python")]
    subprocess.run(python, check=True, env=environment(), timeout=60)
    assert room_of(page).read("slider") == [42]


def test_the_code_for_curl_runs_as_it_stands(page: Page) -> None:
    subprocess.run(["sh", "-ec", code(page, "curl")], check=True, capture_output=True, timeout=60)
    assert room_of(page).read("slider") == [42]


def test_the_code_for_javascript_runs_as_it_stands(page: Page, new_window: NewWindow) -> None:
    other = new_window()  # a page of another origin
    with other.expect_console_message(lambda said: said.text == "42"):
        other.set_content(f"<script type=module>{code(page, 'JavaScript')}</script>")
    room = room_of(page)  # the page shows the value before the room has it
    become_equal(page, lambda: room.read("slider"), lambda: [42])


def test_the_code_for_react_has_the_room_in_it(page: Page, standalone: Standalone) -> None:
    name = room_of(page).url.rpartition("/")[2]
    assert f'api={{"{standalone.root}"}} room={{"{name}"}}' in code(page, "React")


@pytest.mark.parametrize("fragment", ["%", "x%22%20%7B...alert(1)%7D%3E", "a b"])
def test_what_is_no_room_in_the_address_is_in_no_code(
    standalone: Standalone, new_window: NewWindow, fragment: str
) -> None:
    page = new_window()
    page.goto(f"{standalone.root}#{fragment}")
    expect(page.get_by_role("tab")).to_have_count(4)
    expect(page.get_by_role("link", name="Open the room")).to_have_count(0)
    page.get_by_role("tab", name="React").click()
    expect(page.get_by_role("tabpanel")).to_contain_text('room={"ID"}')


def test_what_is_typed_and_no_room_is_said_to_be_none(page: Page) -> None:
    page.get_by_label("A room's id or link").fill("/room/%")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", name="No such room")).to_be_visible()


@pytest.mark.parametrize("given", ["{url}", "{url}/page?key=x", "{id}"])
def test_a_room_is_opened_by_its_link_or_id(page: Page, given: str) -> None:
    room = room_of(page)
    page.get_by_label("A room's id or link").fill(
        given.format(url=room.url, id=room.url.rpartition("/")[2])
    )
    page.get_by_role("button", name="Open", exact=True).click()
    page.wait_for_url(f"{room.url}/page")


def test_it_says_why_no_room_was_made(standalone: Standalone, new_window: NewWindow) -> None:
    page = new_window()
    page.route("**/new", lambda route: route.fulfill(status=429))
    page.goto(standalone.root)
    page.get_by_role("button", name="Make a room").click()
    expect(page.get_by_role("alert")).to_have_text("No room was made: the server answered 429.")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.get_by_role("tab", name="Python").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="JavaScript")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("driftdb.js")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tabpanel")).to_contain_text("SharedState")


def test_on_a_phone_all_fits(standalone: Standalone, new_window: NewWindow) -> None:
    page = new_window(**PHONE)
    page.goto(standalone.root)
    page.get_by_role("button", name="Make a room").tap()
    expect(page.get_by_role("link", name="Open the room")).to_be_visible()
    assert fits(page)


def test_axe_finds_nothing_serious(page: Page) -> None:
    finds_nothing_serious(page)
