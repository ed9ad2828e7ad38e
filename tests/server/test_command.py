"""``driftdb serve``, as a process."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from driftdb_jupyter._version import __version__
from driftdb_jupyter.protocol.name import room_digest

from ..certificates import CERTIFICATE
from ..conformance.peer import Room, fetch, push, pushed
from .processes import COMMAND, Process, environment, started

pytestmark = pytest.mark.asyncio


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def serve(tmp_path: Path, *options: str) -> AbstractContextManager[Process]:
    return started([*COMMAND, "serve", *options], cwd=tmp_path, env=environment())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment(), timeout=30
    )


async def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0", "--StandaloneServer.idle_timeout_seconds=0.1") as process:
        port = int(process.server.root.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with serve(tmp_path, "--port=0") as process:
        made = await fetch(process.server.root + "new", method="POST")
        room = Room(process.server, made.json["room"])
        peer = await room.join()
        await peer.subscribe("k")
        await peer.send(push("k", 1))
        await peer.hears(pushed("k", 1, 1))
        assert process.process.poll() is None
        process.process.send_signal(number)
        await peer.is_closed_with(1001)
        assert process.process.wait(60) == 0
        await room.empty()
    assert number.name in process.log
    assert "Traceback" not in process.log


async def test_it_serves_where_it_is_told_to(tmp_path: Path, unused_port: int) -> None:
    options = (f"--port={unused_port}", "--base-url=rooms/here", "--named-rooms")
    with serve(tmp_path, *options) as process:
        assert process.server.root == f"http://127.0.0.1:{unused_port}/rooms/here/"
        assert (await fetch(process.server.root + "health")).json["status"] == "ok"
        assert (await fetch(process.server.root + "room/named")).json["room"] == "named"


async def test_rooms_have_no_names_unless_it_is_told_so(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0") as process:
        assert (await fetch(process.server.root + "room/named")).status == 404


async def test_a_configuration_file_sets_it_up(tmp_path: Path) -> None:
    (tmp_path / "rooms.py").write_text(
        "c.StandaloneServer.port = 0\n"
        "c.StandaloneServer.base_url = '/configured/'\n"
        "c.StandaloneServer.named_rooms = True\n"
        "c.DriftDB.message_limit_bytes = 2048\n"
    )
    command = [*COMMAND, "serve", "--config=rooms.py"]
    env = environment()
    del env["JUPYTER_NO_CONFIG"]
    with started(command, cwd=tmp_path, env=env) as process:
        assert process.server.root.endswith("/configured/")
        answer = await Room(process.server, "a").post(push("k", "x" * 3000))
        assert (answer.status, answer.json["code"]) == (413, "too_large")


async def test_settings_stand_on_the_command_line_too(tmp_path: Path) -> None:
    options = ("--port=0", "--named-rooms", "--DriftDB.message_limit_bytes=2048")
    with serve(tmp_path, *options) as process:
        assert (await Room(process.server, "a").post(push("k", "x" * 3000))).status == 413


async def test_a_taken_port_is_said_in_a_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = run("serve", f"--port={port}")
    assert ended.returncode not in (0, None)
    assert f"port {port} on 127.0.0.1 is taken" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [("--port=66000",), ("--port=many",), ("--host=no.such.",)])
async def test_what_cant_be_is_said_without_a_traceback(arguments: tuple[str, ...]) -> None:
    ended = run("serve", *arguments)
    assert ended.returncode not in (0, None)
    assert ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_bad_certificate_is_said_without_a_traceback() -> None:
    ended = run("serve", "--port=0", "--certfile=/nowhere.pem")
    assert ended.returncode not in (0, None)
    assert ended.stderr.endswith("in /nowhere.pem: No such file or directory\n")
    assert "Traceback" not in ended.stderr


async def test_a_key_without_a_certificate_does_not_start_a_server_without_tls() -> None:
    ended = run("serve", "--port=0", "--keyfile=key.pem")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "driftdb serve: expected a TLS certificate (--certfile) with --keyfile, got none"
    ]


async def test_probes_of_a_server_in_trouble_leave_its_log_alone(tmp_path: Path) -> None:
    (tmp_path / "rooms.db").write_text("no database")
    with serve(tmp_path, "--port=0", "--data=.", "--allow-memory") as process:
        for _ in range(3):
            assert (await fetch(process.server.root + "health")).status == 503
    assert "/health" not in process.log
    assert "is damaged" in process.log


async def test_failed_tls_handshakes_are_few_lines(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0", f"--certfile={CERTIFICATE}") as process:
        port = int(process.server.root.rstrip("/").rpartition(":")[2])
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
    assert 1 <= process.log.count("SSL Error") < 20


async def test_help_names_the_options() -> None:
    helped = run("serve", "--help")
    assert helped.returncode == 0
    for option in ("--host", "--port", "--base-url", "--named-rooms", "--certfile"):
        assert option in helped.stdout


async def test_the_command_says_what_it_can_do() -> None:
    assert "serve" in run("--help").stdout
    assert run("--version").stdout.strip() == __version__


async def test_its_log_shows_who_came_and_no_secrets(tmp_path: Path) -> None:
    secret = "a-secret-of-a-client"
    with serve(tmp_path, "--port=0", "--named-rooms") as process:
        root = process.server.root
        room = Room(process.server, "a")
        peer = await room.join(client=secret)
        await peer.settle()
        await room.empty()
        await room.post(push("k", 1, id=1), client=secret)
        for path in ("room/a", "room/%FF", "room/..", "rooms/a", "new", "health", "room/a/send"):
            for method in ("GET", "PATCH"):
                await fetch(f"{root}{path}?client={secret}&token={secret}", method=method)
        assert (await fetch(f"{root}room/a/figures")).status == 200
        assert process.end() == 0
    assert "/room/a/connect" in process.log
    assert "/room/a/send" in process.log
    # What is asked for again and again would hide the rest.
    for path in ("health", "room/a/figures"):
        assert f"200 GET /{path}" not in process.log
    assert [line for line in process.lines if secret in line] == []


async def test_only_a_proxy_that_it_knows_is_believed_who_came(tmp_path: Path) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9, 203.0.113.7"}
    with serve(tmp_path, "--port=0") as process:
        await fetch(process.server.root + "new", method="POST", headers=headers)
        process.end()
    assert "203.0.113" not in process.log
    told = [line for line in process.lines if "DriftDB.trusted_proxies" in line]
    assert len(told) == 1
    with serve(tmp_path, "--port=0", "--trusted-proxy=127.0.0.1") as process:
        await fetch(process.server.root + "new", method="POST", headers=headers)
        process.end()
    assert "203.0.113.7" in process.log
    assert "203.0.113.9" not in process.log


async def test_without_names_its_log_shows_no_id_that_opens_a_room(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0", "--log-level=DEBUG", "--data=kept") as process:
        made = await fetch(process.server.root + "new", method="POST")
        room = Room(process.server, made.json["room"])
        await (await room.join()).send_raw("no message")
        for what in ("", "/page", "/none", "?x=1"):
            await fetch(room.url + what)
        await room.post(push("k", 1))
        await room.empty()
        await fetch(f"{process.server.root}admin/rooms/{room.name}", method="DELETE")
        rooms = run("rooms", f"--data={tmp_path / 'kept'}").stdout
        assert process.end() == 0
    assert room.name not in process.log
    digest = "~" + room_digest(room.name)
    assert digest in rooms
    for text in ("made for 127.0.0.1", "connected", "refused (bad_message)", "GET", "has left"):
        assert any(text in line and digest in line for line in process.lines), text


async def test_commands_for_rooms_make_lines_for_debugging_only(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0", "--data=kept") as process:
        assert run("rooms", f"--data={tmp_path / 'kept'}").returncode == 0
        assert process.end() == 0
    assert "admin/" not in process.log


async def test_nothing_that_others_write_reaches_its_log_raw(tmp_path: Path) -> None:
    with serve(tmp_path, "--port=0", "--named-rooms", "--log-level=DEBUG") as process:
        host, _, port = process.server.root.split("/")[2].partition(":")
        hostile = b"\x1b[31m\x9b31m\x85\xe2\x80\xae"
        for path in (b"/none/" + hostile, b"/room/" + hostile, b"/room/a?" + hostile):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            await reader.read()
            writer.close()
        await fetch(f"{process.server.root}none/{'x' * 10_000}")
        room = Room(process.server, "\u202eevil\u2028")
        await room.post("no message")
        process.end()
    assert all(line.rstrip("\n").isprintable() for line in process.lines)
    assert max(map(len, process.lines)) < 600


async def test_a_flood_of_refusals_is_few_lines(tmp_path: Path) -> None:
    options = ("--named-rooms", "--DriftDB.request_limit_burst=20", "--port=0")
    with serve(tmp_path, *options, "--DriftDB.request_limit_per_second=1") as process:
        room = Room(process.server, "a")
        peer = await room.join()
        await peer.send(*(push("k" * 2000, n) for n in range(2000)))
        for _ in range(2000):
            await peer.hears_error("too_large")
        await room.empty()
        for _ in range(300):
            await fetch(process.server.root + "new", method="POST")
        process.end()
    refused = [line for line in process.lines if "refused" in line]
    assert 2 <= len(refused) < 100
    assert any("more: refused" in line for line in process.lines)
    assert not any(" 429 " in line for line in process.lines)
