from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from driftdb_jupyter.client.values.encoding import decode, encode

COLUMN = {"columns": ["a"], "dtypes": ["object"], "data": {"a": [1, 2]}}
INDEX = {"names": [None], "dtypes": ["object"], "data": [["x", "y"]]}


def frame(**changes: Any) -> dict[str, Any]:
    return {"library": "pandas", **COLUMN, **changes}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        COLUMN,
        frame(library="os"),
        frame(library=["pandas"]),
        frame(more=1),
        frame(series="yes"),
        frame(columns=["b"]),
        frame(columns=["a", "b"]),
        frame(columns=["a", "a"]),
        frame(columns=[1.5]),
        frame(columns=[["a"]], data={"['a']": [1, 2]}),
        frame(columns="a"),
        frame(dtypes=[]),
        frame(dtypes=["object", "object"]),
        frame(data={"a": [1, 2], "b": [1, 2]}),
        frame(data={"a": {"0": 1}}),
        frame(data=[[1, 2]]),
        frame(columns=["a", "b"], dtypes=["object"] * 2, data={"a": [1], "b": [1, 2]}),
        frame(columns=[], dtypes=[], data={}, series=True),
        frame(columns=["a", "b"], dtypes=["object"] * 2, data={"a": [1], "b": [1]}, series=True),
        frame(index=INDEX | {"data": [["x"]]}),
        frame(index=INDEX | {"names": []}),
        frame(columns=["a", "a"], dtypes=["object"] * 2, data={"a": [1], "b": [1]}),
        frame(index=[1, 2]),
        frame(library="polars", index=INDEX),
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_what_only_looks_like_a_frame_stays_as_it_is(
    content: Any, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = {"$dataframe": content}
    if not installed:
        monkeypatch.setitem(sys.modules, "pandas", None)
    back = decode(json.dumps(value))
    assert isinstance(back, dict)
    assert back == value
    assert decode(encode(value)) == value


def test_the_order_of_members_says_nothing() -> None:
    value = frame(columns=["b", "a"], dtypes=["object"] * 2, data={"a": [1], "b": [2]})
    back = decode(json.dumps({"$dataframe": dict(reversed(value.items()))}))
    assert list(back.columns) == ["b", "a"]
    assert back["b"].to_list() == [2]


def test_a_frame_in_a_cell_of_a_frame_comes_back() -> None:
    inner = decode(json.dumps({"$dataframe": frame(index=INDEX)}))
    outer = decode(encode(type(inner)({"a": [inner]})))
    assert outer["a"][0].equals(inner)
