"""What others wrote on a terminal: in keys, names, values, labels and errors, in every command."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from driftdb_jupyter.client.room import Room

from .shell import Shell

EVIL = "\x1b]52;c;QUJD\x07\x1b[2J\x9b6n\x1b]0;title\u202e\x7f"
# What a terminal may be sent: text, line ends, and what colours it.
SAFE = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r\n|\t|\x1b\[[0-9;:]*m)*")


def is_safe(text: str) -> bool:
    return SAFE.fullmatch(text) is not None


def test_nothing_that_others_wrote_rules_a_terminal(shell: Shell, room: Room) -> None:
    key = f"key{EVIL}"
    room.state(key).set(f"value{EVIL}").result()
    room.state(f"$meta/{key}").set({"kind": f"kind{EVIL}", "label": f"label{EVIL}"}).result()
    room.state("object").set({f"name{EVIL}": [f"text{EVIL}"]}).result()
    _held = room.presence(value={"name": f"name{EVIL}", f"x{EVIL}": f"y{EVIL}"})
    room.flush()
    commands = [
        ["get", key],
        ["get", "object"],
        ["get", key, "--json"],
        ["tail", key],
        ["tail", key, "--json"],
        ["watch", key, "object", "-n2"],
        ["watch", key, "-n1", "--json"],
        ["inspect"],
        ["inspect", "--json"],
        ["inspect", "key"],
        ["presence"],
        ["presence", "--json"],
        ["push", key, f"value{EVIL}", "--json"],
        ["open", key, "--print"],
    ]
    for command in commands:
        shown = shell.on_a_terminal(*command)
        assert len(shown) > 3
        assert is_safe(shown), (command, shown)


def test_nor_does_an_error(shell: Shell) -> None:
    for status, *command in (
        (3, "get", f"none{EVIL}"),
        (2, "get", "k", f"--{EVIL}"),
        (2, "get", "k", f"--room=http://{EVIL}/"),
        (2, "tail", "k", f"-n{EVIL}"),
        (2, f"command{EVIL}"),
    ):
        shown = shell.on_a_terminal(*map(str, command), status=int(status))
        assert is_safe(shown), (command, shown)


def test_nor_do_whole_rooms(shell: Shell, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    value = json.dumps({"key": f"k{EVIL}", "seq": 1, "value": EVIL, "time": 1}, ensure_ascii=False)
    dump = '{"driftdb":1,"room":"left\u202eright","seq":1}\n' + value
    (tmp_path / "room.jsonl").write_text(dump, "utf-8")
    named = dump.replace("left\u202eright", "no\\u001b[2J\u202e")
    (tmp_path / "named.jsonl").write_text(named, "utf-8")
    for status, *command in (
        (0, "import", str(tmp_path / "room.jsonl")),
        (1, "import", str(tmp_path / "named.jsonl")),
        (0, "rooms"),
        (0, "rooms", "--json"),
        (0, "export", "left\u202eright"),
        (0, "check"),
        (3, "export", f"none{EVIL}"),
    ):
        shown = shell.on_a_terminal(*map(str, command), *data, status=int(status))
        assert is_safe(shown.replace("\r\x1b[K", "")), (command, shown)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that answers every request with the same bytes; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(30)

    def serve() -> None:
        try:
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(60)
                    connection.recv(65536)
                    connection.sendall(answer)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.mark.parametrize("level", [[], ["--log-level=DEBUG"]])
def test_nor_does_what_answers_instead_of_a_server(level: list[str]) -> None:
    body = b"HTTP/1.1 500 no\x1b]0;title\x07\xc2\x9b2J good\r\nContent-Length: 0\r\n\r\n"
    with answering(body) as url:
        shown = Shell(f"{url}room/r").on_a_terminal("get", "k", *level, status=4)
    assert is_safe(shown), shown
    assert "not as a room server" in shown or "answers" in shown
