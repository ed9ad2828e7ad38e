from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from driftdb_jupyter.client.room import Room

from ..client.served import come_true
from ..faults.host import hosting
from ..server.processes import COMMAND
from .shell import Shell


def held(shell: Shell, key: str) -> list[object]:
    lines = shell.prints("tail", key, "-n", "all", "--json").splitlines()
    return [json.loads(line)["value"] for line in lines]


def test_each_line_is_a_value_with_its_colours(shell: Shell) -> None:
    text = "one\n\x1b[31mred\x1b[0m\n\n10 %\r20 %\ngrö\xdfe\r\nend"
    assert shell.prints("append", "build", text=text) == ""
    assert held(shell, "build") == ["one", "\x1b[31mred\x1b[0m", "", "20 %", "grö\xdfe", "end"]


def test_of_what_is_written_over_the_last_state_arrives(shell: Shell) -> None:
    bar = "".join(f"\r{number / 20:4.0f}% [{'#' * 60}] \x1b[K" for number in range(2001))
    text = f"{bar}\n\x1b]0;title\x07\x1b[?25l\r1\n\r2\n\x1b[2A\rone\n\rtwo\n|\b/\b-\bdone\n"
    assert shell.prints("append", "build", text=text) == ""
    assert held(shell, "build") == [f" 100% [{'#' * 60}]", "one", "two", "done"]


def test_a_bar_that_has_ended_arrives_although_nothing_follows(shell: Shell, room: Room) -> None:
    log = room.stream("build")
    with shell.started("append", "build") as process:
        assert process.stdin is not None
        process.stdin.write(b"\r 99 %\r100 %\n")
        come_true(room, lambda: list(log) == ["100 %"])
        process.stdin.write(b"\r 99 %\r100 %")
        process.stdin.close()
        assert process.wait(60) == 0
    assert held(shell, "build") == ["100 %", "100 %"]


def test_a_tee_passes_every_byte_on(shell: Shell, room: Room) -> None:
    shell_input = b"one\r\n\xff\x00two"
    with shell.started("append", "build", "--tee") as process:
        out, err = process.communicate(shell_input, timeout=60)
    assert (process.returncode, out, err) == (0, shell_input, b"")
    assert held(shell, "build") == ["one", "\ufffd\x00two"]


def test_a_line_is_in_the_room_while_others_are_yet_to_come(shell: Shell, room: Room) -> None:
    log = room.stream("build")
    with shell.started("append", "build", "--tee") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"begun\nof")
        assert process.stdout.readline() == b"begun\n"
        come_true(room, lambda: list(log) == ["begun"])
        process.stdin.close()
        assert process.wait(60) == 0
    come_true(room, lambda: list(log) == ["begun", "of"])


def test_the_room_knows_that_it_is_a_stream(shell: Shell, room: Room) -> None:
    shell.prints("append", "build", text="one\n")
    assert json.loads(shell.prints("inspect", "--json"))["kind"] == "stream"
    room.state("$meta/log").set({"kind": "channel", "label": "Log"}).result()
    shell.prints("append", "log", text="one\n")
    assert room.state("$meta/log").value == {"kind": "channel", "label": "Log"}


def test_json_lines_are_values(shell: Shell) -> None:
    shell.prints("append", "m", "--json", text='{"a": 1}\n\n[2]\n"three"')
    assert held(shell, "m") == [{"a": 1}, [2], "three"]


def test_a_line_that_is_no_json_is_named_and_those_before_it_arrive(shell: Shell) -> None:
    refused = shell.run("append", "m", "--json", text="1\n\nNaN\n4\n")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "driftdb append: 1 of 1 lines arrived",
        "driftdb append: line 3: expected JSON: JSON has no NaN",
    ]
    assert held(shell, "m") == [1]


def test_a_stream_can_be_kept_short(shell: Shell) -> None:
    shell.prints("append", "build", "--max-length=3", text="1\n2\n3\n4\n5\n")
    assert held(shell, "build") == ["3", "4", "5"]


def test_many_lines_arrive_in_their_order(shell: Shell) -> None:
    lines = [f"line {number}" for number in range(60_000)]
    shell.prints("append", "build", text="\n".join(lines))
    assert held(shell, "build") == lines


def test_who_writes_is_done_even_where_there_is_no_room(shell: Shell) -> None:
    nowhere = Shell(shell.room_url + "x")
    text = "line\n" * 100_000
    teed = nowhere.run("append", "build", "--tee", text=text)
    assert (teed.returncode, teed.stdout) == (3, text)
    assert "there is no such room" in teed.stderr
    assert nowhere.run("append", "build", text="line\n").returncode == 3


def test_who_writes_is_done_even_where_no_room_is_named() -> None:
    teed = Shell("").run("append", "build", "--tee", text="line\n" * 100_000)
    assert (teed.returncode, len(teed.stdout)) == (2, 500_000)
    assert "expected a room" in teed.stderr


def test_a_value_that_is_too_long_is_refused_and_those_before_it_arrive(shell: Shell) -> None:
    long = json.dumps("x" * 1_048_500)
    refused = shell.run("append", "m", "--json", text=f"1\n{long}\n2\n")
    assert refused.returncode == 1
    assert "bytes" in refused.stderr
    assert held(shell, "m") == [1]


def test_nobody_has_to_read_the_tee(shell: Shell, room: Room) -> None:
    with shell.started("append", "build", "--tee") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(b"one\n")
        come_true(room, lambda: "build" in held_keys(room))
        process.stdin.write(b"two\n")
        process.stdin.close()
        assert process.wait(60) == 0
    assert held(shell, "build") == ["one", "two"]


def test_a_full_disk_takes_no_copy_and_the_room_all(shell: Shell) -> None:
    text = "printf 'one\\ntwo\\n'"
    full = shell.script(f"{text} | driftdb append build --tee > /dev/full")
    assert (full.returncode, full.stderr) == (
        1,
        "driftdb append: can't write: No space left on device\n",
    )
    assert held(shell, "build") == ["one", "two"]


def test_what_was_read_before_the_input_failed_arrives(shell: Shell) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.send(b"never read, so that the end is none")
        ours.sendall(b"one\ntwo\n")
        ours.close()
        command = [*COMMAND, "append", "build"]
        done = subprocess.run(
            command,
            stdin=theirs.fileno(),
            capture_output=True,
            text=True,
            env=shell.environment,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "driftdb append: 2 of 2 lines arrived",
        "driftdb append: can't read the standard input: Connection reset by peer",
    ]
    assert held(shell, "build") == ["one", "two"]


def test_an_input_that_cannot_be_read_is_told(shell: Shell, tmp_path: Path) -> None:
    for redirected in (f"0> {tmp_path}/file", "--tee < /proc/self/mem"):
        unread = shell.script(f"driftdb append build {redirected}")
        assert unread.returncode == 1
        assert "can't read the standard input" in unread.stderr


def test_ctrl_c_waits_for_the_last_lines_of_who_writes(shell: Shell, room: Room) -> None:
    with shell.started("append", "build") as process:
        assert process.stdin is not None
        process.stdin.write(b"one\n")
        come_true(room, lambda: "build" in held_keys(room))
        process.send_signal(signal.SIGINT)
        process.stdin.write(b"interrupted\n")
        process.stdin.close()
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert held(shell, "build") == ["one", "interrupted"]


def test_sigterm_and_a_second_signal_do_not_wait(shell: Shell, room: Room) -> None:
    for numbers, status in (((signal.SIGINT, signal.SIGTERM), 130), ((signal.SIGTERM,), 143)):
        key = str(status)
        with shell.started("append", key) as process:
            assert process.stdin is not None
            process.stdin.write(b"one\n")
            come_true(room, lambda key=key: key in held_keys(room))  # type: ignore[misc]
            for number in numbers:
                process.send_signal(number)
            assert process.wait(60) == status
        assert held(shell, key) == ["one"]


def held_keys(room: Room) -> list[str]:
    return list(room.keys())


@contextmanager
def writing(process: subprocess.Popen[bytes], data: bytes) -> Iterator[threading.Thread]:
    """Write to a command from another thread, for it may make who writes wait."""
    assert process.stdin is not None
    thread = threading.Thread(target=process.stdin.write, args=[data])
    thread.start()
    yield thread
    thread.join()


@pytest.mark.asyncio
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    lines = [f"line {number:06}" for number in range(150_000)]
    async with hosting(tmp_path, "--data=data") as host:
        shell = Shell(await host.new_room())
        with shell.started("append", "build") as process:
            assert process.stdin is not None
            for start in (0, 50_000, 100_000):
                part = "".join(f"{line}\n" for line in lines[start : start + 50_000])
                with writing(process, part.encode()):
                    await come_to(shell, lambda newest, at=start: newest >= lines[at])  # type: ignore[misc]
                    await host.restart()  # kill -9
            process.stdin.close()
            assert await asyncio.to_thread(process.wait, 120) == 0
        assert await asyncio.to_thread(held, shell, "build") == lines


async def come_to(shell: Shell, condition: Callable[[str], bool]) -> None:
    """Wait until the newest line in the room is such a one."""
    while True:
        newest = await asyncio.to_thread(shell.run, "get", "build")
        if newest.returncode == 0 and condition(newest.stdout.strip()):
            return


async def begin(process: subprocess.Popen[bytes], shell: Shell) -> None:
    """Bring a first line into the room."""
    assert process.stdin is not None
    process.stdin.write(b"begun\n")
    await come_to(shell, lambda newest: newest == "begun")


@pytest.mark.asyncio
async def test_who_writes_waits_while_the_server_is_away(tmp_path: Path) -> None:
    async with hosting(tmp_path, "--data=data") as host:
        shell = Shell(await host.new_room(), DRIFTDB_QUEUE_LIMIT_BYTES="100000")
        with shell.started("append", "build") as process:
            assert process.stdin is not None
            assert process.stderr is not None
            await begin(process, shell)
            await host.end()
            data = b"".join(b"%07d\n" % number for number in range(300_000))
            with writing(process, data) as thread:
                told = await asyncio.to_thread(process.stderr.readline)
                assert told.startswith(b"driftdb append: waiting for the room: ")
                assert thread.is_alive()
                await host.start()
            process.stdin.close()
            assert await asyncio.to_thread(process.wait, 120) == 0
        newest = await asyncio.to_thread(shell.prints, "get", "build")
        assert newest == "0299999\n"


@pytest.mark.asyncio
async def test_an_outage_is_told_once_and_loses_nothing(tmp_path: Path) -> None:
    async with hosting(tmp_path, "--data=data") as host:
        shell = Shell(await host.new_room())
        with shell.started("append", "build") as process:
            assert process.stdin is not None
            assert process.stderr is not None
            await begin(process, shell)
            await host.end()
            process.stdin.write(b"late\n")
            process.stdin.close()
            told = await asyncio.to_thread(process.stderr.readline)
            assert told.startswith(b"driftdb append: waiting for the room: nothing answers")
            await host.start()
            assert await asyncio.to_thread(process.wait, 120) == 0
            assert process.stderr.read() == b""
        assert await asyncio.to_thread(shell.prints, "tail", "build") == "begun\nlate\n"


def test_patience_has_an_end_where_there_is_no_server() -> None:
    text = "line\n" * 300_000
    teed = Shell("http://127.0.0.1:9/room/r").run(
        *("append", "build", "--tee", "--patience=0.7"), text=text
    )
    assert (teed.returncode, teed.stdout) == (4, text)
    assert "waiting for the server" in teed.stderr


@pytest.mark.asyncio
async def test_patience_has_an_end(tmp_path: Path) -> None:
    async with hosting(tmp_path, "--data=data") as host:
        shell = Shell(await host.new_room())
        with shell.started("append", "build", "--patience=0.5") as process:
            assert process.stdin is not None
            await begin(process, shell)
            await host.end()
            _, err = await asyncio.to_thread(process.communicate, b"lost\n", 60)
        assert process.returncode == 4
        assert b"1 of 2 lines arrived" in err
        assert b"Traceback" not in err
