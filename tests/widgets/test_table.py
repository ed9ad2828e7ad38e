"""A frame or a list of rows in a page without our front end."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import polars as pl
import pytest

from driftdb_jupyter.client.values.encoding import encode
from driftdb_jupyter.widgets.table import MOST_COLUMNS, MOST_ROWS, table

TABLE = '<table style="width: auto; text-align: start">'


def shown(value: object) -> str:
    return table(json.loads(encode(value))) or ""


def test_a_frame_is_a_table_with_its_index() -> None:
    frame = pd.DataFrame({"a": [1.5, None], "d": [date(2024, 2, 29), None]}, index=["x", "y"])
    frame.index.name = "k"
    assert shown(frame) == (
        TABLE + "<thead><tr><th>k</th><th>a</th><th>d</th></tr></thead><tbody>"
        "<tr><th>x</th><td>1.5</td><td>2024-02-29</td></tr>"
        "<tr><th>y</th><td></td><td></td></tr></tbody></table>"
    )


def test_a_frame_that_is_only_numbered_says_its_numbers() -> None:
    assert "<tr><th>1</th><td>b</td></tr>" in shown(pl.DataFrame({"t": ["a", "b"]}))


def test_rows_are_a_table() -> None:
    assert shown([{"a": 1}, {"b": [2], "a": True}]) == (
        TABLE + "<thead><tr><th>a</th><th>b</th></tr></thead><tbody>"
        "<tr><td>1</td><td></td></tr><tr><td>true</td><td>[2]</td></tr></tbody></table>"
    )
    assert "<th>0</th><th>1</th>" in shown([[1], [2, 3]])


def test_no_cell_or_name_is_html() -> None:
    html = shown(pd.DataFrame({"<b>": ["<script>"]}, index=["<i>"]))
    assert not {"<b>", "<script>", "<i>"} & set(html.replace(">", ">\n").split("\n"))
    assert "&lt;script&gt;" in html


def test_of_a_large_table_the_first_rows_and_columns_are_there() -> None:
    html = shown([list(range(MOST_COLUMNS + 1))] * (MOST_ROWS + 2))
    assert html.endswith("<p>… and 1 more column and 2 more rows</p>")
    assert html.count("<tr>") == MOST_ROWS + 1
    assert len(shown([["x" * 100_000]])) < 1_000


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [1],
        [[1], {}],
        "text",
        {"a": 1},
        {"$dataframe": 1},
        {"$dataframe": {"columns": ["a"], "data": {}}},
        {"$dataframe": {"columns": ["a"], "data": {"a": 5}}},
        {"$dataframe": {"columns": ["a"], "data": {"a": [1]}, "index": []}},
        {"$dataframe": {"columns": ["a"], "data": {"a": [1]}, "index": {"data": [[]]}}},
    ],
)
def test_what_is_none_is_none(value: Any) -> None:
    assert table(value) is None
