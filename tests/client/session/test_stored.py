"""How a state's value stands in its stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from driftdb_jupyter.client.session.stored import meant, written

from ...protocol.values import json_values


@given(json_values())
def test_a_value_comes_back_as_it_was_written(value: object) -> None:
    text = json.dumps(value).encode()
    assert meant(written(text)) == text


def test_the_form_is_that_of_driftdbs_own_client() -> None:
    assert json.loads(written(b"42")) == {"v": 42, "i": ""}
    assert meant(b'{"i":"x7f3a9","v":42}') == b"42"


@pytest.mark.parametrize(
    "text", [b"7", b'"v"', b"[1]", b"{}", b'{"v":1}', b'{"v":1,"i":2}', b'{"v":1,"i":"","x":1}']
)
def test_another_form_is_a_value_as_it_is(text: bytes) -> None:
    assert meant(text) == text


def test_lone_surrogates_are_let_through() -> None:
    assert meant(b'{"v":"\\ud800","i":""}') == b'"\\ud800"'
    assert meant(b'"\\ud800"') == b'"\\ud800"'


def test_an_encoded_value_stays_encoded_next_to_a_lone_surrogate() -> None:
    assert meant(b'{"v":[{"$bytes":""},"\\ud800"],"i":""}') == b'[{"$bytes": ""}, "\\ud800"]'
