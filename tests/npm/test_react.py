"""What our hooks can that ``driftdb-react`` can't: nothing is lost, and all end equal."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ..browser import NewWindow
from ..e2e.standalone import Standalone


@pytest.fixture
def restarting(tmp_path: Path) -> Standalone:
    return Standalone(tmp_path)


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("#status")).to_have_text("connected")
    return page


def test_hooks_hear_and_say_all_over_a_restart_of_the_server(
    new_window: NewWindow, pages: str, restarting: Standalone
) -> None:
    with restarting.running():
        one = opened(new_window(), f"{pages}/slider-ours.html?api={restarting.root}")
        two = opened(new_window(), one.url)
        one.get_by_role("slider").fill("30")
        expect(two.get_by_role("slider")).to_have_value("30")
    for page in (one, two):
        expect(page.locator("#status")).to_have_text("not connected")
    one.get_by_role("slider").fill("40")
    for page in (one, two, two):
        page.get_by_role("button").click()
    with restarting.running():
        for page in (one, two):
            expect(page.locator("#status")).to_have_text("connected", timeout=40_000)
            expect(page.get_by_role("slider")).to_have_value("40")
            expect(page.get_by_role("button")).to_have_text("3")
        for page in (one, two):
            page.close()


def test_of_many_clicks_at_once_none_is_lost(
    new_window: NewWindow, pages: str, restarting: Standalone
) -> None:
    with restarting.running():
        one = opened(new_window(), f"{pages}/slider-ours.html?api={restarting.root}")
        two = opened(new_window(), one.url)
        click = "for (let n = 0; n < 150; n += 1) document.querySelector('button').click()"
        for page in (one, two):
            page.evaluate(click)
        for page in (one, two):
            expect(page.get_by_role("button")).to_have_text("300")
        late = opened(new_window(), one.url)
        expect(late.get_by_role("button")).to_have_text("300")
        for page in (one, two, late):
            page.close()
