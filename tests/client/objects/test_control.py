from __future__ import annotations

import json
from datetime import date
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
        ({"control": "knob"}, r"expected a control that there is \(.*slider.*\), got 'knob'"),
        ({"control": "radio"}, "expected options= for a radio, got none"),
        ({"options": "abc"}, "expected a list or dict as options=, got the text 'abc'"),
        ({"min": 3, "max": 1}, "expected min <= max, got min=3 and max=1"),
        ({"step": 0}, "expected a step above 0, got 0"),
        ({"limit_bytes": 0}, "expected a limit_bytes above 0, got 0"),
    ],
)
def test_what_makes_no_sense_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Control.of(1, **options)
