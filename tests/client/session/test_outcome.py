"""An outcome's error is raised as if it came from where it is asked for."""

from __future__ import annotations

import traceback

import pytest

from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.protocol.errors import TooLarge


def raised_by(outcome: Outcome[None], error: type[Exception]) -> list[str]:
    """The names of the functions that the traceback names, from the outcome's on."""
    with pytest.raises(error) as caught:
        outcome.result()
    return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][1:]


def failed(error: Exception) -> Outcome[None]:
    """An outcome of what another function failed with."""

    def deep_inside() -> None:
        raise error

    outcome: Outcome[None] = Outcome()
    try:
        deep_inside()
    except Exception as raised:
        outcome.set_exception(raised)
    return outcome


def test_a_refusal_leads_to_where_it_is_asked_for_each_time() -> None:
    outcome = failed(TooLarge("expected less"))
    assert raised_by(outcome, TooLarge) == ["result"]
    assert raised_by(outcome, TooLarge) == ["result"]


def test_a_fault_of_ours_shows_where_it_is() -> None:
    assert raised_by(failed(ZeroDivisionError()), ZeroDivisionError)[-1] == "deep_inside"
