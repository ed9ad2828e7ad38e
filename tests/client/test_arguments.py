"""Wrong arguments of public calls are errors in words, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from driftdb_jupyter.client.arguments import check_flag, check_number, check_seconds, check_whole
from driftdb_jupyter.client.objects.binding import bind
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room

WRONG: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda here: here.state("k", 0, min="a"), TypeError, "expected a number as min=, got 'a'"),
    (lambda here: here.state("k", 0, max=True), TypeError, "expected a number as max=, got True"),
    (lambda here: here.state("k", 0, step="1"), TypeError, "expected a number as step=, got '1'"),
    (
        lambda here: here.state("k", 0, min=float("nan")),
        ValueError,
        "expected a number as min=, got nan",
    ),
    (lambda here: here.state("k", 0, label=5), TypeError, "expected a str as label=, got 5"),
    (
        lambda here: here.state("k", 0, description=5),
        TypeError,
        "expected a str as description=, got 5",
    ),
    (
        lambda here: here.state("k", 0, disabled="no"),
        TypeError,
        "expected True or False as disabled=, got 'no'",
    ),
    (
        lambda here: here.state("k", 0, limit_bytes="a"),
        TypeError,
        "expected an int as limit_bytes=, got 'a'",
    ),
    (
        lambda here: here.state("k", 0, throttle_seconds="a"),
        TypeError,
        "expected a number of seconds as throttle_seconds=, got 'a'",
    ),
    (
        lambda here: here.state("k", 0, timeout_seconds="1"),
        TypeError,
        "expected a number of seconds as timeout_seconds=, got '1'",
    ),
    (
        lambda here: here.state("k", 0, timeout_seconds=None),
        TypeError,
        "expected a number of seconds as timeout_seconds=, got None",
    ),
    (
        lambda here: here.state("k", 0, encode=5),
        TypeError,
        "expected a function as encode=, got 5",
    ),
    (
        lambda here: here.state("k", 0, decode=5),
        TypeError,
        "expected a function as decode=, got 5",
    ),
    (
        lambda here: here.state("k", 0, options=5),
        TypeError,
        "expected a list or dict as options=, got 5",
    ),
    (
        lambda here: here.state("k", "zz", options=["a", "b"]),
        ValueError,
        "expected a value that is among the options (a, b), got 'zz'",
    ),
    (
        lambda here: here.state("k", 0, options=[]),
        ValueError,
        "expected at least one choice as options=, got none",
    ),
    (
        lambda here: here.state("k", "abc", control="slider"),
        TypeError,
        "expected a number for control=\"slider\", got 'abc'",
    ),
    (lambda here: here.state("", 0), ValueError, "key: expected a name, got ''"),
    (lambda here: here.stream(""), ValueError, "key: expected a name, got ''"),
    (lambda here: here.dict("", {}), ValueError, "key: expected a name, got ''"),
    (lambda here: here.state(5), TypeError, "key: expected a str, got int"),
    (lambda here: here.state("k").observe(5), TypeError, "expected a function as the handler"),
    (lambda here: here.state("k").update(5), TypeError, "expected a function as fn, got 5"),
    (
        lambda here: here.state("k").wait_for(5),
        TypeError,
        "expected a function as the predicate, got 5",
    ),
    (
        lambda here: here.delete("k").result("a"),
        TypeError,
        "expected a number of seconds as timeout_seconds=, got 'a'",
    ),
    (lambda here: here.reducer("k", 5, {}), TypeError, "expected a function as fn, got 5"),
    (
        lambda here: here.reducer("made", lambda value, _: value).subscribe(5),
        TypeError,
        "expected a function as the handler, got 5",
    ),
    (
        lambda here: here.dict("k", 5),
        TypeError,
        "expected a dict as the initial value, got 5",
    ),
    (
        lambda here: here.dict("k", {1: 2}),
        TypeError,
        "expected names that are str in the initial value, got 1",
    ),
    (lambda here: here.dict("made").update(5), TypeError, "expected a dict as the items, got 5"),
    (lambda here: here.dict("made").set(5), TypeError, "expected a dict as the items, got 5"),
    (
        lambda here: here.dict("made").__setitem__(1, 2),
        TypeError,
        "expected names that are str in the items, got 1",
    ),
    (
        lambda here: here.stream("k", max_length="a"),
        TypeError,
        "expected an int as max_length=, got 'a'",
    ),
    (
        lambda here: here.stream("k", max_length=0),
        ValueError,
        "expected a max_length of 1 or more, got 0",
    ),
    (
        lambda here: here.stream("k", stamps=1),
        TypeError,
        "expected True or False as stamps=, got 1",
    ),
    (lambda here: here.stream("k", label=5), TypeError, "expected a str as label=, got 5"),
    (
        lambda here: here.stream("k").extend("abc"),
        TypeError,
        "expected several values, such as a list of them, got 'abc'",
    ),
    (
        lambda here: here.stream("k").extend(5),
        TypeError,
        "expected several values, such as a list of them, got 5",
    ),
    (
        lambda here: here.stream("k").compact(5),
        TypeError,
        "expected a function as summarize, got 5",
    ),
    (
        lambda here: here.stream("k").follow(timeout_seconds="a"),
        TypeError,
        "expected a number of seconds as timeout_seconds=, got 'a'",
    ),
    (lambda here: here.stream("k").progress(5), TypeError, "expected an iterable, got 5"),
    (
        lambda here: here.stream("k").progress(total="a"),
        TypeError,
        "expected an int as total=, got 'a'",
    ),
    (
        lambda here: here.pubsub("k", history=-1),
        ValueError,
        "expected a history of 0 or more, got -1",
    ),
    (
        lambda here: here.presence("k").on_join(5),
        TypeError,
        "expected a function as the handler, got 5",
    ),
    (lambda here: here.keys(5), TypeError, "expected a str as prefix=, got 5"),
    (lambda here: here.delete(5), TypeError, "expected a str as key=, got 5"),
    (lambda here: here.link(5), TypeError, "expected a str as key=, got 5"),
    (
        lambda here: here.flush("a"),
        TypeError,
        "expected a number of seconds as timeout_seconds=, got 'a'",
    ),
    (lambda here: bind(5, room=here), TypeError, "expected a widget, got 5"),  # type: ignore[arg-type]
    (lambda here: find_room(5), TypeError, "expected a str as room=, got 5"),  # type: ignore[arg-type]
    (lambda here: find_room("a", url=5), TypeError, "expected a str as url=, got 5"),  # type: ignore[arg-type]
    (
        lambda here: find_room(here.url, timeout_seconds="1"),  # type: ignore[arg-type]
        TypeError,
        "expected a number of seconds as timeout_seconds=, got '1'",
    ),
]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    WRONG,
    ids=[f"{number} {message}" for number, (_, _, message) in enumerate(WRONG)],
)
def test_a_wrong_argument_is_an_error_that_names_it_and_nothing_is_written(
    mine: Room, call: Callable[[Any], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as error:
        call(mine)
    assert message in str(error.value)
    mine.flush()
    assert not set(mine.keys()) - {"made"}
    assert not set(mine.keys("$")) - {"$meta/made"}


def test_values_of_numpy_are_taken_as_pythons_own() -> None:
    check_flag("disabled", np.bool_(True))
    for value in (np.float64(0.5), np.int64(3)):
        check_number("min", value)
        check_seconds("timeout_seconds", value)
    check_whole("max_length", np.int64(3), least=1)
    check_seconds("timeout_seconds", float("inf"))
