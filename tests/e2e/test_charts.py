"""Charts on a room's page: of numbers that come, of what was asked for, and for everybody."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from ..browser import NewWindow
from .axe import finds_nothing_serious
from .devices import PHONE, fits
from .standalone import PageRoom

ROWS = [{"step": step, "loss": 2 / (1 + step), "accuracy": step / 100} for step in range(20)]


def card(page: Page, label: str) -> Locator:
    return page.locator(".card").filter(has=page.locator(".driftdb-label", has_text=label))


def test_numbers_are_a_chart_that_follows_with_the_text_a_click_away(
    room: PageRoom, new_window: NewWindow
) -> None:
    page = new_window()
    page.goto(f"{room.url}/page")
    room.push("training", ROWS[0], "append")
    expect(card(page, "training")).to_be_visible()
    for row in ROWS[1:4]:
        room.push("training", row, "append")
    chart = card(page, "training")
    expect(chart.locator(".uplot canvas")).to_be_visible()
    loss = chart.get_by_role("button", name="loss")
    expect(loss).to_contain_text("0.5")
    room.push("training", {"step": 4, "loss": 0.25}, "append")
    expect(loss).to_contain_text("0.25")
    loss.click()
    expect(loss).to_have_attribute("aria-pressed", "false")
    # By keys: what is there is read out, and shown.
    plot = chart.get_by_role("img", name=re.compile("Chart of training. loss: 5 points"))
    plot.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".driftdb-where")).to_have_text("step 2")
    expect(page.locator(".driftdb-announced")).to_contain_text("accuracy 0.02")
    page.keyboard.press("+")
    chart.get_by_role("button", name="Follow").click()
    expect(chart.get_by_role("button", name="Hold")).to_be_visible()
    chart.get_by_role("button", name="Table").click()
    expect(chart.get_by_role("region", name="training as a table")).to_contain_text("0.25")
    with page.expect_download() as saved:
        chart.get_by_role("button", name="Save as PNG").click()
    assert saved.value.suggested_filename == "training.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    chart.get_by_role("button", name="Text").click()
    expect(chart.locator(".driftdb-line").first).to_contain_text('"loss":2')
    expect(chart.locator(".uplot canvas")).to_be_hidden()
    # Nothing is drawn behind the text, and all of it once the chart is in view again.
    accuracy = chart.locator(".driftdb-series", has_text="accuracy")
    room.push("training", {"step": 5, "accuracy": 0.75}, "append")
    expect(chart.locator(".driftdb-line").last).to_contain_text("0.75")
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    expect(accuracy).not_to_contain_text("0.75")
    chart.get_by_role("button", name="Chart", exact=True).click()
    expect(accuracy).to_contain_text("0.75")


def test_what_was_asked_for_is_shown_alike_alone_and_to_everybody(
    room: PageRoom, new_window: NewWindow
) -> None:
    page = new_window()
    for row in ROWS:
        room.push("training", row, "append")
    look = {"y": ["loss"], "smoothing": 0.6, "log_y": True}
    room.describe("training", "stream", label="Training", chart=look)
    votes = {"kind": "chart", "chart": {"kind": "bar"}}
    room.push("votes", {"Paris": 3, '<b id="x">Lyon</b>': 1})
    room.describe("votes", "state", label="Capital?", control=votes)
    for url in (f"{room.url}/page", f"{room.url}/page?key=training"):
        page.goto(url)
        chart = card(page, "Training")
        expect(chart.locator(".uplot canvas")).to_be_visible()
        expect(chart.get_by_role("button", name="loss")).to_be_visible()
        expect(chart.get_by_role("button", name="accuracy")).to_have_count(0)
        expect(chart.get_by_role("slider", name="Smooth")).to_have_value("0.6")
    page.goto(f"{room.url}/page")
    bars = card(page, "Capital?").get_by_role("table", name="Capital?").get_by_role("row")
    expect(bars).to_contain_text(["Paris", '<b id="x">Lyon</b>'])
    room.push("votes", {"Paris": 3, "Lyon": 4})
    expect(bars.nth(1)).to_contain_text(re.compile("Lyon.*4"))
    expect(card(page, "Training").locator(".driftdb-chart-summary table")).to_have_count(1)
    finds_nothing_serious(page)


def test_a_chart_fits_on_a_phone_and_fingers_zoom_it(room: PageRoom, new_window: NewWindow) -> None:
    page = new_window(**{**PHONE, "viewport": {"width": 360, "height": 740}})
    for row in ROWS:
        room.push("training", row, "append")
    page.goto(f"{room.url}/page")
    chart = card(page, "training")
    plot = chart.locator(".driftdb-plot")
    expect(chart.locator(".uplot canvas")).to_be_visible()
    assert fits(page)
    for button in chart.locator(".driftdb-tool:visible, .driftdb-tab").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    plot.evaluate(
        """(plot) => {
          const { left, top, width } = plot.getBoundingClientRect();
          const finger = (type, pointerId, share) => plot.dispatchEvent(new PointerEvent(type, {
            bubbles: true, pointerType: "touch", pointerId,
            clientX: left + share * width, clientY: top + 50,
          }));
          finger("pointerdown", 1, 0.4);
          finger("pointerdown", 2, 0.6);
          finger("pointermove", 1, 0.2);
          finger("pointermove", 2, 0.8);
          finger("pointerup", 1, 0.2);
          finger("pointerup", 2, 0.8);
        }"""
    )
    chart.get_by_role("button", name="Follow").click()
    expect(chart.get_by_role("button", name="Hold")).to_be_visible()
