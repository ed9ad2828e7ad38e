from __future__ import annotations

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.lib.pretty import pretty

from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.objects.presence import Presence
from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room, room
from driftdb_jupyter.protocol.errors import Forbidden, NotConnected, Unreachable, WrongKind

from .fakes import FakeServer
from .served import come_true


@pytest.fixture
def url(server: FakeServer) -> Iterator[str]:
    yield server.url
    gc.collect()  # what a test left closes its connections


def run(script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_one_room_has_one_connection(server: FakeServer, url: str) -> None:
    one = room("a", url=url)
    assert room(f"{url}room/a") is one
    assert room(url=f"{url}room/a/connect") is one
    assert room("b", url=url) is not one


def test_other_credentials_are_another_connection(url: str) -> None:
    assert room(url=f"{url}room/a?token=x") is not room(url=f"{url}room/a")


def test_a_servers_url_alone_makes_one_new_room_for_the_process(
    server: FakeServer, url: str
) -> None:
    fresh = room(url=url)
    assert fresh.name == "fresh"
    assert fresh.url == f"{url}room/fresh"
    assert room(url=url) is fresh


def test_a_new_room_is_asked_for_with_the_token(server: FakeServer, url: str) -> None:
    room(url=f"{url}?token=t0ken")
    assert server.authorizations[0] == "token t0ken"


def test_a_new_room_that_is_refused_says_why(server: FakeServer, url: str) -> None:
    server.status = 403
    with pytest.raises(Forbidden, match="wants a login"):
        room(url=url)


def test_a_token_that_is_refused_is_told_but_not_shown(server: FakeServer, url: str) -> None:
    server.status = 403
    with pytest.raises(Forbidden, match="doesn't accept the token or password in its URL") as error:
        SharedState("k", 1, url=f"{url}room/a?token=hidden")
    assert "hidden" not in str(error.value)


def test_an_answer_that_is_no_room_servers_is_named(server: FakeServer, url: str) -> None:
    for body in (b"<html>", b"[]", b'{"room":5}'):
        server.new_room_body = body
        with pytest.raises(Unreachable, match="is no room server: it named no room"):
            room(url=url)


def test_a_closed_room_is_opened_anew(server: FakeServer, url: str) -> None:
    one = room("a", url=url)
    one.close()
    assert one.status == "closed"
    again = SharedState("k", 1, room="a", url=url)
    assert again.room is not one
    assert again.value == 1


def test_a_room_that_nobody_holds_closes_its_connection(server: FakeServer, url: str) -> None:
    held = SharedState("k", 1, room="a", url=url)
    server.wait_for(lambda: len(server.sockets) == 1)
    held.close()
    del held
    gc.collect()
    server.wait_for(lambda: not server.sockets)


def test_flush_says_what_did_not_arrive(server: FakeServer, url: str) -> None:
    state = SharedState("k", 1, room="a", url=url)
    state.room.flush()
    server.room.silent = True
    state.value = 2
    with pytest.raises(NotConnected, match=r"did not acknowledge all writes within 0.05 s"):
        state.room.flush(0.05)
    server.room.silent = False
    server.cut()
    state.room.flush()


WRITER = """
    import sys
    from driftdb_jupyter import SharedState
    state = SharedState("k", 0, room="a", url=sys.argv[1])
    for n in range(100):
        state.value = n
"""


def test_what_was_written_before_a_scripts_end_is_sent_before_it_ends(
    server: FakeServer, url: str
) -> None:
    done = run(WRITER, url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (server.room.value("k") or (None,))[0] == 99
    server.wait_for(lambda: not server.sockets)


def test_a_script_ends_though_its_writes_are_never_acknowledged(
    server: FakeServer, url: str
) -> None:
    script = WRITER + "    print(flush=True); sys.stdin.readline(); state.value = 'late'\n"
    environ = {**os.environ, "DRIFTDB_FLUSH_SECONDS": "0.2"}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), url],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        server.room.silent = True
        _, errors = process.communicate("\n", timeout=30)
    assert process.returncode == 0
    assert "did not acknowledge all writes within 0.2 s before the end of the process" in errors


def test_a_room_makes_what_is_in_it(mine: Room) -> None:
    with mine as here:
        made: list[Any] = [
            here.state("state", 1),
            here.dict("dict", {"a": 1}),
            here.pubsub("pubsub"),
            here.stream("stream"),
            here.reducer("reducer", lambda value, action: action, 0),
            here.presence(value=1),
        ]
        assert [type(each).__name__ for each in made] == [
            "SharedState",
            "SharedDict",
            "PubSub",
            "Stream",
            "SharedReducer",
            "Presence",
        ]
        assert all(each.room is here for each in made)
    assert here.status == "closed"


def test_keys_are_listed_and_deleted(mine: Room, theirs: Room) -> None:
    stream = mine.stream("log")
    stream.extend([1, 2]).result()
    mine.state("state", "x").set("y").result()
    found = {key: info.size for key, info in theirs.keys().items()}
    assert found == {"log": 2, "state": 1}
    assert list(theirs.keys("$")) == ["$meta/log"]  # the protocol's own, for whoever asks for them
    assert list(mine.keys("l")) == ["log"]
    theirs.delete("log").result()
    assert sorted(mine.keys()) == ["state"]
    come_true(mine, lambda: len(stream) == 0)


def test_one_key_is_one_kind_of_thing(mine: Room) -> None:
    state = mine.state("log")
    with pytest.raises(WrongKind, match="'log' for a stream, got one that is in use as a state"):
        mine.stream("log")
    assert state.value is None


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("state", SharedState),
        ("dict", SharedDict),
        ("pubsub", PubSub),
        ("stream", Stream),
        ("reducer", SharedReducer),
        ("presence", Presence),
    ],
)
def test_a_room_makes_objects_with_all_that_their_class_takes(method: str, kind: type[Any]) -> None:
    made = dict(inspect.signature(getattr(Room, method)).parameters)
    taken = dict(inspect.signature(kind).parameters)
    del made["self"], taken["room"], taken["url"]
    made.pop("shown", None)  # what only a notebook takes
    assert {name: (each.kind, each.default) for name, each in made.items()} == {
        name: (each.kind, each.default) for name, each in taken.items()
    }


def test_an_argument_that_a_class_does_not_take_is_refused(mine: Room) -> None:
    with pytest.raises(TypeError, match="mni"):
        mine.state("s", 0, mni=3)


def test_the_end_of_a_with_block_leaves_a_room_open_that_others_use(
    server: FakeServer, url: str
) -> None:
    slider = SharedState("slider", 0, room=url)
    with room(url) as borrowed:
        assert borrowed is slider.room
    slider.set(3).result()
    assert (server.room.value("slider") or (None,))[0] == 3
    del slider
    with room(url) as outer:
        with room(url):
            pass
        borrowed = outer
        outer.flush()
    assert borrowed.status == "closed"


def test_an_async_block_gives_a_room_back_and_objects_are_made_in_it(
    server: FakeServer, url: str
) -> None:
    async def work() -> Room:
        async with room(url) as here:
            state = await SharedState.create("k", 0, room=here)
            state.value = 4
            return here

    assert asyncio.run(work()).status == "closed"
    assert (server.room.value("k") or (None,))[0] == 4


def test_closing_a_room_says_what_was_not_written(
    server: FakeServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTDB_FLUSH_SECONDS", "0.05")
    here = room(url)
    state = SharedState("k", 0, room=here)
    here.flush()
    server.room.silent = True
    state.value = 1
    with pytest.raises(NotConnected, match="1 may be lost"):
        here.close()
    assert here.status == "closed"


def test_an_error_in_a_with_block_is_raised_and_what_was_not_written_logged(
    server: FakeServer, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DRIFTDB_FLUSH_SECONDS", "0.05")

    def fail() -> None:
        with room(url) as here:
            state = SharedState("k", 0, room=here)
            here.flush()
            server.room.silent = True
            state.value = 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "1 may be lost" in caplog.text


def test_a_cell_keeps_the_address_of_a_room_and_no_status_of_the_moment(mine: Room) -> None:
    shown = pretty(mine)  # type: ignore[no-untyped-call]
    assert shown == f"<Room {mine.url}>"
    assert repr(mine).startswith(f"<Room {mine.url} (")
