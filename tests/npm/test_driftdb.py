"""Every class of the ``driftdb`` package, unmodified, in JSON and CBOR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ..browser import NewWindow
from ..server.processes import COMMAND, Process, environment, started


class Client:
    """A page with the package; ``db`` is its connection to a room."""

    def __init__(self, page: Page, pages: str, api: str) -> None:
        self.page = page
        page.goto(f"{pages}/client.html")
        page.wait_for_function("() => window.driftdb")
        page.evaluate("api => { window.api = new driftdb.Api(api) }", api)

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def until(self, condition: str) -> None:
        self.page.wait_for_function(condition)

    def new_room(self) -> dict[str, str]:
        room: dict[str, str] = self.run("() => api.newRoom()")
        return room

    def join(self, room: dict[str, str], *, binary: bool = False) -> Client:
        self.run(
            """async ([url, binary]) => {
                window.db = new driftdb.DbConnection();
                await db.connect(url, binary);
            }""",
            [room["socket_url"], binary],
        )
        return self


@pytest.fixture
def two(new_window: NewWindow, pages: str, server: Process) -> tuple[Client, Client]:
    one = Client(new_window(), pages, server.server.root)
    return one, Client(new_window(), pages, server.server.root)


@pytest.fixture(params=[False, True], ids=["json", "cbor"])
def joined(request: pytest.FixtureRequest, two: tuple[Client, Client]) -> tuple[Client, Client]:
    """Two clients in one room, the first one in JSON and then in CBOR."""
    one, other = two
    room = one.new_room()
    return one.join(room, binary=request.param), other.join(room)


def test_api_makes_and_finds_rooms(two: tuple[Client, Client]) -> None:
    one, other = two
    room = one.new_room()
    assert set(room) == {"room", "socket_url", "http_url"}
    assert other.run("id => api.getRoom(id)", room["room"]) == room


def test_api_fails_for_a_room_that_is_not_there(two: tuple[Client, Client]) -> None:
    script = "id => api.getRoom(id).then(() => 'a room', () => 'failed')"
    assert two[0].run(script, "nowhere") == "failed"


def test_pushes_arrive_with_their_numbers(joined: tuple[Client, Client]) -> None:
    one, other = joined
    for client in joined:
        client.run("() => { window.heard = pushes(db, 'k') }")
    value = {"text": "größe 🎈", "list": [1, 2.5, None, True]}
    push = """value => db.send({
        type: "push", key: "k", value, action: { type: "append" }
    })"""
    one.run(push, value)
    other.until("() => heard.length === 1")
    other.run(push, "back")
    for client in joined:
        client.until("() => heard.length === 2")
        assert client.run("() => heard") == [
            {"seq": 1, "value": value},
            {"seq": 2, "value": "back"},
        ]


def test_latency_is_measured(joined: tuple[Client, Client]) -> None:
    assert joined[0].run("() => db.testLatency()") > 0


def test_bytes_stay_bytes_in_cbor_and_become_numbers_in_json(two: tuple[Client, Client]) -> None:
    one, other = two
    room = one.new_room()
    one.join(room, binary=True)
    other.join(room)
    for client in two:
        client.run("() => { window.heard = pushes(db, 'k') }")
    one.run(
        """() => db.send({
            type: "push", key: "k", value: new Uint8Array([1, 255]), action: { type: "relay" }
        })"""
    )
    one.until("() => heard.length === 1")
    assert one.run("() => heard[0].value instanceof Uint8Array")
    other.until("() => heard.length === 1")
    assert other.run("() => heard[0].value") == [1, 255]


def test_states_follow_each_other(joined: tuple[Client, Client]) -> None:
    for client in joined:
        client.run(
            """() => {
                window.state = new driftdb.StateListener({
                    db, key: "s", callback: (value) => { window.shown = value; },
                });
                state.subscribe();
            }"""
        )
    joined[0].run("() => state.setStateOptimistic({ a: 1 })")
    joined[1].until("() => window.shown?.a === 1")
    joined[1].run("() => state.setStateOptimistic({ a: 2 })")
    joined[0].until("() => window.shown?.a === 2")


REDUCER = """() => {
    window.shown = null;
    window.reducer = new driftdb.Reducer({
        db, key: "r", reducer: (sum, add) => sum + add, initialValue: 0, sizeThreshold: 4,
        callback: (value) => { window.shown = value; },
    });
    reducer.subscribe();
}"""


def test_a_reducer_compacts_and_a_late_joiner_gets_the_same(
    joined: tuple[Client, Client],
) -> None:
    one, other = joined
    one.run(REDUCER)
    one.run("() => { window.size = 0; db.sizeSubscriptions.subscribe('r', (n) => { size = n }) }")
    for number in range(1, 21):
        one.run("number => reducer.dispatch(number)", number)
    one.until("() => shown === 210")
    one.until("() => size > 0 && size <= 4")
    other.run(REDUCER)
    other.until("() => shown === 210")


def test_presence_shows_who_is_there(joined: tuple[Client, Client]) -> None:
    for number, client in enumerate(joined):
        client.run(
            """number => {
                window.presence = new driftdb.PresenceListener({
                    db, clientId: "client" + number, initialState: number,
                });
                presence.subscribe();
            }""",
            number,
        )
    joined[0].until("() => presence.presence.client1?.value === 1")
    joined[1].until("() => presence.presence.client0?.value === 0")
    joined[1].run("() => presence.updateState('moved')")
    joined[0].until("() => presence.presence.client1?.value === 'moved'")


def test_messages_go_over_http_too(two: tuple[Client, Client]) -> None:
    one, other = two
    room = one.new_room()
    other.join(room)
    other.run("() => { window.heard = pushes(db, 'k') }")
    answers = one.run(
        """async (url) => {
            const http = new driftdb.HttpConnection(url);
            const push = { type: "push", key: "k", value: 7, action: { type: "append" } };
            return [await http.send(push), await http.send({ type: "get", key: "k" })];
        }""",
        room["http_url"],
    )
    assert answers == [None, {"type": "init", "key": "k", "data": [{"seq": 1, "value": 7}]}]
    other.until("() => heard.length === 1")


@pytest.mark.parametrize("binary", [False, True], ids=["json", "cbor"])
def test_after_a_restart_the_client_comes_back(
    new_window: NewWindow, pages: str, tmp_path: Path, binary: bool
) -> None:
    command = [*COMMAND, "serve", "--named-rooms"]
    with started([*command, "--port=0"], cwd=tmp_path, env=environment()) as first:
        root = first.server.root
        client = Client(new_window(), pages, root)
        socket_url = f"{root.replace('http', 'ws')}room/known/connect"
        client.join({"socket_url": socket_url}, binary=binary)
        assert first.end() == 0
    client.until("() => !db.status.connected")
    port = root.rstrip("/").rpartition(":")[2]
    with started([*command, f"--port={port}"], cwd=tmp_path, env=environment()) as second:
        client.until("() => db.status.connected")
        client.run("() => { window.heard = pushes(db, 'k') }")
        client.run(
            """() => db.send({
                type: "push", key: "k", value: "after", action: { type: "append" }
            })"""
        )
        client.until("() => heard.length === 1")
        client.run("() => db.disconnect()")
        assert second.end() == 0
