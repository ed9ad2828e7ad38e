"""docs/values.md shows each encoding as it is written and read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas
import pytest

from driftdb_jupyter.client.values import scalars
from driftdb_jupyter.client.values.encoding import decode, encode

PAGE = (Path(__file__).parents[2] / "docs" / "values.md").read_text("utf-8")
SHOWN = re.findall(r'`(\{"\$\w+":[^…`]+\})`', PAGE)
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", SHOWN)
def test_an_encoding_is_as_the_table_shows_it(text: str) -> None:
    value = decode(text)
    assert not isinstance(value, dict)
    assert encode(value).decode() == text


def test_every_encoding_is_in_the_table() -> None:
    assert {next(iter(json.loads(text))) for text in SHOWN} == scalars.DECODERS.keys()


@pytest.mark.parametrize("text", BLOCKS)
def test_an_array_or_a_frame_is_as_the_page_shows_it(text: str) -> None:
    value = decode(text)
    assert not isinstance(value, dict)
    if int(pandas.__version__.split(".")[0]) < 3:  # where text was an object yet
        text = text.replace('"dtype": "str"', '"dtype": "object"')
    assert json.loads(encode(value)) == json.loads(text)
