from __future__ import annotations

import click
import pytest

from driftdb_jupyter.command.command import Command, meant
from driftdb_jupyter.command.parameter import Option
from driftdb_jupyter.command.types import Text

COMMAND = click.command(
    cls=Command,
    params=[
        Option(["-f", "--follow"], is_flag=True),
        Option(["-q"], is_flag=True),
        Option(["-n", "--lines"]),
        Option(["tail", "--Tail.lines"]),
        click.Argument(["given"], nargs=-1, type=Text()),
    ],
)(lambda **_: None)


def taken(*given: str) -> tuple[dict[str, object], list[str]]:
    """The options that were given, and the arguments."""
    params = COMMAND.make_context("do", list(given)).params
    arguments = list(params.pop("given"))
    return {name: value for name, value in params.items() if value not in (None, False)}, arguments


def refused(*given: str) -> str:
    """What is said of arguments that make no sense."""
    with pytest.raises(click.UsageError) as caught:
        taken(*given)
    return caught.value.message


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["-n2"], {"lines": "2"}),
        (["-nall"], {"lines": "all"}),
        (["-n=2"], {"lines": "2"}),
        (["-n", "-2"], {"lines": "-2"}),
        (["-n-2"], {"lines": "-2"}),
        (["-n", "=2"], {"lines": "=2"}),
        (["-fn1"], {"follow": True, "lines": "1"}),
        (["-fn", "1"], {"follow": True, "lines": "1"}),
        (["-fqn=1"], {"follow": True, "q": True, "lines": "1"}),
        (["-n=-f"], {"lines": "-f"}),
        (["--lines=-f"], {"lines": "-f"}),
        (["--lines=a=b c"], {"lines": "a=b c"}),
        (["--lines=="], {"lines": "="}),
        (["--lines="], {"lines": ""}),
        (["--lines", "--follow now"], {"lines": "--follow now"}),
        (["--Tail.lines=3", "--follow"], {"tail": "3", "follow": True}),
        (["-n1", "--lines=2"], {"lines": "2"}),
    ],
)
def test_an_option_may_be_written_in_any_usual_way(
    given: list[str], options: dict[str, object]
) -> None:
    assert taken("k", *given, "v") == (options, ["k", "v"])


@pytest.mark.parametrize(
    "given", ["-", "-5", "-.5", "- buy milk", "-see foo", "--see foo", "-1=2", "---", ""]
)
def test_a_text_that_begins_with_a_dash_is_an_argument(given: str) -> None:
    assert taken(given, "-f") == ({"follow": True}, [given])


def test_all_behind_two_dashes_are_arguments() -> None:
    assert taken("a", "--", "-f", "--", "--bogus") == ({}, ["a", "-f", "--", "--bogus"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("--bogus", "--bogus"),
        ("--follo", "--follo (did you mean --follow?)"),
        ("-follow", "-follow (did you mean --follow?)"),
        ("--Tail.bogus=1", "--Tail.bogus"),
        ("--Tail.line=1", "--Tail.line (did you mean --Tail.lines?)"),
        ("-x=1", "-x"),
        ("-ffx", "-ffx"),
        ("-a.b", "-a.b"),
    ],
)
def test_an_option_that_there_is_not_is_named(given: str, named: str) -> None:
    advice = "put -- before an argument that begins with a dash"
    assert refused("k", given) == f"there is no option {named}, see do -h; {advice}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-n"], "-n: expected a value, got none"),
        (["-fn"], "-n: expected a value, got none"),
        (["-n", "--"], "-n: expected a value, got the option --"),
        (["--lines", "-f"], "--lines: expected a value, got the option -f"),
        (["-f=1"], "-f: expected no value, got '1'"),
        (["-n=2", "-fq=1"], "-q: expected no value, got '1'"),
        (["--follow="], "--follow: expected no value, got ''"),
        (["--follow=1", "--", "--follow=2"], "--follow: expected no value, got '1'"),
        (["--follow=1", "--follow"], "--follow: expected no value, got '1'"),
        (["-fn=2", "-qf=1"], "-f: expected no value, got '1'"),
        (["--lines=1", "-fn"], "-n: expected a value, got none"),
    ],
)
def test_a_value_too_many_or_too_few_is_said(given: list[str], said: str) -> None:
    assert refused("k", *given) == said


def test_only_a_near_name_is_offered() -> None:
    assert meant("pussh", ["push", "get"]) == " (did you mean push?)"
    assert meant("bogus", ["push", "get"]) == ""
    assert meant("--durability", ["--data", "--A.durability"]) == " (did you mean --A.durability?)"
    assert meant("--LongName.limit", ["--LongName.x", "--Other.limit"]) == ""
