"""How charts look is checked, and told to the room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from driftdb_jupyter.client.objects.chart import ChartStyle
from driftdb_jupyter.client.room import Room

from ...conformance.servers import Server, standalone
from ..served import another, come_true, description, fresh_room


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone() as server:
        yield server


@pytest.fixture
def mine(server: Server) -> Iterator[Room]:
    with fresh_room(server.root) as mine:
        yield mine


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"kind": "lines"},
            ValueError,
            "expected one of line, points, bar, histogram as kind=, got 'lines'. "
            "Did you mean 'line'?",
        ),
        (
            {"kind": ["bar"]},
            ValueError,
            "expected one of line, points, bar, histogram as kind=, got ['bar'].",
        ),
        ({"x": 3}, TypeError, "expected a str as x=, got 3"),
        ({"y": 3}, TypeError, "expected a column, or a list of columns, as y=, got 3"),
        ({"y": b"loss"}, TypeError, "expected a column, or a list of columns, as y=, got b'loss'"),
        ({"y": ["a", 3]}, TypeError, "expected a str as each column of y=, got 3"),
        ({"y": []}, ValueError, "expected at least one column as y=, got none"),
        ({"log_x": 1}, TypeError, "expected True or False as log_x=, got 1"),
        ({"log_y": "yes"}, TypeError, "expected True or False as log_y=, got 'yes'"),
        ({"smoothing": "0.9"}, TypeError, "expected a number as smoothing=, got '0.9'"),
        ({"smoothing": 1}, ValueError, "expected a smoothing from 0 to below 1, got 1"),
        (
            {"smoothing": float("nan")},
            ValueError,
            "expected a smoothing from 0 to below 1, got nan",
        ),
        ({"bins": 2.5}, TypeError, "expected an int as bins=, got 2.5"),
        ({"bins": 501}, ValueError, "expected a number of bins up to 500, got 501"),
        ({"window": 0}, ValueError, "expected a window above 0, got 0"),
        (
            {"smoothing": 10**9},
            ValueError,
            "expected a smoothing from 0 to below 1, got 1000000000",
        ),
        ({"window": float("inf")}, ValueError, "expected a window above 0, got inf"),
    ],
)
def test_what_makes_no_sense_is_said(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        ChartStyle.of(**given)
    assert str(raised.value) == message


@pytest.mark.parametrize("name", ["bins", "smoothing", "window"])
def test_a_number_beyond_all_that_can_be_drawn_makes_no_sense(name: str) -> None:
    for number in (10**400, 10**5000):
        given: dict[str, Any] = {name: number}
        with pytest.raises(ValueError, match=f"expected a (number of )?{name} .+, got "):
            ChartStyle.of(**given)


def test_the_room_is_told_what_was_asked_for_and_no_more(mine: Room) -> None:
    log, other = mine.stream("log", label="Training"), mine.stream("other")
    log.chart("step", ["loss", "loss"], smoothing=0.5, log_y=True, streams=[other, log])
    assert description(mine, "log") == {
        "kind": "stream",
        "label": "Training",
        "chart": {
            "kind": "line",
            "x": "step",
            "y": ["loss"],
            "smoothing": 0.5,
            "log_y": True,
            "streams": ["other"],
        },
    }
    log.label = "Another"
    log.chart(kind="histogram", bins=10, streams=other)
    chart = {"kind": "histogram", "bins": 10, "streams": ["other"]}
    assert description(mine, "log") == {"kind": "stream", "label": "Another", "chart": chart}
    log.label = "A third"
    assert description(mine, "log")["chart"] == chart


def test_a_state_is_told_to_be_shown_as_a_chart(mine: Room) -> None:
    votes = mine.state("votes", {"Paris": 2}, label="Capital?")
    chart = votes.chart()
    told = description(mine, "votes")
    assert (told["kind"], told["label"]) == ("state", "Capital?")
    assert (told["control"]["kind"], told["control"]["chart"]) == ("chart", {"kind": "bar"})
    assert repr(chart) == f"Chart({votes!r}, kind='bar')"
    votes.label = "And now?"
    assert description(mine, "votes")["control"]["chart"] == {"kind": "bar"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"y": "los"},
            "expected one of 'step', 'name', 'loss' as y=, got 'los'. Did you mean 'loss'?",
        ),
        ({"x": "epoch"}, "expected one of 'step', 'name', 'loss' as x=, got 'epoch'."),
        ({"y": "name"}, "expected a column of numbers as y=, got 'name', which has none"),
    ],
)
def test_a_column_that_the_values_dont_have_is_said(
    mine: Room, given: dict[str, Any], message: str
) -> None:
    rows = [{"step": 1, "loss": 0.5}, {"step": 2, "name": "a"}]
    log = mine.stream("log")
    log.chart(**given)  # nobody knows yet what comes
    log.extend(rows).result()
    for shared in (log, mine.state("rows", rows)):
        with pytest.raises(ValueError, match=re.escape(message)):
            shared.chart(**given)
    log.chart("time", "loss")  # when the server got them


def test_a_column_that_is_rare_is_found_wherever_it_is(mine: Room) -> None:
    rows: list[dict[str, Any]] = [{"step": 0, "val_loss": 1.5}]
    rows += [{"step": step, "loss": 0.1, "val_loss": None} for step in range(1, 500)]
    log = mine.stream("log")
    log.extend(rows).result()
    for shared in (log, mine.state("rows", rows)):
        shared.chart("step", "val_loss")


def test_a_column_may_have_numbers_yet_where_it_has_nothing_so_far(mine: Room) -> None:
    log = mine.stream("log")
    log.append({"step": 1, "val_loss": None}).result()
    log.chart("step", "val_loss")


def test_columns_are_those_of_what_travels(mine: Room) -> None:
    def fails(value: Any) -> Any:
        raise RuntimeError("it cannot be read")

    def hook(value: Any) -> Any:
        return {"decibels": value["loss"] * 10}

    plain = mine.stream("log")
    plain.append({"loss": 2.0, "at": None}).result()
    for decode in (hook, fails):
        log = mine.stream("log", decode=decode)
        log.chart(y="loss")
        with pytest.raises(ValueError, match="expected one of 'loss', 'at' as y="):
            log.chart(y="decibels")
        mine.state("rows", [{"loss": 1}], decode=decode).chart(y="loss")


def test_a_value_of_another_kind_hides_no_columns(mine: Room) -> None:
    log = mine.stream("log")
    log.extend([{"loss": 2.0}, float("nan"), "text", None]).result()
    log.chart(y="loss")
    with pytest.raises(ValueError, match="expected one of 'loss' as y=, got 'los'"):
        log.chart(y="los")


def test_of_very_many_columns_the_first_are_named(mine: Room) -> None:
    log = mine.stream("log")
    log.append({f"c{number}": 1 for number in range(1000)}).result()
    with pytest.raises(ValueError, match="'c19', … as y=, got 'other'"):
        log.chart(y="other")


def test_numbers_have_no_columns(mine: Room) -> None:
    log = mine.stream("log")
    log.extend([1, 2.5]).result()
    with pytest.raises(
        ValueError, match="expected values that are dicts for y='loss', got numbers"
    ):
        log.chart(y="loss")
    log.chart()


def test_a_frame_has_its_columns(mine: Room) -> None:
    pandas = pytest.importorskip("pandas")
    frame = mine.state("frame", pandas.DataFrame({"who": ["a"], "n": [1]}))
    frame.chart("who", "n")
    with pytest.raises(ValueError, match="expected one of 'who', 'n' as y=, got 'm'"):
        frame.chart(y="m")
    with pytest.raises(ValueError, match="expected a column of numbers as y=, got 'who'"):
        frame.chart(y="who")


def test_columns_of_several_levels_are_called_as_the_page_calls_them(mine: Room) -> None:
    pandas = pytest.importorskip("pandas")
    levels = pandas.MultiIndex.from_tuples([("v", "sum"), ("v", "mean")])
    state = mine.state("levels", pandas.DataFrame([[1, 2.0]], columns=levels))
    state.chart(y="v / sum")
    with pytest.raises(ValueError, match="expected one of 'v / sum', 'v / mean' as y="):
        state.chart(y="v")


def test_streams_in_one_chart_are_of_one_room(mine: Room, server: Server) -> None:
    log = mine.stream("log")
    for wrong in ("other", 3, {"a": log}):
        with pytest.raises(TypeError, match="expected a Stream, or a list of them, as streams="):
            log.chart(streams=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a Stream as each of streams=, got 'other'"):
        log.chart(streams=["other"])  # type: ignore[list-item]
    with fresh_room(server.root) as theirs:
        message = "expected streams of the room .+ as streams=, got one of"
        with pytest.raises(ValueError, match=message):
            log.chart(streams=theirs.stream("log"))
    many = [mine.stream(f"log {n}") for n in range(9)]
    with pytest.raises(ValueError, match="expected at most 8 streams beside it, got 9"):
        log.chart(streams=many)


def test_a_chart_is_removed_for_everybody(mine: Room) -> None:
    log, speed = mine.stream("log"), mine.state("speed", 3, min=0)
    log.chart(smoothing=0.5).remove()
    speed.chart(kind="line").remove()
    assert "chart" not in description(mine, "log")
    control = description(mine, "speed")["control"]
    assert (control["kind"], control["min"], "chart" in control) == (None, 0, False)


def test_a_chart_that_another_asked_for_is_removed_by_one_of_the_own(mine: Room) -> None:
    mine.stream("log").chart(smoothing=0.5)
    mine.state("votes", {"a": 1}, label="Votes").chart()
    mine.flush()
    there = another(mine)
    there.stream("log").chart().remove()
    there.state("votes").chart().remove()
    there.flush()
    come_true(mine, lambda: "chart" not in description(mine, "log"))
    told = description(mine, "votes")
    assert (told["label"], told["control"]["kind"]) == ("Votes", None)
    assert "chart" not in told["control"]
    there.close()
