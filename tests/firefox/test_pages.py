"""The pages that the server serves, in Firefox; in Chromium more of them is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..e2e.axe import AXE
from ..e2e.devices import HOSTILE
from ..e2e.standalone import PageRoom, Standalone
from .conftest import NewWindow
from .firefox import Window

CONNECTED = "document.querySelector('.top .driftdb-badge')?.dataset.phase === 'connected'"
LINES = "document.querySelectorAll('.card .driftdb-line')"
SLIDER, FIELD = ".card .driftdb-slider", ".card .driftdb-field"


def opened(new_window: NewWindow, url: str, **options: Any) -> Window:
    window = new_window(**options)
    window.goto(url)
    window.until(CONNECTED)
    return window


def fits_and_keeps_nobody_out(window: Window) -> None:
    assert window.run("() => document.documentElement.scrollWidth <= innerWidth")
    window.run(f"() => {{ {AXE.read_text('utf-8')} }}")
    found = window.run("() => axe.run()")
    assert [each for each in found["violations"] if each["impact"] in ("serious", "critical")] == []


def test_two_windows_change_a_value_and_a_third_finds_it(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("slider", 50)
    one, other = (opened(new_window, f"{room.url}/page") for _ in range(2))
    one.fill(FIELD, "42")
    one.press("Enter")
    other.shows(FIELD, "42")
    other.run(f"() => document.querySelector('{SLIDER}').focus()")
    other.press("ArrowRight", "ArrowRight")
    one.shows(FIELD, "44")
    opened(new_window, f"{room.url}/page").shows(FIELD, "44")
    assert room.read("slider") == [44]


def test_a_log_keeps_its_colours_and_is_never_html(new_window: NewWindow, room: PageRoom) -> None:
    room.push("build", "\x1b[31mfailed\x1b[0m", "append")
    room.push("build", HOSTILE, "append")
    window = opened(new_window, f"{room.url}/page", width=360, height=740)
    window.until(f"{LINES}.length === 2")
    text = window.run(f"() => [...{LINES}].map((line) => line.textContent)")
    for line, told in zip(text, ["failed", HOSTILE], strict=True):
        assert line.endswith(told)
    colours = window.run(
        f"() => [...{LINES}[0].querySelectorAll('*')].map((part) => getComputedStyle(part).color)"
    )
    plain = window.run(f"() => getComputedStyle({LINES}[1]).color")
    assert any(colour != plain for colour in colours)
    fits_and_keeps_nobody_out(window)


def test_a_page_outlives_a_restart_of_the_server(new_window: NewWindow, tmp_path: Path) -> None:
    server = Standalone(tmp_path)
    with server.running():
        room = server.new_room()
        room.push("slider", 5)
        window = opened(new_window, f"{room.url}/page")
        window.shows(FIELD, "5")
    window.until(CONNECTED.replace("===", "!=="))
    window.fill(FIELD, "64")
    window.press("Enter")
    with server.running():
        window.until(CONNECTED)
        window.until("document.querySelector('.driftdb-badge').textContent !== ''")
        other = opened(new_window, f"{room.url}/page")
        other.shows(FIELD, "64")


def test_the_inspector_shows_a_value_and_pushes_by_hand(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("config", {"deep": {"x": 1}})
    window = opened(new_window, f"{room.url}/inspect")
    window.click(".keys .row")
    window.until("document.querySelector('.tree')?.textContent.includes('deep')")
    window.until(
        "[...document.querySelectorAll('summary')].some((s) => /Push/.test(s.textContent))"
    )
    window.run(
        "() => [...document.querySelectorAll('summary')]"
        ".find((s) => /Push/.test(s.textContent)).click()"
    )
    window.fill(".push-form input[type=text]", "config")
    window.fill(".push-form textarea", "[true]")
    window.click(".push-form button")
    window.until("document.querySelector('.outcome').textContent.startsWith('Arrived as')")
    assert room.read("config") == [[True]]
    window.until("document.querySelector('.tree')?.textContent.includes('true')")
    fits_and_keeps_nobody_out(window)


def test_the_front_page_makes_a_room(new_window: NewWindow, standalone: Standalone) -> None:
    window = new_window()
    window.goto(standalone.root)
    window.click("main button")
    window.until("document.querySelector('a[href$=\"/page\"]')")
    fits_and_keeps_nobody_out(window)
    window.click('a[href$="/page"]')
    window.until(CONNECTED)
    assert window.url.startswith(f"{standalone.root}room/")
