from __future__ import annotations

import pytest

from .shell import Shell


def test_a_room_that_is_not_there_has_a_status_of_its_own(server_url: str) -> None:
    for arguments in (["get", "k"], ["push", "k", "1"], ["tail", "k"]):
        refused = Shell(f"{server_url}room/none").run(*arguments)
        assert refused.returncode == 3
        assert "there is no such room" in refused.stderr


@pytest.mark.parametrize("arguments", [["get", "k"], ["push", "k", "1"], ["inspect"]])
def test_so_has_a_server_that_is_not_there(arguments: list[str]) -> None:
    refused = Shell("http://127.0.0.1:9/room/r").run(*arguments)
    assert refused.returncode == 4
    assert "nothing answers at http://127.0.0.1:9/" in refused.stderr


def test_a_token_goes_to_the_server_and_nowhere_else(server_url: str) -> None:
    refused = Shell("").run("get", "k", f"--room={server_url}room/r?token=s3cret")
    assert refused.returncode == 2
    assert "s3cret" not in refused.stderr + refused.stdout


@pytest.mark.parametrize("arguments", [["--bogus", "1"], ["--bogus=1"], ["--jsno"]])
def test_an_option_that_there_is_not_ends_it(shell: Shell, arguments: list[str]) -> None:
    refused = shell.run("get", "k", *arguments)
    assert refused.returncode == 2
    assert f"there is no option {arguments[0].partition('=')[0]}" in refused.stderr


def test_what_looks_like_an_option_may_be_a_value(shell: Shell) -> None:
    shell.prints("push", "k", "--text", "--", "--bogus")
    assert shell.prints("get", "k") == "--bogus\n"


def test_a_setting_that_is_none_is_named(shell: Shell) -> None:
    shell.environment["DRIFTDB_QUEUE_LIMIT_COUNT"] = "many"
    refused = shell.run("get", "k")
    assert refused.returncode == 2
    assert "DRIFTDB_QUEUE_LIMIT_COUNT: expected a positive int, got 'many'" in refused.stderr
