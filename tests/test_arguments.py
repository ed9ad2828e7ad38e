"""Every command ends with 2, in one line, where its arguments make no sense."""

from __future__ import annotations

import re
import subprocess

import pytest

from driftdb_jupyter.cli.commands.push import command as push

from .server.processes import COMMAND, environment

DASHES = "put -- before an argument that begins with a dash"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "push k 1 --action nope",
            "push: --action: expected one of replace, append, relay, delete, got 'nope'",
        ),
        ("push k 1 --if-seq x", "push: --if-seq: expected a whole number of at least 0, got 'x'"),
        ("watch k --timeout 0", "watch: --timeout: expected a number of at least 0.1, got '0'"),
        (
            "get k --timeout=nan",
            "get: --timeout: expected a number of at least 0.1, got 'nan'",
        ),
        (
            "append k --patience nan",
            "append: --patience: expected a number of at least 0.1, got 'nan'",
        ),
        ("watch k -n x", "watch: -n: expected a whole number of at least 0, got 'x'"),
        (
            "serve --port 99999",
            "serve: --port: expected a whole number of at least 0 and at most 65535, got '99999'",
        ),
        (
            "tail k --js",
            f"tail: there is no option --js (did you mean --json?), see driftdb tail -h; {DASHES}",
        ),
        ("tail k --bogus", f"tail: there is no option --bogus, see driftdb tail -h; {DASHES}"),
        ("push -a.b 1", f"push: there is no option -a.b, see driftdb push -h; {DASHES}"),
        ("tail k -n", "tail: -n: expected a value, got none"),
        ("get k --room", "get: --room: expected a value, got none"),
        ("tail y --json=x", "tail: --json: expected no value, got 'x'"),
        ("tail y -f=1", "tail: -f: expected no value, got '1'"),
        ("serve --DriftBD.x=1", "serve: there is no option --DriftBD.x, see driftdb serve -h"),
        (
            "serve --DriftBD.room_limits=1",
            "serve: there is no option --DriftBD.room_limits (did you mean --DriftDB.room_limit?), "
            "see driftdb serve -h",
        ),
        ("tail k -5", "tail: expected a key, got 2"),
        ("serve rooms", "serve: expected no argument, got 'rooms'"),
        ("rooms r", "rooms: expected no argument, got 'r'"),
        (
            "serve --durability x",
            "serve: there is no option --durability (did you mean --DriftDB.durability?), "
            "see driftdb serve -h",
        ),
        (
            "serve --DriftDB.room_limits=1",
            "serve: there is no option --DriftDB.room_limits (did you mean --DriftDB.room_limit?), "
            "see driftdb serve -h",
        ),
        (
            "serve --log-level loud",
            "serve: --log-level: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, or a "
            "number from 0 to 50, got 'loud'",
        ),
        (
            "serve --DriftDB.durability=x",
            "serve: --DriftDB.durability: expected one of memory, batched, synced, got 'x'",
        ),
        ("serve --DriftDB.room_limit", "serve: --DriftDB.room_limit: expected a value, got none"),
        (
            "serve --DriftDB.rate_limit_per_second=x",
            "serve: The 'rate_limit_per_second' trait of a DriftDB instance expected a float, "
            "not the str 'x'.",
        ),
        (
            "push k 1 --url x",
            "push: --url: expected one like \"http://HOST:8080/room/ID\", got 'x'",
        ),
    ],
)
def test_what_makes_no_sense_is_said(arguments: str, said: str) -> None:
    command = [*COMMAND, *arguments.split()]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"driftdb {said}\n")


def test_a_command_that_there_is_not_is_said() -> None:
    done = subprocess.run(
        [*COMMAND, "bogus"], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"driftdb: expected one of serve, new, .*, got 'bogus'\n", done.stderr)


def test_the_command_that_may_be_meant_is_named() -> None:
    done = subprocess.run(
        [*COMMAND, "appnd"], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(", got 'appnd' (did you mean append?)\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("-x", "-x"),
        ("--bogus", "--bogus"),
        ("--room x get k", "--room"),
        ("--debug get k", "--debug"),
    ],
)
def test_there_are_no_options_before_the_command(arguments: str, named: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments.split()], env=environment(), capture_output=True, text=True
    )
    said = f"driftdb: there is no option {named}, see driftdb -h\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.parametrize("key", [b"\xff", "größe".encode("latin-1")])
def test_arguments_are_in_utf8(key: bytes) -> None:
    done = subprocess.run([*COMMAND, b"get", key], env=environment(), capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"driftdb get: expected arguments in UTF-8, got ")
    assert done.stderr.count(b"\n") == 1


def test_where_the_locale_has_no_letters_that_is_said() -> None:
    plain = environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    done = subprocess.run(
        [*COMMAND, b"get", "größe".encode()], env=plain, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "LC_ALL" in done.stderr


def test_the_last_of_an_option_counts() -> None:
    context = push.make_context("push", ["k", "1", "--if-seq", "7", "--timeout=2", "--if-seq=8"])
    assert (context.params["if_seq"], context.params["timeout"]) == (8, 2.0)


def test_what_begins_with_a_dash_and_is_no_option_is_an_argument() -> None:
    words = ["k", "-1", "-", "-.5", "- buy milk", "--json", "-see foo"]
    context = push.make_context("push", words)
    assert context.params["given"] == ("k", "-1", "-", "-.5", "- buy milk", "-see foo")
    assert context.params["json"]
