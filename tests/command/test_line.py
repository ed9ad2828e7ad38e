from __future__ import annotations

import pytest

from driftdb_jupyter.command.line import take_apart

Taken = tuple[list[tuple[str, str | None]], list[str]]


def taken(*given: str) -> Taken:
    return take_apart(
        given, flags={"-f", "--follow", "-q"}, valued={"-n", "--lines", "--Tail.lines"}
    )


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["-n2"], [("-n", "2")]),
        (["-nall"], [("-n", "all")]),
        (["-n=2"], [("-n", "2")]),
        (["-n", "-2"], [("-n", "-2")]),
        (["-fn1"], [("-f", None), ("-n", "1")]),
        (["-fn", "1"], [("-f", None), ("-n", "1")]),
        (["-fqn=1"], [("-f", None), ("-q", None), ("-n", "1")]),
        (["--lines=a=b c"], [("--lines", "a=b c")]),
        (["--lines", "--follow now"], [("--lines", "--follow now")]),
        (["--Tail.lines=3", "--follow"], [("--Tail.lines", "3"), ("--follow", None)]),
    ],
)
def test_an_option_may_be_written_in_any_usual_way(
    given: list[str], options: list[tuple[str, str | None]]
) -> None:
    assert taken("k", *given, "v") == (options, ["k", "v"])


@pytest.mark.parametrize(
    "given", ["-", "-5", "-.5", "- buy milk", "-see foo", "--see foo", "-1=2", "---", ""]
)
def test_a_text_that_begins_with_a_dash_is_an_argument(given: str) -> None:
    assert taken(given, "-f") == ([("-f", None)], [given])


def test_all_behind_two_dashes_are_arguments() -> None:
    assert taken("a", "--", "-f", "--", "--bogus") == ([], ["a", "-f", "--", "--bogus"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("--bogus", "--bogus"),
        ("--follo", "--follo"),
        ("--Tail.bogus=1", "--Tail.bogus"),
        ("-x=1", "-x"),
        ("-fx", "-fx"),
        ("-a.b", "-a.b"),
    ],
)
def test_an_option_that_there_is_not_is_named(given: str, named: str) -> None:
    with pytest.raises(LookupError, match=f"^{named}$"):
        taken("k", given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-n"], "-n: expected a value, got none"),
        (["-fn"], "-n: expected a value, got none"),
        (["-n", "--"], "-n: expected a value, got the option --"),
        (["--lines", "-f"], "--lines: expected a value, got the option -f"),
        (["-f=1"], "-f: expected no value, got '1'"),
        (["--follow="], "--follow: expected no value, got ''"),
    ],
)
def test_a_value_too_many_or_too_few_is_said(given: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        taken("k", *given)
