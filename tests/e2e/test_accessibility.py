"""Pages for fingers, for screen readers, and for colours and directions that others chose."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from ..browser import NewWindow, become_equal
from .devices import PHONE
from .standalone import PageRoom, Standalone

OPTIONS = [["Tea", "t"], ["Coffee", "c"]]
KINDS: list[tuple[str, object, dict[str, object]]] = [
    ("switch", False, {}),
    ("slider", 3, {}),
    ("number", 3, {"kind": "number"}),
    ("text", "abc", {}),
    ("area", "abc", {"kind": "area"}),
    ("dropdown", "t", {"kind": "dropdown", "options": OPTIONS}),
    ("radio", "t", {"kind": "radio", "options": OPTIONS}),
    ("many", ["t"], {"kind": "multiselect", "options": OPTIONS}),
    ("range", [2, 6], {"kind": "range"}),
    ("colour", "#1976d2", {"kind": "colour"}),
    ("date", {"$date": "2024-02-29"}, {}),
    ("datetime", {"$datetime": "2024-02-29T12:30:00+01:00"}, {}),
    ("button", 3, {"kind": "button"}),
    ("file", None, {"kind": "file"}),
]


def everything(room: PageRoom) -> None:
    for key, value, control in KINDS:
        room.describe(key, "state", label=key, control=control)
        room.push(key, value)
    room.push("log", "a line", "append")
    room.push("log", {"level": "ERROR", "message": "it failed\nand\nhow"}, "append")
    room.describe("chat", "channel")


def card(page: Page, label: str) -> Locator:
    named = page.locator(".driftdb-label").get_by_text(label, exact=True)
    return page.locator(".card").filter(has=named)


@pytest.mark.parametrize("what", ["page", "inspect"])
def test_what_a_finger_presses_is_44_pixels_high(
    room: PageRoom, new_window: NewWindow, what: str
) -> None:
    everything(room)
    page = new_window(**PHONE)
    page.goto(f"{room.url}/{what}")
    if what == "page":
        expect(page.locator(".card")).to_have_count(len(KINDS) + 2)
    else:
        page.locator(".row").nth(0).click()
        page.locator(".push summary").click()
    small = page.evaluate(
        """() => {
            const parts = "button, a, select, textarea, input, label, summary, [role=option]";
            const seen = [...document.querySelectorAll(parts)].filter((part) => {
                const { width, height } = part.getBoundingClientRect();
                // What stands in a label is pressed with it; the label's text alone need not be.
                const inLabel = part.parentElement.closest("label") !== null;
                const pressed = !part.matches(".driftdb-label, .labelled") && !inLabel;
                return pressed && width > 0 && height > 0;
            });
            return seen.filter((part) => part.getBoundingClientRect().height < 44)
                .map((part) => part.outerHTML.slice(0, 80));
        }"""
    )
    assert small == []


def test_a_press_on_a_label_is_one_on_its_control(room: PageRoom, new_window: NewWindow) -> None:
    everything(room)
    page = new_window()
    page.goto(room.url + "/page")
    card(page, "switch").locator(".driftdb-label").click()
    expect(card(page, "switch").get_by_role("switch")).to_be_checked()
    for key in ["slider", "number", "text", "area", "dropdown", "date", "datetime"]:
        card(page, key).locator(".driftdb-label").click()
        first = card(page, key).locator("input, select, textarea").first
        expect(first).to_be_focused()


def test_where_colours_are_forced_each_state_is_seen(room: PageRoom, new_window: NewWindow) -> None:
    room.push("off", False)
    room.push("on", True)
    everything(room)
    page = new_window(forced_colors="active")
    page.goto(room.url + "/page")
    off, on = (card(page, key).locator(".driftdb-track") for key in ("off", "on"))
    assert ground(off) != ground(on)
    assert ground(off.locator(".driftdb-knob")) != ground(off)
    assert ground(on.locator(".driftdb-knob")) != ground(on)
    line = card(page, "log").locator("[data-level=error]").first
    before = line.evaluate("(line) => getComputedStyle(line, '::before').content")
    assert "error" in before
    page.goto(room.url + "/inspect")
    page.locator(".row").nth(1).click()
    rows = page.locator(".keys .row")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    assert ground(rows.nth(1)) != ground(rows.nth(0))


def test_where_colours_are_forced_the_chosen_tab_is_seen(
    standalone: Standalone, new_window: NewWindow
) -> None:
    page = new_window(forced_colors="active")
    page.goto(standalone.root)
    tabs = page.locator(".tab")
    lines = tabs.evaluate_all(
        "(tabs) => tabs.map((tab) => getComputedStyle(tab).borderBottomColor)"
    )
    assert lines[0] != lines[1] == lines[2]


def ground(part: Locator) -> str:
    """The colour behind something."""
    expect(part).to_be_visible()
    colour: str = part.evaluate("(part) => getComputedStyle(part).backgroundColor")
    return colour


def test_each_line_of_a_text_can_be_read(room: PageRoom, new_window: NewWindow) -> None:
    trace = "it failed\nTraceback (most recent call last):\r\n  File\u2028ValueError\x0bend"
    room.push("log", {"level": "ERROR", "message": trace}, "append")
    room.push("log", " 10%\r 20%", "append")
    page = new_window()
    page.goto(room.url + "/page")
    lines = page.locator(".driftdb-line")
    expect(lines).to_have_count(6)
    boxes = [each.bounding_box() for each in lines.all()]
    tops = [box["y"] for box in boxes if box is not None]
    heights = {round(below - above) for above, below in pairwise(tops)}
    assert heights == {20}
    scroll = "(lines) => lines.map((line) => line.scrollHeight - line.clientHeight)"
    assert set(lines.evaluate_all(scroll)) == {0}
    expect(lines.last).to_have_text(re.compile(r"M\s+20%$"))


def test_a_text_of_another_direction_has_its_end_at_its_left(
    room: PageRoom, new_window: NewWindow
) -> None:
    hebrew = "שלום! (1)"
    room.describe("name", "state", label=hebrew, control={"description": hebrew})
    room.push("name", hebrew)
    room.push("log", hebrew, "append")
    room.push("log", "hello! (1)", "append")
    page = new_window()
    page.goto(room.url + "/page")
    for part in [".driftdb-label >> nth=0", ".driftdb-description", "input.driftdb-text"]:
        found = page.locator(".card").first.locator(part)
        expect(found).to_be_visible()
        assert found.evaluate("(part) => getComputedStyle(part).direction") == "rtl"
    lines = page.locator(".driftdb-line")
    expect(lines).to_have_count(2)
    directions = lines.evaluate_all(
        "(lines) => lines.map((line) => getComputedStyle(line).direction)"
    )
    assert directions == ["rtl", "ltr"]


@pytest.mark.parametrize("key", [key for key, *_ in KINDS])
def test_a_wheel_over_a_control_that_has_the_focus_scrolls_the_page(
    room: PageRoom, new_window: NewWindow, key: str
) -> None:
    value, control = next((value, control) for name, value, control in KINDS if name == key)
    room.describe("0", "state", label=key, control=control)
    room.push("0", value)
    for number in range(20):
        room.push(f"more{number}", "text")
    page = new_window(viewport={"width": 400, "height": 400})
    page.goto(room.url + "/page")
    part = card(page, key).locator("input, select, textarea, button:visible").first
    expect(part).to_be_attached()
    # The page asks for this one's value after the control's, so the control has its own by then.
    room.push("last", "text")
    expect(card(page, "last").locator("input")).to_have_value("text")
    part.focus()
    box = part.bounding_box()
    assert box is not None
    shown = page.evaluate("() => document.activeElement.value")
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 150)
    become_equal(page, lambda: page.evaluate("scrollY > 0"), lambda: True)
    assert page.evaluate("() => document.activeElement.value") == shown
    expect(part).to_be_focused()
    assert room.read("0") == [value]
