"""The inspector: each key of a room, its value, and all that happens there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from driftdb_jupyter import SharedState
from driftdb_jupyter import room as python_room

from ..browser import NewWindow
from .axe import finds_nothing_serious
from .conftest import Jupyter
from .devices import HOSTILE, PHONE, fits
from .notebook import write_notebook
from .standalone import PageRoom, Standalone

MANY = 5_000
FLOOD = 30_000


def opened(new_window: NewWindow, room: PageRoom, **options: Any) -> Page:
    page = new_window(**options)
    page.goto(f"{room.url}/inspect")
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "connected")
    return page


def key(page: Page, name: str) -> Locator:
    return page.locator(".keys .row").filter(has=page.get_by_text(name, exact=True))


def messages(page: Page) -> Locator:
    return page.locator(".history .row .preview")


def test_a_value_is_a_tree_that_follows_the_room(new_window: NewWindow, room: PageRoom) -> None:
    room.push("config", {"a": [1, 2], "deep": {"deeper": {"x": None}}})
    page = opened(new_window, room)
    key(page, "config").click()
    tree = page.locator(".tree")
    expect(tree).to_contain_text("deeper")
    expect(tree.get_by_text("null")).to_be_hidden()
    tree.locator("summary", has_text="deeper").click()
    expect(tree.get_by_text("null")).to_be_visible()
    room.push("config", {"a": [1, 2], "deep": {"deeper": {"x": "now text"}}})
    expect(tree.get_by_text('"now text"')).to_be_visible()


def test_the_values_of_a_stream_can_be_gone_through(new_window: NewWindow, room: PageRoom) -> None:
    for number in range(5):
        room.push("log", {"number": number}, "append")
    page = opened(new_window, room)
    key(page, "log").click()
    values = page.locator(".detail .row")
    expect(values).to_have_count(5)
    expect(page.locator(".tree")).to_contain_text("4")
    values.nth(1).click()
    expect(page.locator(".tree .leaf")).to_have_text("number1")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".tree .leaf")).to_have_text("number0")
    page.get_by_role("button", name="Newest").click()
    room.push("log", {"number": 5}, "append")
    expect(page.locator(".tree .leaf")).to_have_text("number5")
    expect(values).to_have_count(6)


def test_the_history_is_paused_searched_and_bounded_to_a_key(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("tea", 0)
    room.push("coffee", 0)
    page = opened(new_window, room)
    key(page, "tea").click()
    room.push("tea", "green")
    room.push("coffee", "black")
    expect(messages(page)).to_have_text(['"green"', '"black"'])
    page.get_by_label("Show only messages with this text").fill("GREEN")
    expect(messages(page)).to_have_text(['"green"'])
    page.get_by_label("Show only messages with this text").fill("")
    page.get_by_label("this key only").check()
    expect(messages(page)).to_have_text(['"green"'])
    page.get_by_label("this key only").uncheck()
    page.get_by_role("button", name="Pause").click()
    room.push("tea", "white")
    expect(page.locator(".history .tally")).to_contain_text("paused, 1 since")
    expect(messages(page)).to_have_count(2)
    page.get_by_role("button", name="Go on").click()
    expect(messages(page)).to_have_text(['"green"', '"black"', '"white"'])
    messages(page).first.click()
    expect(page.locator(".tree")).to_have_text('"green"')


def centre(row: Locator) -> tuple[float, float]:
    box = row.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_is_pressed_is_chosen_whatever_comes_meanwhile(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("tea", {"number": 0, "more": {"deep": {"x": 0}}})
    page = opened(new_window, room)
    key(page, "tea").click()
    tally = page.locator(".history .tally")

    def push(count: int) -> None:
        came = int(tally.inner_text().partition(" ")[0])
        for number in range(came + 1, came + count + 1):
            room.push("tea", {"number": number, "more": {"deep": {"x": number}}})
        expect(tally).to_contain_text(f"{came + count} messages came")

    push(40)
    expect(messages(page).last).to_contain_text('"number":40')
    page.mouse.move(*centre(messages(page).last))
    page.mouse.down()
    push(40)
    page.mouse.up()
    expect(page.locator(".tree .leaf").first).to_have_text("number40")
    expect(messages(page).last).to_contain_text('"number":80')
    page.get_by_role("button", name="Newest").click()
    page.mouse.move(*centre(page.locator(".tree summary", has_text="deep")))
    page.mouse.down()
    push(5)
    expect(page.locator(".tree .leaf").first).to_have_text("number85")
    page.mouse.up()
    expect(page.locator(".tree .leaf").last).to_have_text("x85")


def push_by_hand(page: Page, name: str, action: str, value: str) -> Locator:
    page.get_by_label("Key", exact=True).fill(name)
    page.get_by_label("Action").select_option(action)
    if action == "compact":
        page.get_by_label("Up to number").fill("2")
    if action != "delete":
        page.get_by_role("textbox", name="Value").fill(value)
    page.get_by_role("button", name="Push").click()
    return page.locator(".push-form .outcome")


def test_each_action_is_pushed_by_hand(new_window: NewWindow, room: PageRoom) -> None:
    page = opened(new_window, room)
    page.get_by_text("Push by hand").click()
    expect(push_by_hand(page, "log", "append", '"a"')).to_have_text("Arrived as 1.")
    expect(push_by_hand(page, "log", "append", '"b"')).to_have_text("Arrived as 2.")
    expect(push_by_hand(page, "log", "append", '"c"')).to_have_text("Arrived as 3.")
    expect(push_by_hand(page, "log", "compact", '"ab"')).to_have_text("Arrived as 2.")
    assert room.read("log") == ["ab", "c"]
    expect(push_by_hand(page, "log", "relay", "1")).to_have_text("Arrived as 4.")
    expect(push_by_hand(page, "log", "replace", '{"x": 1}')).to_have_text("Arrived as 5.")
    assert room.read("log") == [{"x": 1}]
    expect(push_by_hand(page, "log", "delete", "")).to_have_text("Arrived as 6.")
    assert room.read("log") == []
    expect(push_by_hand(page, "log", "append", "no JSON")).to_contain_text("Expected JSON")


def test_a_key_that_holds_nothing_is_listened_to(new_window: NewWindow, room: PageRoom) -> None:
    page = opened(new_window, room)
    page.get_by_placeholder("Find a key, or listen to one").fill("chat")
    page.keyboard.press("Enter")
    expect(page.locator(".detail h2")).to_have_text("chat")
    room.push("chat", "hello", "relay")
    expect(messages(page)).to_have_text(['"hello"'])


def test_what_is_shown_is_copied_as_json(new_window: NewWindow, room: PageRoom) -> None:
    room.push("config", {"a": [1, 2]})
    page = opened(new_window, room, permissions=["clipboard-read", "clipboard-write"])
    key(page, "config").click()
    expect(page.locator(".tree")).to_contain_text("a")
    page.locator(".detail").get_by_role("button", name="Copy as JSON").click()
    expect(page.locator(".detail").get_by_role("button", name="Copied")).to_be_visible()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == {"a": [1, 2]}


def test_two_inspectors_are_two_connections(new_window: NewWindow, room: PageRoom) -> None:
    page = opened(new_window, room)
    opened(new_window, room)
    expect(page.locator(".figure", has_text="connections")).to_contain_text("2")


def test_it_counts_its_own_connection_from_the_first(new_window: NewWindow, room: PageRoom) -> None:
    page = new_window()
    with page.expect_response("**/figures") as asking:
        page.goto(f"{room.url}/inspect")
    assert asking.value.json()["connections"] == 1


def test_on_a_window_of_usual_width_its_head_has_two_lines(
    new_window: NewWindow, room: PageRoom
) -> None:
    page = opened(new_window, room, viewport={"width": 1100, "height": 800})
    tops = [
        page.locator(f".top {part}").bounding_box()
        for part in (
            ".title",
            ".driftdb-badge",
            ".tools",
            ".figure:first-child",
            ".figure:last-child",
        )
    ]
    middles = [round(box["y"] + box["height"] / 2, -1) for box in tops if box is not None]
    assert middles[0] == middles[1] == middles[2] < middles[3] == middles[4]


def test_in_a_low_window_each_part_is_as_high_as_what_it_holds(
    new_window: NewWindow, room: PageRoom
) -> None:
    page = opened(new_window, room, viewport={"width": 1280, "height": 600})
    page.get_by_text("Push by hand").click()
    page.get_by_text("Who may do what").click()
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    for panel in page.locator(".push, .history").all():
        assert panel.evaluate("panel => panel.scrollHeight - panel.clientHeight") == 0
    expect(push_by_hand(page, "log", "append", '"a"')).to_have_text("Arrived as 1.")


def test_with_thousands_of_keys_one_is_found(new_window: NewWindow, room: PageRoom) -> None:
    with python_room(room.url) as inside:
        for number in range(MANY):
            inside.connection.push(
                inside.connection.listen(f"k{number}", Nobody(), keep=False), b"1", keep=True
            )
        inside.flush(60)
    page = opened(new_window, room)
    expect(page.locator(".keys .tally")).to_have_text(f"{MANY:,} in this room", timeout=30_000)
    assert page.locator(".keys .row").count() < 200
    page.get_by_placeholder("Find a key, or listen to one").fill("k4321")
    expect(page.locator(".keys .row")).to_have_count(1)
    key(page, "k4321").click()
    expect(page.locator(".tree")).to_have_text("1")
    room.push("k4321", "changed")
    expect(page.locator(".tree")).to_have_text('"changed"')


class Nobody:
    """Listens to nothing."""

    def has_news(self) -> bool:
        return False

    def deliver(self) -> None: ...

    def refused(self, error: object) -> None: ...


def test_of_a_flood_it_shows_a_sample_and_says_so(new_window: NewWindow, room: PageRoom) -> None:
    room.push("flood", 0, "append")
    page = opened(new_window, room)
    expect(key(page, "flood")).to_be_visible()
    with python_room(room.url) as inside:
        flood = inside.stream("flood")
        for start in range(0, FLOOD, 1000):
            flood.extend(list(range(start, start + 1000)))
        inside.flush(60)
    tally = page.locator(".history .tally")
    expect(tally).to_contain_text(f"{FLOOD:,} messages came", timeout=30_000)
    expect(tally).to_contain_text("too many to read: 1 of")
    # All were counted, and the page answers.
    page.get_by_role("button", name="Pause").click()
    expect(tally).to_contain_text("paused")
    key(page, "flood").click()
    expect(page.locator(".tree")).to_have_text(str(FLOOD - 1))


def test_it_goes_on_after_being_offline(new_window: NewWindow, room: PageRoom) -> None:
    room.push("tea", "green")
    page = opened(new_window, room)
    key(page, "tea").click()
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    room.push("tea", "white")
    expect(page.locator(".tree")).to_have_text('"white"')


def test_after_a_restart_of_the_server_it_says_that_something_may_be_missing(
    tmp_path: Path, new_window: NewWindow
) -> None:
    server = Standalone(tmp_path)
    with server.running():
        room = server.new_room()
        room.push("tea", "green")
        page = opened(new_window, room)
        key(page, "tea").click()
    expect(page.locator(".history .tally")).to_contain_text("the connection was lost")
    with server.running():
        badge = page.locator(".top .driftdb-badge")
        expect(badge).to_have_attribute("data-phase", "connected", timeout=30_000)
        room.push("tea", "white")
        expect(page.locator(".tree")).to_have_text('"white"')
        expect(messages(page)).to_have_text(['"white"'])


def test_the_keyboard_is_enough(new_window: NewWindow, room: PageRoom) -> None:
    room.push("a", {"x": {"y": {"z": 1}}})
    room.push("b", 2)
    page = opened(new_window, room)
    expect(key(page, "b")).to_be_visible()
    page.get_by_role("listbox", name="Keys").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail h2")).to_have_text("a")
    expect(key(page, "a")).to_have_attribute("aria-selected", "true")
    last = page.locator(".tree summary").last
    last.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tree .leaf")).to_be_visible()
    page.get_by_role("listbox", name="Keys").focus()
    page.keyboard.press("End")
    expect(page.locator(".detail h2")).to_have_text("b")


def test_nothing_of_a_room_is_ever_html(new_window: NewWindow, room: PageRoom) -> None:
    room.push(HOSTILE, {HOSTILE: HOSTILE})
    page = opened(new_window, room)
    key(page, HOSTILE).click()
    room.push(HOSTILE, [HOSTILE])
    expect(messages(page)).to_contain_text(HOSTILE.replace('"', '\\"'))
    expect(page.locator(".tree")).to_contain_text("<img")
    assert page.locator("img").count() == 0
    assert page.title().endswith("inspector")


@contextmanager
def ticking(state: SharedState) -> Iterator[None]:
    """Set a value four times a second."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.25):
            state.value = (state.value or 0) + 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_all_keys_are_heard_where_the_server_limits_the_rate(
    new_window: NewWindow, tmp_path: Path
) -> None:
    server = Standalone(tmp_path)
    with server.running():
        room = server.new_room()
        for number in range(60):
            room.push(f"k{number:02}", 0)
    limits = ("--DriftDB.rate_limit_per_second=20", "--DriftDB.rate_limit_burst=20")
    with server.running(*limits):
        page = opened(new_window, room)
        here = python_room(room.url)
        for name in ("k20", "k40", "k59"):
            state = here.state(name)
            page.get_by_placeholder("Find a key").fill(name)
            heard = key(page, name).get_by_text("/s")
            with ticking(state):
                expect(heard).to_be_visible(timeout=40_000)
        here.close()
        page.close()


def test_on_a_phone_all_fits(new_window: NewWindow, room: PageRoom) -> None:
    room.push("config", {"a": ["long " * 50]})
    page = opened(new_window, room, **PHONE)
    key(page, "config").tap()
    expect(page.locator(".tree")).to_contain_text("long")
    room.push("config", {"a": ["longer " * 50]})
    expect(messages(page)).to_have_count(1)
    page.get_by_text("Push by hand").tap()
    assert fits(page)


def test_axe_finds_nothing_serious(new_window: NewWindow, room: PageRoom) -> None:
    room.push("config", {"a": [1, "text", True, None]})
    for number in range(3):
        room.push("log", number, "append")
    page = opened(new_window, room)
    page.get_by_text("Push by hand").click()
    key(page, "config").click()
    room.push("config", {"a": [2, "text", True, None]})
    expect(messages(page)).to_have_count(1)
    messages(page).first.click()
    finds_nothing_serious(page)
    key(page, "log").click()
    expect(page.locator(".detail .row")).to_have_count(3)
    finds_nothing_serious(page)


def test_in_jupyter_a_link_and_a_badge_lead_to_the_room_that_the_cell_is_in(
    jupyter: Jupyter,
) -> None:
    make = "from driftdb_jupyter import *\ns = SharedState('speed', 3, min=0, max=10)\ns"
    write_notebook(jupyter.folder / "n.ipynb", make, "s.room.link()", "s.value")
    notebook = jupyter.open("n.ipynb")
    notebook.run_all()
    notebook.control().is_connected()
    link = notebook.page.locator(".jp-RenderedHTML a")
    badge = notebook.page.get_by_label("Open the room's page")
    for opens, value in ((link, 5), (badge, 6)):
        with notebook.page.expect_popup() as opening:
            opens.click()
        page = opening.value
        page.get_by_role("link", name="Inspect").click()
        expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "connected")
        key(page, "speed").click()
        expect(page.locator(".tree")).to_have_text(notebook.control().field.input_value())
        notebook.control().set(value)
        expect(page.locator(".tree")).to_have_text(str(value))
    page.get_by_text("Push by hand").click()
    expect(push_by_hand(page, "speed", "replace", "8")).to_contain_text("Arrived")
    notebook.control().shows(8)
    notebook.run(2)
    expect(notebook.output(2)).to_have_text("8")
