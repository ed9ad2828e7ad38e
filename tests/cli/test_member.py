from __future__ import annotations

import asyncio
import signal
import ssl
from pathlib import Path

import pytest

from ..certificates import CERTIFICATE
from ..conformance.servers import standalone
from ..faults.host import hosting
from .shell import Shell


def test_a_room_that_is_not_there_has_a_status_of_its_own(server_url: str) -> None:
    for arguments in (["get", "k"], ["push", "k", "1"], ["tail", "k"]):
        refused = Shell(f"{server_url}room/none").run(*arguments)
        assert refused.returncode == 3
        assert "there is no such room" in refused.stderr
        assert "Python" not in refused.stderr


@pytest.mark.parametrize(
    "arguments", [["get", "k"], ["inspect"], ["tail", "k"], ["push", "k", "1", "--timeout=0.3"]]
)
def test_so_has_a_server_that_is_not_there(arguments: list[str]) -> None:
    refused = Shell("http://127.0.0.1:9/room/r").run(*arguments)
    assert refused.returncode == 4
    assert refused.stderr == (
        f"driftdb {arguments[0]}: nothing answers at http://127.0.0.1:9/ (Connection refused). "
        "Is the server running, and is the URL right?\n"
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "command",
    [
        "push k 1 --timeout=60",
        "new --timeout=60",
        "append k",
        "inspect --timeout=60",
        "tail k --timeout=60",
    ],
)
async def test_a_server_that_is_yet_to_come_is_waited_for(tmp_path: Path, command: str) -> None:
    async with hosting(tmp_path, "--named-rooms", later=True) as host:
        shell = Shell("r", DRIFTDB_URL=host.url)
        with shell.started(*command.split()) as process:
            assert process.stderr is not None
            told = await asyncio.to_thread(process.stderr.readline)
            assert b": waiting for the server: nothing answers at " in told
            await host.start()
            out, err = await asyncio.to_thread(process.communicate, b"line\n", 60)
        assert (process.returncode, err) == (0, b"")
        assert out if command.startswith("new") else True


def test_what_does_not_pass_by_itself_is_not_waited_for() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    with standalone(tls=tls) as server:
        for command in ("push k 1", "append k"):
            refused = Shell(f"{server.root}room/r").run(*command.split())
            assert refused.returncode == 4
            assert "no trusted connection" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1


def test_who_is_asked_to_end_does_not_wait_for_a_server() -> None:
    shell = Shell("http://127.0.0.1:9/room/r")
    with shell.started("append", "k") as process:
        assert process.stderr is not None
        assert b"waiting for the server" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert process.stderr.read() == b""


@pytest.mark.asyncio
async def test_so_is_one_that_does_not_answer(tmp_path: Path) -> None:
    async with hosting(tmp_path, "--named-rooms") as host:
        shell = Shell("r", DRIFTDB_URL=host.url, DRIFTDB_CONNECT_TIMEOUT_SECONDS="0.5")
        host.signal(signal.SIGSTOP)
        with shell.started("push", "k", "1", "--timeout=60") as process:
            assert process.stderr is not None
            told = await asyncio.to_thread(process.stderr.readline)
            assert b": waiting for the server: nothing answers at " in told
            host.signal(signal.SIGCONT)
            assert await asyncio.to_thread(process.wait, 60) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("command", ["new", "get k", "push k 1", "tail k", "append k --patience=1"])
async def test_silence_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    async with hosting(tmp_path, "--named-rooms") as host:
        shell = Shell("r", DRIFTDB_URL=host.url)
        host.signal(signal.SIGSTOP)
        arguments = command.split() if "=" in command else [*command.split(), "--timeout=1"]
        silent = await asyncio.to_thread(shell.run, *arguments)
        assert (silent.returncode, silent.stderr.count("\n")) == (4, 1), silent.stderr
        assert "Python" not in silent.stderr
        host.signal(signal.SIGCONT)


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
