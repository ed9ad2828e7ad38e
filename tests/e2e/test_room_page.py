"""A room's page: its states as live controls, its streams as live logs, on any device."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from driftdb_jupyter import room as python_room

from ..browser import NewWindow, become_equal
from .axe import finds_nothing_serious
from .conftest import Jupyter
from .devices import HOSTILE, PHONE, fits
from .notebook import write_notebook
from .standalone import PageRoom, Standalone


def card(page: Page, label: str) -> Locator:
    named = page.locator(".driftdb-label").get_by_text(label, exact=True)
    return page.locator(".card").filter(has=named)


def opened(new_window: NewWindow, room: PageRoom, query: str = "", **options: Any) -> Page:
    page = new_window(**options)
    page.goto(f"{room.url}/page{query}")
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "connected")
    return page


def test_two_windows_change_a_value_and_a_third_finds_it(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("slider", 5)
    one, other = opened(new_window, room), opened(new_window, room)
    slider = card(one, "slider").locator(".driftdb-slider")
    slider.fill("42")
    expect(card(other, "slider").locator(".driftdb-field")).to_have_value("42")
    card(other, "slider").locator(".driftdb-slider").fill("7")
    expect(card(one, "slider").locator(".driftdb-field")).to_have_value("7")
    late = opened(new_window, room)
    expect(card(late, "slider").locator(".driftdb-field")).to_have_value("7")
    assert room.read("slider") == [7]


def test_each_key_is_shown_as_what_it_seems_to_be(new_window: NewWindow, room: PageRoom) -> None:
    room.push("number", 5)
    room.push("switch", True)
    room.push("text", "hello")
    room.push("table", [{"name": "Ann"}, {"name": "Bob"}])
    for line in ("one", "two"):
        room.push("log", line, "append")
    room.push("votes", {"reset": {"tea": 3}})
    page = opened(new_window, room)
    expect(card(page, "number").locator(".driftdb-slider")).to_be_visible()
    expect(card(page, "switch").get_by_role("switch")).to_be_checked()
    expect(card(page, "text").locator("input")).to_have_value("hello")
    expect(card(page, "table").locator("td").first).to_have_text("Ann")
    expect(card(page, "log").locator(".driftdb-line")).to_contain_text(["one", "two"])
    expect(card(page, "log").locator(".tag")).to_have_text("log")
    expect(card(page, "votes").locator("tr")).to_have_text("tea3")


def test_who_types_keeps_the_field_whatever_becomes_of_the_value(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("text", "a\nb")
    page, other = opened(new_window, room), opened(new_window, room)
    card(page, "text").locator("textarea").click()
    for key in ("Control+Home", "ArrowDown", "Home", "Backspace", "c", "d"):
        page.keyboard.press(key)
    expect(card(other, "text").locator("input.driftdb-text")).to_have_value("acdb")
    expect(card(page, "text").locator("textarea")).to_be_focused()
    page.keyboard.press("Tab")
    expect(card(page, "text").locator("input.driftdb-text")).to_have_value("acdb")


def test_a_date_is_emptied_by_who_empties_all_of_it_and_set_again(
    new_window: NewWindow, room: PageRoom
) -> None:
    day = {"$date": "2024-02-29"}
    room.push("day", day)
    page, other = opened(new_window, room), opened(new_window, room)
    field, others = (card(each, "day").locator("input[type=date]") for each in (page, other))
    expect(others).to_have_value(day["$date"])
    field.click(position={"x": 15, "y": 15})
    page.keyboard.press("Backspace")
    expect(field).to_have_value("")
    while field.evaluate("field => field === document.activeElement"):
        page.keyboard.press("Tab")
    expect(field).to_have_value(day["$date"])
    assert room.read("day") == [day]
    field.click(position={"x": 15, "y": 15})
    for _ in range(3):
        page.keyboard.press("Backspace")
        page.keyboard.press("ArrowRight")
    expect(others).to_have_value(day["$date"])
    while field.evaluate("field => field === document.activeElement"):
        page.keyboard.press("Tab")
    expect(others).to_have_value("")
    assert room.read("day") == [None]
    others.fill("2025-01-01")
    expect(field).to_have_value("2025-01-01")


def test_what_is_selected_in_a_log_stays_selected_while_lines_come(
    new_window: NewWindow, room: PageRoom
) -> None:
    for number in range(20):
        room.push("log", f"line{number}", "append")
    page = opened(new_window, room)
    log = card(page, "log")
    log.get_by_text("line19", exact=True).dblclick()
    expect(log.get_by_role("button", name="newest")).to_be_visible()
    for number in range(20, 60):
        room.push("log", f"line{number}", "append")
    expect(log.locator(".driftdb-tally")).to_have_text("60 lines")
    assert page.evaluate("String(getSelection())").strip() == "line19"
    log.get_by_role("button", name="newest").click()
    expect(log.get_by_text("line59", exact=True)).to_be_in_viewport()


def test_a_described_key_is_shown_as_it_is_meant(new_window: NewWindow, room: PageRoom) -> None:
    page = opened(new_window, room)
    options = [["Tea", "t"], ["Coffee", "c"]]
    control = {"kind": "radio", "options": options}
    room.describe("drink", "state", label="What to drink?", control=control)
    room.push("drink", "t")
    drink = card(page, "What to drink?")
    drink.get_by_label("Coffee").check()
    expect(drink.get_by_label("Coffee")).to_be_checked()
    expect(drink.locator(".tag")).to_have_attribute("title", "state")
    assert room.read("drink") == ["c"]
    room.describe("drink", "state", label="Drink", control={"kind": "dropdown", "options": options})
    expect(card(page, "Drink").locator("select")).to_have_value("1")


def test_a_stream_that_began_with_one_value_turns_into_a_log(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("build", "first", "append")
    page = opened(new_window, room)
    expect(card(page, "build").locator("input.driftdb-text")).to_have_value("first")
    room.push("build", "second", "append")
    expect(card(page, "build").locator(".driftdb-line")).to_contain_text(["first", "second"])


def test_a_log_is_as_long_as_its_stream(new_window: NewWindow, room: PageRoom) -> None:
    for number in range(5):
        room.push("bounded", f"line {number}", "append", max_length=3)
        room.push("replaced", f"line {number}", "append")
    page = opened(new_window, room)
    bounded, replaced = (card(page, name) for name in ("bounded", "replaced"))
    expect(bounded.locator(".driftdb-tally")).to_have_text("3 lines")
    for number in range(5, 10):
        room.push("bounded", f"line {number}", "append", max_length=3)
        room.push("replaced", f"line {number}")
    for log, length in ((bounded, "3 lines"), (replaced, "1 line")):
        expect(log.locator(".driftdb-line").last).to_contain_text("line 9")
        expect(log.locator(".driftdb-tally")).to_have_text(length)


def test_who_reads_a_bounded_log_stays_at_the_line(new_window: NewWindow, room: PageRoom) -> None:
    for number in range(100):
        room.push("log", f"line{number}", "append", max_length=100)
    page = opened(new_window, room)
    log = card(page, "log")
    expect(log.get_by_text("line99", exact=True)).to_be_in_viewport()
    lines = log.locator(".driftdb-lines")
    lines.evaluate("box => { box.scrollTop = 50 * 20 }")
    expect(log.get_by_role("button", name="newest")).to_be_visible()
    read = log.get_by_text("line51", exact=True)
    expect(read).to_be_in_viewport()
    before = read.bounding_box()
    for number in range(100, 120):
        room.push("log", f"line{number}", "append", max_length=100)
    page.wait_for_function("box => box.scrollTop === 30 * 20", arg=lines.element_handle())
    become_equal(page, read.bounding_box, lambda: before)


def test_a_key_that_was_deleted_leaves_unless_somebody_is_in_it(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.push("text", "hello")
    room.push("gone", 5)
    room.push("stays", 6)
    page = opened(new_window, room)
    card(page, "text").locator("input").focus()
    room.delete("text")
    room.delete("gone")
    expect(page.locator(".card")).to_have_count(2)
    expect(card(page, "gone")).to_have_count(0)
    page.keyboard.type("!")
    expect(card(page, "text").locator("input")).to_have_value("hello!")
    become_equal(page, lambda: room.read("text"), lambda: ["hello!"])
    card(page, "stays").locator("input").first.focus()
    room.delete("text")
    expect(card(page, "text")).to_have_count(0)


def test_a_key_of_the_protocol_is_shown_to_who_asks_for_it(
    new_window: NewWindow, room: PageRoom
) -> None:
    room.describe("x", "state", label="X")
    page = opened(new_window, room, "?key=$meta/x")
    expect(card(page, "$meta/x").locator(".driftdb-view")).to_contain_text('"label": "X"')
    expect(page.locator(".card")).to_have_count(1)


def test_a_channel_is_written_to_and_heard(new_window: NewWindow, room: PageRoom) -> None:
    room.describe("chat", "channel", label="Chat")
    one, other = opened(new_window, room), opened(new_window, room)
    expect(card(other, "Chat")).to_be_visible()
    card(one, "Chat").get_by_label("A message to chat").fill("hello there")
    card(one, "Chat").get_by_role("button", name="Send").click()
    for page in (one, other):
        expect(card(page, "Chat").locator(".driftdb-line")).to_contain_text("hello there")


def test_who_joins_with_a_name_is_seen_by_the_others(new_window: NewWindow, room: PageRoom) -> None:
    one, other = opened(new_window, room), opened(new_window, room)
    one.get_by_label("Your name").fill("Ada Lovelace")
    one.get_by_role("button", name="Join").click()
    expect(other.locator(".driftdb-name")).to_have_text("Ada Lovelace (guest)")
    one.get_by_role("button", name="Leave").click()
    expect(other.locator(".driftdb-nobody")).to_be_visible()


def test_what_is_changed_offline_arrives_later(new_window: NewWindow, room: PageRoom) -> None:
    room.push("slider", 5)
    away, there = opened(new_window, room), opened(new_window, room)
    expect(card(away, "slider")).to_be_visible()
    away.context.set_offline(True)
    away.evaluate("dispatchEvent(new Event('offline'))")
    card(away, "slider").locator(".driftdb-slider").fill("64")
    away.context.set_offline(False)
    away.evaluate("dispatchEvent(new Event('online'))")
    expect(card(there, "slider").locator(".driftdb-field")).to_have_value("64")


def test_who_leaves_a_page_with_unsent_changes_is_asked(
    tmp_path: Path, new_window: NewWindow
) -> None:
    server = Standalone(tmp_path)
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    with server.running():
        room = server.new_room()
        room.push("slider", 5)
        page = opened(new_window, room)
        page.on("dialog", leave)
        slider, field = (card(page, "slider").locator(f".driftdb-{n}") for n in ("slider", "field"))
        slider.press("ArrowRight")
        expect(field).to_have_value("6")
        room.push("slider", 9)  # seen when the own one has arrived
        expect(field).to_have_value("9")
        page.reload()
        assert asked == []
        expect(slider).to_be_visible()
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "reconnecting")
    slider.press("ArrowRight")
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_a_page_outlives_a_restart_of_the_server(tmp_path: Path, new_window: NewWindow) -> None:
    server = Standalone(tmp_path)
    with server.running():
        room = server.new_room()
        room.push("slider", 5)
        page = opened(new_window, room)
        expect(card(page, "slider")).to_be_visible()
    badge = page.locator(".top .driftdb-badge")
    expect(badge).to_have_attribute("data-phase", "reconnecting")
    card(page, "slider").locator(".driftdb-slider").fill("64")
    expect(badge).to_contain_text("1 write kept")
    with server.running():
        expect(badge).to_have_attribute("data-phase", "connected", timeout=30_000)
        room.push("new", "after the restart")
        expect(card(page, "new").locator("input")).to_have_value("after the restart")
        expect(card(page, "slider").locator(".driftdb-field")).to_have_value("64")
        assert room.read("slider") == [64]


def test_a_single_key_is_shown_alone(new_window: NewWindow, room: PageRoom) -> None:
    room.push("a & b", 5)
    room.push("other", 6)
    whole = opened(new_window, room)
    link = card(whole, "a & b").get_by_role("link", name="open alone: a & b")
    link.click()
    expect(whole.locator(".card")).to_have_count(1)
    expect(card(whole, "a & b").locator(".driftdb-field")).to_have_value("5")
    whole.get_by_role("link", name="Whole room").click()
    expect(whole.locator(".card")).to_have_count(2)


def test_a_key_that_comes_later_is_waited_for(new_window: NewWindow, room: PageRoom) -> None:
    page = opened(new_window, room, "?key=later")
    expect(page.locator(".empty")).to_contain_text("Nothing is under this key yet")
    room.push("later", 1)
    expect(card(page, "later")).to_be_visible()
    expect(page.locator(".empty")).to_be_hidden()


def lesson(new_window: NewWindow, root: str, framed: str) -> Page:
    """A page that has another one in a frame."""
    page = new_window()
    page.route(root + "lesson", lambda route: route.fulfill(body="<p>A lesson</p>"))
    page.goto(root + "lesson")
    frame = """url => new Promise(loaded => {
        const frame = document.createElement("iframe");
        frame.onload = loaded;
        frame.src = url;
        document.body.append(frame);
    })"""
    page.evaluate(frame, framed)
    return page


def test_a_page_of_the_same_origin_embeds_one_key(new_window: NewWindow, room: PageRoom) -> None:
    room.push("slider", 5)
    root = room.url.rpartition("room/")[0]
    page = lesson(new_window, root, f"{room.url}/page?key=slider")
    frame = page.frame_locator("iframe")
    expect(frame.locator(".driftdb-field")).to_have_value("5")
    expect(frame.locator(".top")).to_be_hidden()


def test_a_page_of_another_origin_may_not(new_window: NewWindow, room: PageRoom) -> None:
    elsewhere = room.url.rpartition("room/")[0].replace("127.0.0.1", "localhost")
    page = lesson(new_window, elsewhere, f"{room.url}/page?key=slider")
    assert page.frames[-1].url.startswith("chrome-error:")


def test_on_a_phone_all_fits_and_a_finger_moves_it(new_window: NewWindow, room: PageRoom) -> None:
    room.push("switch", False)
    room.push("slider", 0)
    for number in range(30):
        room.push("log", f"line {number} " + "with much text " * 10, "append")
    page = opened(new_window, room, **PHONE)
    card(page, "switch").get_by_role("switch").tap()
    expect(card(page, "switch").get_by_role("switch")).to_be_checked()
    slider = card(page, "slider").locator(".driftdb-slider")
    box = slider.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(card(page, "slider").locator(".driftdb-field")).to_have_value("50")
    expect(card(page, "log").locator(".driftdb-line").first).to_be_visible()
    assert fits(page)
    for target in page.locator(".button:visible, .driftdb-toggle:visible").all():
        size = target.bounding_box()
        assert size is not None
        assert size["height"] >= 30


def test_long_words_of_others_fit_on_a_phone(new_window: NewWindow, room: PageRoom) -> None:
    long = "W" * 300
    options = [[long, 1], ["short", 2]]
    for kind in ("radio", "multiselect", "dropdown"):
        room.describe(kind, "state", label=kind, control={"kind": kind, "options": options})
        room.push(kind, 1)
    room.describe("file", "state", label="file", control={"kind": "file", "description": long})
    room.push("file", {"name": long, "size": 1, "data": {"$bytes": ""}})
    room.describe("button", "state", control={"kind": "button", "label": long})
    room.push(long, long)
    room.describe("range", "state", label="range", control={"kind": "range"})
    room.push("range", [1e-100 / 3, 2e200 / 3])
    with python_room(room.url) as inside:
        inside.presence(value={"name": "W" * 5000})
        page = opened(new_window, room, **PHONE)
        expect(page.locator(".card")).to_have_count(7)
        expect(page.locator(".driftdb-name")).to_contain_text(long)
        for what in ("page", "inspect"):
            page.goto(f"{room.url}/{what}")
            expect(page.get_by_text("radio", exact=True)).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_log_wraps_on_a_phone_and_goes_back_as_far_as_there_are_lines(
    new_window: NewWindow, room: PageRoom
) -> None:
    for number in range(700):
        room.push("log", f"line {number}", "append")
    long = "a loss of 0.795 at a rate of 0.10 " * 5
    progress = {"progress": 3, "id": "p", "total": 5, "postfix": {"loss": 0.795}}
    for value in (progress, long + "END"):
        room.push("log", value, "append")
    page = opened(new_window, room, **PHONE)
    log = card(page, "log").locator(".driftdb-lines")
    newest = log.locator(".driftdb-line").last
    expect(newest).to_contain_text("END")
    expect(log).to_have_class(re.compile("driftdb-wraps"))
    assert log.evaluate("log => log.scrollWidth <= log.clientWidth")
    seen = log.bounding_box()
    last = newest.bounding_box()
    bar = log.locator(".driftdb-line").filter(has_text="loss 0.795")
    assert seen is not None
    assert last is not None
    assert last["height"] > 60
    assert last["y"] + last["height"] <= seen["y"] + seen["height"] + 1
    expect(bar).to_be_in_viewport()
    room.push("log", "and one more", "append")
    expect(newest).to_have_text(re.compile("and one more$"))
    expect(newest).to_be_in_viewport()
    first = log.locator(".driftdb-line").first
    while not (first.text_content() or "").endswith("line 0"):
        before = first.text_content()
        log.evaluate("log => { log.scrollTop = 0 }")
        expect(first).not_to_have_text(before or "")
    expect(card(page, "log").locator(".driftdb-end")).to_be_visible()


def test_a_dictionary_is_edited_and_a_reducers_value_is_read(
    new_window: NewWindow, room: PageRoom
) -> None:
    here = python_room(room.url)
    form = here.dict("form", {"name": "", "age": 0, "tags": ["a"]})
    form["age"] = 41
    here.reducer("votes", lambda votes, name: [*votes, name], []).dispatch("tea").result()
    page, other = opened(new_window, room), opened(new_window, room)
    mine, theirs = card(page, "form"), card(other, "form")
    expect(mine.locator("tr")).to_have_count(3)
    mine.get_by_label("name", exact=True).fill("Ann")
    expect(theirs.get_by_label("name", exact=True)).to_have_value("Ann")
    form["age"] = 42
    expect(theirs.get_by_label("age", exact=True)).to_have_value("42")
    form.wait_for(lambda items: items["name"] == "Ann", timeout_seconds=10)
    votes = card(page, "votes")
    expect(votes).to_contain_text("1 action since then")
    for told in ("apply", "reset", "initial"):
        expect(page.locator(".cards")).not_to_contain_text(told)
    here.close()


@pytest.mark.parametrize(
    ("colour", "ink"),
    [
        ("white", "rgb(0, 0, 0)"),
        ("navy", "rgb(255, 255, 255)"),
        ("transparent", "rgb(255, 255, 255)"),
    ],
)
def test_the_initials_of_anybody_can_be_read(
    new_window: NewWindow, room: PageRoom, colour: str, ink: str
) -> None:
    with python_room(room.url) as inside:
        inside.presence(value={"name": "Ada", "colour": colour})
        face = opened(new_window, room).locator(".driftdb-face")
        expect(face).to_have_css("color", ink)
        ground = face.evaluate("face => getComputedStyle(face).backgroundColor")
    assert re.fullmatch(r"rgb\(\d+, \d+, \d+\)", ground), "expected a colour that hides the ground"
    assert ground != ink


def test_the_keyboard_is_enough(new_window: NewWindow, room: PageRoom) -> None:
    room.push("slider", 5)
    room.push("switch", False)
    page = opened(new_window, room)
    expect(card(page, "switch")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Share")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Share")).to_be_focused()
    slider = card(page, "slider").locator(".driftdb-slider")
    while not slider.evaluate("slider => slider === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(card(page, "slider").locator(".driftdb-field")).to_have_value("6")
    switch = card(page, "switch").get_by_role("switch")
    while not switch.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(switch).to_be_checked()


def test_nothing_of_a_room_is_ever_html(new_window: NewWindow, room: PageRoom) -> None:
    room.push(HOSTILE, HOSTILE)
    room.push("object", {HOSTILE: [HOSTILE]})
    room.push("table", [{HOSTILE: HOSTILE}])
    for _ in range(2):
        room.push("log", {"message": HOSTILE, "level": "error"}, "append")
    room.describe("choice", "state", label=HOSTILE + "!", control={"options": [[HOSTILE, 1]]})
    room.push("choice", 1)
    room.describe("odd", HOSTILE, control=[HOSTILE])
    room.describe("worse", "state", control={"kind": HOSTILE, "options": {"a": 1}, "min": "x"})
    room.push("odd", 1)
    room.push("worse", 1)
    page = opened(new_window, room)
    expect(card(page, HOSTILE).locator("input")).to_have_value(HOSTILE)
    expect(card(page, HOSTILE + "!")).to_be_visible()
    expect(card(page, "odd").locator(".driftdb-slider")).to_be_visible()
    expect(card(page, "worse").locator(".driftdb-slider")).to_be_visible()
    expect(card(page, "log").locator(".driftdb-line").first).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0
    assert "broken" not in page.title()


def test_a_key_of_odd_long_or_wide_values_costs_no_other(
    new_window: NewWindow, room: PageRoom
) -> None:
    for kind in ("__proto__", "constructor"):
        room.describe(kind, "state", control={"kind": kind})
        room.push(kind, 5)
    odd = {"toString": 1}
    room.push("frame", {"$dataframe": {"columns": [odd], "data": {}}})
    room.push("many", {"$dataframe": {"columns": [""] * 160_000, "data": {}}})
    room.push("wide", [{f"k{n}": n} for n in range(1500)])
    room.push("log", {"progress": 1, "id": "a", "postfix": {"loss": odd}}, "append")
    room.push("log", "\x1b[" + "38;" * 340_000 + "m hi", "append")
    room.push("log", "\x1b[1mx" * 100_000, "append")
    room.push("log", {"level": "info", "message": "when?", "time": 1e300}, "append")
    page = opened(new_window, room)
    expect(page.locator(".card")).to_have_count(6)
    for kind in ("__proto__", "constructor"):
        expect(card(page, kind).locator(".driftdb-field")).to_have_value("5")
    expect(card(page, "frame").locator("th")).to_have_text('{"toString":1}')
    expect(card(page, "many").locator(".driftdb-more")).to_contain_text("159950 more columns")
    expect(card(page, "wide").locator("td")).to_have_count(50 * 500)
    room.push("log", "after", "append")
    lines = card(page, "log").locator(".driftdb-line")
    expect(lines).to_contain_text(['loss {"toString":1}', "hi", "x", "when?", "after"])


def test_where_only_this_machine_can_reach_it_the_page_says_what_to_do(
    new_window: NewWindow, room: PageRoom
) -> None:
    page = opened(new_window, room)
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("driftdb serve --host 0.0.0.0")
    expect(dialog.locator(".qr")).to_have_count(0)


def test_where_others_can_reach_it_there_is_a_qr_code(
    new_window: NewWindow, room: PageRoom
) -> None:
    page = new_window()

    def as_in_a_network(route: Route) -> None:
        answer = route.fetch()
        html = answer.text().replace('data-reach=""', 'data-reach="http://10.1.2.3:8080/"')
        route.fulfill(response=answer, body=html)

    page.route(f"{room.url}/page", as_in_a_network)
    page.goto(f"{room.url}/page")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="QR code of this link")).to_be_visible()
    name = room.url.rpartition("/")[2]
    link = f"http://10.1.2.3:8080/room/{name}/page"
    expect(dialog.get_by_role("link")).to_have_attribute("href", link)


def test_axe_finds_nothing_serious(new_window: NewWindow, room: PageRoom) -> None:
    room.push("slider", 5)
    room.push("switch", True)
    room.push("text", "hello")
    room.push("table", [{"name": "Ann", "votes": 3}])
    room.push("object", {"a": [1, {"b": None}]})
    for colour in range(31, 37):
        room.push("log", f"\x1b[{colour}mcolour\x1b[0m and none", "append")
    room.describe("chat", "channel", label="Chat")
    page = opened(new_window, room)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".driftdb-name")).to_have_text("Ada Lovelace (guest)")
    expect(page.locator(".card")).to_have_count(7)
    finds_nothing_serious(page)
    page.get_by_role("button", name="Share").click()
    finds_nothing_serious(page)


def test_in_jupyter_a_link_opens_the_page_with_what_the_cell_shows(jupyter: Jupyter) -> None:
    make = "from driftdb_jupyter import *\ns = SharedState('speed', 3, min=0, max=10)\ns"
    write_notebook(jupyter.folder / "n.ipynb", make, "s.room.link()")
    notebook = jupyter.open("n.ipynb")
    notebook.run_all()
    notebook.control().is_connected()
    with notebook.page.expect_popup() as opening:
        notebook.page.locator(".jp-RenderedHTML a").click()
    page = opening.value
    slider = card(page, "speed").locator(".driftdb-slider")
    expect(slider).to_have_attribute("max", "10")
    slider.fill("8")
    notebook.control().shows(8)
    with notebook.page.expect_popup() as opening:
        notebook.page.get_by_label("Open the room's page").click()
    expect(card(opening.value, "speed").locator(".driftdb-field")).to_have_value("8")
