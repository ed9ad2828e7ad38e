"""A receipt's error is raised as if it came from where it is asked for."""

from __future__ import annotations

import traceback

import pytest

from driftdb_jupyter.client.session.receipt import Receipt
from driftdb_jupyter.protocol.errors import TooLarge


def raised_by(receipt: Receipt[None], error: type[Exception]) -> list[str]:
    """The names of the functions that the traceback names, from the receipt's on."""
    with pytest.raises(error) as caught:
        receipt.result()
    return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][1:]


def failed(error: Exception) -> Receipt[None]:
    """A receipt of what another function failed with."""

    def deep_inside() -> None:
        raise error

    receipt: Receipt[None] = Receipt()
    try:
        deep_inside()
    except Exception as raised:
        receipt.set_exception(raised)
    return receipt


def test_a_refusal_leads_to_where_it_is_asked_for_each_time() -> None:
    receipt = failed(TooLarge("expected less"))
    assert raised_by(receipt, TooLarge) == ["result"]
    assert raised_by(receipt, TooLarge) == ["result"]


def test_a_fault_of_ours_shows_where_it_is() -> None:
    assert raised_by(failed(ZeroDivisionError()), ZeroDivisionError)[-1] == "deep_inside"
