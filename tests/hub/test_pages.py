"""The pages of a hub's service, and of a person's own server, in Chromium."""

from __future__ import annotations

import re
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from ..browser import NewWindow
from .hub import PASSWORD, RealHub

_PATIENCE_MILLISECONDS = 60_000


def logged_in(new_window: NewWindow, hub: RealHub, name: str) -> Page:
    """A window of a browser that is logged in to the hub."""
    return opened(new_window, f"{hub.root}hub/home", name)


def opened(new_window: NewWindow, url: str, name: str) -> Page:
    """A page that somebody opens who has yet to log in."""
    page = new_window()
    page.set_default_timeout(_PATIENCE_MILLISECONDS)
    page.goto(url)
    page.fill("#username_input", name)
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    page.wait_for_url(re.compile(re.escape(url)))
    return page


def is_connected(page: Page) -> None:
    badge = page.locator(".top .driftdb-badge")
    expect(badge).to_have_attribute("data-phase", "connected", timeout=_PATIENCE_MILLISECONDS)


def card(page: Page, label: str) -> Locator:
    named = page.locator(".driftdb-label").get_by_text(label, exact=True)
    return page.locator(".card").filter(has=named)


def test_people_meet_on_the_page_of_a_room_and_one_may_only_look(
    hub: RealHub, new_window: NewWindow
) -> None:
    token, _ = hub.token("ada")
    hub.send("class", token, "slider", 5)
    url = f"{hub.rooms}room/class/page"
    ada, bob, eve = (opened(new_window, url, name) for name in ("ada", "bob", "eve"))
    for page in (ada, bob, eve):
        is_connected(page)
    card(ada, "slider").locator(".driftdb-slider").fill("42")
    for page in (bob, eve):
        expect(card(page, "slider").locator(".driftdb-field")).to_have_value("42")
    card(bob, "slider").locator(".driftdb-slider").fill("7")
    expect(card(eve, "slider").locator(".driftdb-field")).to_have_value("7")
    expect(card(eve, "slider").locator(".driftdb-slider")).to_be_disabled()


def test_whom_the_hub_does_not_let_in_learns_nothing(hub: RealHub, new_window: NewWindow) -> None:
    token, _ = hub.token("ada")
    hub.send("user:ada:there", token, "k", 1)
    page = opened(new_window, f"{hub.rooms}room/{quote('user:ada:there')}/page", "bob")
    for room in ("user:ada:there", "user:ada:not-there"):
        page.goto(f"{hub.rooms}room/{quote(room)}/page")
        expect(page.get_by_text("You have no permission to read this room.")).to_be_visible()


def test_the_inspector_and_the_front_page_work(hub: RealHub, new_window: NewWindow) -> None:
    token, _ = hub.token("ada")
    hub.send("user:ada:inspected", token, "slider", 5)
    room = quote("user:ada:inspected", "")
    page = opened(new_window, f"{hub.rooms}room/{room}/inspect", "ada")
    is_connected(page)
    expect(page.get_by_text("slider").first).to_be_visible()
    expect(page.locator(".figures")).to_contain_text("connections1")
    page.goto(hub.rooms)
    page.get_by_role("button", name="Make a room").click()
    page.get_by_role("link", name="Open the room").click()
    is_connected(page)
    assert "/room/user%3Aada%3A" in page.url


def test_the_pages_of_a_persons_own_server_work(hub: RealHub, new_window: NewWindow) -> None:
    server = hub.start_server("ada")
    page = opened(new_window, f"{server}driftdb/room/own/page", "ada")
    is_connected(page)
    page.goto(f"{server}driftdb/room/own/inspect")
    is_connected(page)
    expect(page.locator(".figures")).to_contain_text("connections1")


def test_whom_the_hub_removes_is_put_out_and_led_to_the_login(
    hub: RealHub, new_window: NewWindow
) -> None:
    page = opened(new_window, f"{hub.rooms}room/any-other/page", "mallory")
    is_connected(page)
    hub.request("DELETE", "users/mallory")
    badge = page.locator(".top .driftdb-badge")
    expect(badge).to_have_attribute("data-phase", "refused", timeout=_PATIENCE_MILLISECONDS)
    expect(page.get_by_role("alert")).to_contain_text("Your login may have ended.")
    page.get_by_role("button", name="Log in again").click()
    expect(page.locator("#username_input")).to_be_visible()
    page.fill("#username_input", "bob")
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    page.wait_for_url("**/room/any-other/page")
    is_connected(page)


def test_a_share_link_opens_a_persons_room_without_a_login(
    hub: RealHub, new_window: NewWindow
) -> None:
    token, _ = hub.token("ada")
    hub.send("user:ada:shown", token, "slider", 5)
    link = hub.share("user:ada:shown", token, role="write")
    phone = new_window()
    phone.goto(link)
    expect(card(phone, "slider").locator(".driftdb-field")).to_have_value("5")
    card(phone, "slider").locator(".driftdb-slider").fill("8")
    ada = opened(new_window, f"{hub.rooms}room/{quote('user:ada:shown')}/page", "ada")
    expect(card(ada, "slider").locator(".driftdb-field")).to_have_value("8")
    phone.goto(f"{hub.rooms}room/{quote('user:ada:shown')}/page")
    expect(phone.locator("#username_input")).to_be_visible()
