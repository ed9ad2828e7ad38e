"""Several people who type in one field at the same time: all that they type is in it."""

from __future__ import annotations

from datetime import time
from functools import partial
from operator import eq

import pytest
from playwright.sync_api import Locator, Page, expect

from driftdb_jupyter import room as python_room

from ..browser import NewWindow, become_equal
from .standalone import PageRoom

CONTROLS = [("hello", "input.driftdb-text"), ("hello\nworld", "textarea")]


@pytest.mark.parametrize(("text", "field"), CONTROLS)
def test_two_who_type_lose_no_letter(
    room: PageRoom, new_window: NewWindow, text: str, field: str
) -> None:
    room.push("text", text)
    one, two = opened(room, new_window, field), opened(room, new_window, field)
    put_caret(one, len(text))
    put_caret(two, 0)
    for letter, other in zip("abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST", strict=True):
        one.page.keyboard.press(letter)
        two.page.keyboard.press(other)
    expected = f"ABCDEFGHIJKLMNOPQRST{text}abcdefghijklmnopqrst"
    for each in (one, two):
        expect(each).to_have_value(expected)
    assert [caret(one), caret(two)] == [len(expected), 20]
    assert room.read("text") == [expected]


def test_two_who_type_in_one_text_of_a_dictionary_lose_no_letter(
    room: PageRoom, new_window: NewWindow
) -> None:
    with python_room(room.url) as here:
        form = here.dict("form", {"name": "hello", "age": 1})
        form.set(age=2).result()
        one, two = (opened(room, new_window, "input.driftdb-text") for _ in range(2))
        put_caret(one, 5)
        put_caret(two, 0)
        for letter, other in zip("abcdefghij", "ABCDEFGHIJ", strict=True):
            one.page.keyboard.press(letter)
            two.page.keyboard.press(other)
        for each in (one, two):
            expect(each).to_have_value("ABCDEFGHIJhelloabcdefghij")
        form.wait_for(lambda items: items["name"] == "ABCDEFGHIJhelloabcdefghij")


def test_three_who_write_and_take_out_in_one_line_lose_nothing(
    room: PageRoom, new_window: NewWindow
) -> None:
    room.push("text", "one two three")
    fields = [opened(room, new_window, "input.driftdb-text") for _ in range(3)]
    for each, place in zip(fields, [3, 7, 13], strict=True):
        put_caret(each, place)
    for _ in range(3):
        for each in fields:
            each.page.keyboard.press("Backspace")
    for letters in ["AKX", "BLY", "CMZ"]:
        for each, letter in zip(fields, letters, strict=True):
            each.page.keyboard.press(letter)
    become_equal(fields[0].page, *[each.input_value for each in fields])
    expect(fields[0]).to_have_value("ABC KLM thXYZ")


@pytest.mark.parametrize("at", [time(0, 30), time(0, 30, 15, 250)])
def test_a_time_is_typed_digit_by_digit_while_the_room_confirms_each(
    room: PageRoom, new_window: NewWindow, at: time
) -> None:
    with python_room(room.url) as here:
        state = here.state("at", at)
        field = opened(room, new_window, "input[type=time]")
        # A night's hour, so that it means the same where there is AM and PM.
        for digit, hour, minute in [("0", 0, 30), ("8", 8, 30), ("1", 8, 1), ("5", 8, 15)]:
            field.page.keyboard.press(digit)
            expected = at.replace(hour=hour, minute=minute)
            state.wait_for(partial(eq, expected), timeout_seconds=60)


def opened(room: PageRoom, new_window: NewWindow, field: str) -> Locator:
    page: Page = new_window()
    page.goto(room.url + "/page")
    found = page.locator(field)
    found.focus()
    return found


def put_caret(field: Locator, place: int) -> None:
    field.evaluate("(field, place) => field.setSelectionRange(place, place)", place)


def caret(field: Locator) -> int:
    place: int = field.evaluate("(field) => field.selectionStart")
    return place
