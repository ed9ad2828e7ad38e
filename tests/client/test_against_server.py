"""The client against the standalone server itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import room
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.protocol.errors import RoomNotFound, TooLarge

from .served import another, come_true


class Server:
    """``driftdb serve`` as a process of its own."""

    def __init__(self, *options: str, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "driftdb_jupyter.cli", "serve", f"--port={port}", *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if match := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                self.url, self.port = match[0], int(match[1])
                break
        self._drain = threading.Thread(target=self.process.stderr.read)
        self._drain.start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._drain.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server("--named-rooms")
    yield server
    server.stop()


def wait_for(state: SharedState, value: Any) -> None:
    connection = state.room.connection
    assert connection.wait_until(lambda: state.value == value, 60), state


def other(server: Server, key: str, code: str, name: str = "plots") -> str:
    """Run code on ``state`` in another process."""
    script = f"""
from driftdb_jupyter import SharedState
state = SharedState({key!r}, room={name!r}, url={server.url!r})
{code}
state.room.flush()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def test_two_processes_share_a_value(server: Server) -> None:
    state = SharedState("slider", 1, room="plots", url=server.url)
    assert (
        other(server, "slider", "print(state.value); state.value = {'x': [2.5, None, 'é']}") == "1"
    )
    wait_for(state, {"x": [2.5, None, "é"]})


@pytest.mark.parametrize("value", [2**70, "\x00 \u2028", -0.0, 1e-300, [[]], {"": None}])
def test_values_keep_their_meaning_on_the_way(server: Server, value: Any) -> None:
    state = SharedState("v", None, room="plots", url=server.url)
    state.value = value
    state.room.flush()
    state.room.close()
    again = SharedState("v", None, room="plots", url=server.url)
    assert repr(again.value) == repr(value)


def test_a_servers_url_makes_a_room(server: Server) -> None:
    state = SharedState("slider", 1, url=server.url)
    assert re.fullmatch(r"[\w-]{20,}", state.room.name)
    assert SharedState("slider", 2, room=state.room.url).value == 1


def test_a_room_that_does_not_exist_is_told() -> None:
    server = Server()
    try:
        with pytest.raises(RoomNotFound, match="there is no such room"):
            SharedState("slider", 1, url=f"{server.url}room/none")
    finally:
        server.stop()


def test_a_value_over_the_servers_limit_is_refused_and_the_room_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTDB_MESSAGE_LIMIT_BYTES", str(10_000_000))
    for length in (1_100_000, 4_000_000):
        state = SharedState("text", "short", room=f"plots-{length}", url=server.url)
        state.value = "x" * length
        state.room.flush()
        assert state.value == "short"
        assert isinstance(state.error, TooLarge)
        state.value = "longer"
        state.room.flush()
        assert state.value == "longer"


def test_after_a_restart_that_forgot_the_last_value_is_there_again(server: Server) -> None:
    state = SharedState("slider", 1, room="plots", url=server.url)
    state.value = 5
    state.room.flush()
    server.stop()
    again = Server("--named-rooms", port=server.port)
    try:
        state.value = 6
        state.room.retry()
        state.room.flush(30)
        assert other(again, "slider", "print(state.value)") == "6"
    finally:
        again.stop()


@pytest.mark.parametrize("others_first", [False, True])
def test_after_a_restart_that_forgot_a_dictionary_is_there_again_with_what_was_written_meanwhile(
    server: Server, others_first: bool
) -> None:
    form = SharedDict("form", {"a": 0}, room="plots", url=server.url)
    form["b"] = 1
    form["long"] = "x" * 600_000
    form["longer"] = "y" * 600_000
    form.room.flush()
    server.stop()
    expected = dict(form)
    form["c"] = 2
    again = Server("--named-rooms", port=server.port)
    try:
        if others_first:
            other(
                again,
                "z",
                "from driftdb_jupyter import SharedDict\n"
                "SharedDict('form', {'a': 5}, room=state.room)['z'] = 9",
            )
            expected["z"] = 9
        form.room.retry()
        form.room.flush(30)
        late = SharedDict("form", room=another(form.room))
        come_true(late.room, lambda: dict(late) == {**expected, "c": 2})
        come_true(form.room, lambda: dict(form) == dict(late))
        assert form._reducer.error is None
    finally:
        again.stop()


def test_after_a_restart_that_forgot_an_action_of_before_goes_behind_the_value(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    form = SharedDict("form", {"a": 0}, room="plots", url=server.url)
    form["b"] = 1
    form.room.flush()
    theirs = SharedDict("form", room=another(form.room))
    come_true(theirs.room, lambda: dict(theirs) == {"a": 0, "b": 1})
    server.stop()
    handle = form.set(c=2)
    again = Server("--named-rooms", port=server.port)
    try:
        form.room.retry()
        handle.result(30)  # while this thread, on which callbacks may run, is busy
        theirs.room.retry()
        whole = {"a": 0, "b": 1, "c": 2}
        come_true(theirs.room, lambda: dict(theirs) == whole)
        assert dict(form) == whole
        held = Connection(form.room.connection.location, Settings())
        replica = held.listen("form", form._reducer, keep=True)
        held.wait_ready(replica, 30)
        assert [json.loads(each.value).keys() for each in replica.entries] == [
            {"reset"},
            {"apply", "i"},
        ]
        held.close()
    finally:
        again.stop()
    assert "lost its memory" not in caplog.text


def test_two_that_write_at_once_end_equal(server: Server) -> None:
    state = SharedState("slider", 0, room="plots", url=server.url)
    code = "for n in range(2000): state.value = ['there', n]"
    thread = threading.Thread(target=other, args=(server, "slider", code))
    thread.start()
    for n in range(20000):
        state.value = ["here", n]
    state.room.flush()
    thread.join()
    end = other(server, "slider", "print(state.value)")
    assert end == repr(state.value)


def test_the_rooms_of_a_process_are_apart(server: Server) -> None:
    one = SharedState("slider", 1, room=room("one", url=server.url))
    two = SharedState("slider", 2, room=room("two", url=server.url))
    assert (one.value, two.value) == (1, 2)
