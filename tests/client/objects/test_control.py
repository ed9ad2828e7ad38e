from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from driftdb_jupyter.client.objects.control import Control
from driftdb_jupyter.protocol.errors import EncodingError


@pytest.mark.parametrize(
    ("initial", "options", "kind"),
    [
        (1, {}, None),
        ("a", {"options": ["a", "b"]}, "dropdown"),
        (["a"], {"options": ["a", "b"]}, "multiselect"),
        ("a", {"options": ["a", "b"], "control": "radio"}, "radio"),
        ((1, 2), {"min": 0, "max": 9}, "range"),
        ([1, 2], {}, None),
        (0, {"control": "button"}, "button"),
    ],
)
def test_a_kind_follows_from_the_value_and_the_arguments(
    initial: Any, options: dict[str, Any], kind: str | None
) -> None:
    assert Control.of(initial, **options).kind == kind


def test_choices_are_told_as_the_room_has_them() -> None:
    asked = Control.of(None, options={"today": date(2024, 2, 29), "never": None})
    assert json.loads(asked.text())["options"] == [
        ["today", {"$date": "2024-02-29"}],
        ["never", None],
    ]
    assert json.loads(Control.of(1, options=[1, 2.5]).text())["options"] == [["1", 1], ["2.5", 2.5]]
    mine = Control.of(None, options={"ab": {"b", "a"}}, encode=sorted)
    assert json.loads(mine.text())["options"] == [["ab", ["a", "b"]]]


def test_a_choice_without_an_encoding_is_named() -> None:
    message = r"value\['options'\]\[0\]\[1\]: expected sorted.*, got set"
    with pytest.raises(EncodingError, match=message):
        Control.of(None, options={"both": {1, 2}}).text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": "knob"}, r"expected one of .*slider.* as control=, got 'knob'"),
        ({"control": "radio"}, "expected options= for a radio, got none"),
        ({"min": 3, "max": 1}, "expected min <= max, got min=3 and max=1"),
        ({"step": 0}, "expected a step above 0, got 0"),
        ({"limit_bytes": 0}, "expected a limit_bytes of 1 or more, got 0"),
    ],
)
def test_what_makes_no_sense_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Control.of(1, **options)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("slider", [1, 2.5, Decimal(1)], ["abc", True, [1]]),
        ("number", [1], ["1", False]),
        ("button", [0], ["pressed"]),
        ("range", [[1, 2]], [[1], ["a", "b"], 1]),
        ("text", ["a"], [1, ["a"]]),
        ("area", ["a"], [1]),
        ("toggle", [True], [1, "yes"]),
        ("colour", ["#1f77b4", "#ABCDEF"], ["notacolour", "red", "#fff", 5]),
        ("date", [date(2024, 2, 29), "2024-02-29"], ["hello", datetime(2024, 2, 29), 5]),
        ("datetime", [datetime(2024, 2, 29), "2024-02-29T01:02:03Z"], ["hello", 5]),
        ("time", [time(1, 2), "01:02"], ["hello", 5]),
        ("table", [[1], "a"], []),
        ("view", ["a", 1], []),
    ],
)
def test_a_control_is_for_values_that_it_can_show(
    kind: Any, right: list[Any], wrong: list[Any]
) -> None:
    control = Control.of(None, control=kind)
    for value in [None, *right]:
        control.check_value(value)
    for value in wrong:
        with pytest.raises((TypeError, ValueError), match=f'for control="{kind}", got '):
            control.check_value(value)


def test_a_value_is_one_of_the_choices() -> None:
    one = Control.of(None, options={"today": date(2024, 2, 29), "one": 1})
    for value in (None, date(2024, 2, 29), 1.0):
        one.check_value(value)
    with pytest.raises(ValueError, match=r"among the options \(today, one\), got 'today'"):
        one.check_value("today")
    many = Control.of([], options=["a", "b"])
    many.check_value(["b", "a"])
    with pytest.raises(ValueError, match="got 'c'"):
        many.check_value(["a", "c"])
    with pytest.raises(TypeError, match="expected a list of choices as the value, got 'a'"):
        many.check_value("a")


def test_a_control_that_nobody_asked_for_refuses_no_value() -> None:
    weights = Control.of([0.1, 0.2, 0.7], min=0, max=1)
    weights.check_value([0.1, 0.2, 0.7])
    assert weights.kind is None
    assert Control.of([1, 2], min=0, max=9).kind == "range"
    pair = Control.of((1, 2), options={"a": (1, 2), "b": (3, 4)})
    pair.check_value([1, 2])
    assert pair.kind == "dropdown"
    assert Control.of([1], options=[1, 2]).kind == "multiselect"
