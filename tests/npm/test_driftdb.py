"""Every class of the ``driftdb`` package, unmodified, in JSON and CBOR; and of our drop-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocket

from ..browser import NewWindow
from ..server.processes import COMMAND, Process, environment, started


class Client:
    """A page with the package; ``db`` is its connection to a room, ``messages`` what came."""

    def __init__(self, page: Page, pages: str, api: str, *, ours: bool = False) -> None:
        self.page = page
        self.http_url = ""
        page.goto(f"{pages}/client{'-ours' if ours else ''}.html")
        page.wait_for_function("() => window.driftdb")
        page.evaluate("api => { window.api = new driftdb.Api(api) }", api)

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def until(self, condition: str) -> None:
        self.page.wait_for_function(condition)

    def new_room(self) -> dict[str, str]:
        room: dict[str, str] = self.run("() => api.newRoom()")
        return room

    def join(self, room: dict[str, str], *, binary: bool = False, query: str = "") -> Client:
        self.http_url = room.get("http_url", "")
        self.run("([url, binary]) => join(url, binary)", [room["socket_url"] + query, binary])
        return self

    def hear(self, key: str) -> None:
        """Subscribe; ``heard`` is what came of it."""
        self.run("key => hear(key)", key)

    def push(self, key: str, value: Any, action: str = "append") -> None:
        """Push, and go on when the server has taken it."""
        self.run(
            """async ([key, value, type]) => {
                db.send({ type: "push", key, value, action: { type } });
                await db.testLatency();
            }""",
            [key, value, action],
        )


NewClients = Callable[[bool, bool], tuple[Client, Client]]


@pytest.fixture
def new_clients(new_window: NewWindow, pages: str, server: Process) -> NewClients:
    """Opens two pages: each with DriftDB's package, or with the drop-in (``True``)."""

    def open_pages(one: bool, other: bool) -> tuple[Client, Client]:
        first, second = (
            Client(new_window(), pages, server.server.root, ours=ours) for ours in (one, other)
        )
        return first, second

    return open_pages


@pytest.fixture(params=[False, True], ids=["npm", "ours"])
def two(request: pytest.FixtureRequest, new_clients: NewClients) -> tuple[Client, Client]:
    """Two pages with the same package."""
    return new_clients(request.param, request.param)


@pytest.fixture(
    params=[
        pytest.param((False, False, False), id="npm-json"),
        pytest.param((False, False, True), id="npm-cbor"),
        pytest.param((True, False, True), id="mixed"),
        pytest.param((True, True, False), id="ours"),
    ]
)
def joined(request: pytest.FixtureRequest, new_clients: NewClients) -> tuple[Client, Client]:
    """Two clients in one room, the first one in JSON or in CBOR."""
    first_ours, second_ours, binary = request.param
    one, other = new_clients(first_ours, second_ours)
    room = one.new_room()
    return one.join(room, binary=binary), other.join(room)


def test_api_makes_and_finds_rooms(two: tuple[Client, Client]) -> None:
    one, other = two
    room = one.new_room()
    assert set(room) == {"room", "socket_url", "http_url"}
    assert other.run("id => api.getRoom(id)", room["room"]) == room


def test_api_fails_for_a_room_that_is_not_there(two: tuple[Client, Client]) -> None:
    # DriftDB's Api doesn't look at the status: only the empty body of the 404, which is no JSON,
    # makes it fail. A TypeError would be the browser's, for want of the CORS header.
    script = "id => api.getRoom(id).then(() => 'a room', (error) => error.name)"
    assert two[0].run(script, "nowhere") in ("SyntaxError", "NoRoom")


def test_pushes_arrive_with_their_numbers(joined: tuple[Client, Client]) -> None:
    one, other = joined
    for client in joined:
        client.hear("k")
    value = {"text": "größe 🎈", "list": [1, 2.5, None, True]}
    one.push("k", value)
    other.push("k", "back")
    for client in joined:
        client.until("() => heard.length === 2")
        assert client.run("() => heard") == [
            {"seq": 1, "value": value},
            {"seq": 2, "value": "back"},
        ]


def test_latency_is_measured(joined: tuple[Client, Client]) -> None:
    assert joined[0].run("() => db.testLatency()") > 0


@pytest.mark.parametrize("ours", [False, True], ids=["npm", "ours"])
@pytest.mark.parametrize("late", [False, True], ids=["in a push", "in an init"])
def test_bytes_stay_bytes_in_cbor_and_become_numbers_in_json(
    new_window: NewWindow, pages: str, server: Process, late: bool, ours: bool
) -> None:
    one, binary, text = (
        Client(new_window(), pages, server.server.root, ours=ours) for _ in range(3)
    )
    room = one.new_room()
    one.join(room, binary=True)
    binary.join(room, binary=True)
    text.join(room)
    push = """async () => {
        const value = new Uint8Array([1, 255]);
        db.send({ type: "push", key: "k", value, action: { type: "append" } });
        await db.testLatency();
    }"""
    if late:
        one.run(push)
    for client in (binary, text):
        client.hear("k")
    if not late:
        one.run(push)
    binary.until("() => heard.length === 1")
    assert binary.run("() => [heard[0].value instanceof Uint8Array, ...heard[0].value]") == [
        True,
        1,
        255,
    ]
    text.until("() => heard.length === 1")
    assert text.run("() => heard[0].value") == [1, 255]


STATE = """() => {
    window.shown = null;
    window.state = new driftdb.StateListener({
        db, key: "s", callback: (value) => { window.shown = value; },
    });
    state.subscribe();
}"""


def test_states_follow_each_other(joined: tuple[Client, Client]) -> None:
    for client in joined:
        client.run(STATE)
    joined[0].run("() => state.setStateOptimistic({ a: 1 })")
    joined[1].until("() => shown?.a === 1")
    joined[1].run("() => state.setStateOptimistic({ a: 2 })")
    joined[0].until("() => shown?.a === 2")


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
    one.run(
        """async (url) => {
            for (let number = 1; number <= 20; number++) reducer.dispatch(number);
            // The sizes or acks come, snapshots go out, and these arrive: each takes a round trip.
            for (let trip = 0; trip < 6; trip++) await db.testLatency();
            const http = new driftdb.HttpConnection(url);
            const held = async () => (await http.send({ type: "get", key: "r" })).data;
            for (let data = []; data[0]?.value.reset !== 210; data = await held());
        }""",
        one.http_url,
    )
    other.run(REDUCER)
    other.until("() => shown === 210")
    init = "() => messages.find((message) => message.type === 'init').data"
    (snapshot,) = other.run(init)
    assert snapshot["value"] == {"reset": 210}
    other.run("() => reducer.dispatch(5)")
    one.until("() => shown === 215")


IN_PLACE = """(initialValue) => {
    window.reducer = new driftdb.Reducer({
        db, key: "r", initialValue, sizeThreshold: 4,
        reducer: (list, item) => { list.push(item); return list; },
        callback: (value) => { window.shown = JSON.stringify(value); },
    });
    reducer.subscribe();
}"""


def test_a_reducer_may_change_its_state_in_place(joined: tuple[Client, Client]) -> None:
    for client in joined:
        client.run(IN_PLACE, [])
    for number in range(6):
        for client, name in zip(joined, "ab", strict=True):
            client.run("item => reducer.dispatch(item)", f"{name}{number}")
            for each in joined:
                each.until(f"() => window.shown?.includes('{name}{number}')")
    shown = [client.run("() => JSON.parse(shown)") for client in joined]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 12


def test_npm_reads_no_snapshot_in_parts_says_so_and_leaves_it_alone(
    new_clients: NewClients, unknown: list[str]
) -> None:
    ours, npm = new_clients(True, False)
    room = ours.new_room()
    ours.join(room).run(IN_PLACE, [])
    npm.join(room).run(IN_PLACE, [])
    ours.run(
        """async () => {
            for (let number = 0; number < 16; number++) reducer.dispatch("x".repeat(100_000));
            await db.room.flush();
        }"""
    )
    ours.until("() => db.room.keys().then((keys) => keys.r.size < 15)")
    late = new_clients(False, True)
    for client in late:
        client.join(room).run(IN_PLACE, [])
    late[1].until("() => JSON.parse(window.shown ?? '[]').length === 16")
    late[0].run("async () => { reducer.dispatch('late'); await db.testLatency(); }")
    for client in (ours, npm, late[1]):
        client.until("() => JSON.parse(shown).length === 17 && shown.includes('late')")
    assert "Unknown message type error" in unknown
    assert any("{part: 0, of: " in each for each in unknown)  # who was there before
    unknown.clear()
    fresh, _ = new_clients(True, True)
    fresh.join(room).run(IN_PLACE, [])
    fresh.until("() => JSON.parse(window.shown ?? '[]').length === 17")


def test_presence_shows_who_is_there(joined: tuple[Client, Client]) -> None:
    for number, client in enumerate(joined):
        client.run(
            """number => {
                window.others = {};
                window.presence = new driftdb.PresenceListener({
                    db, clientId: "client" + number, initialState: number,
                    callback: (others) => { window.others = others; },
                });
                presence.subscribe();
            }""",
            number,
        )
    joined[0].until("() => others.client1?.value === 1")
    joined[1].until("() => others.client0?.value === 0")
    for here, there in ((1, 0), (0, 1)):
        joined[here].run("() => presence.updateState('moved')")
        joined[there].until(f"() => others.client{here}.value === 'moved'")


def test_messages_go_over_http_too(two: tuple[Client, Client]) -> None:
    one, other = two
    room = one.new_room()
    other.join(room)
    other.hear("k")
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


def test_over_http_a_refusal_shows_its_status(two: tuple[Client, Client]) -> None:
    room = two[0].new_room()
    send = """([url, message]) => new driftdb.HttpConnection(url).send(message)
        .then(() => "taken", (error) => error.message)"""
    bad = two[0].run(send, [room["http_url"], {"type": "nonsense"}])
    assert bad == "HTTP error 400: Bad Request"
    nowhere = room["http_url"].replace(room["room"], "nowhere")
    lost = two[0].run(send, [nowhere, {"type": "ping"}])
    assert lost == "HTTP error 404: Not Found"


@pytest.mark.parametrize("two", [False], ids=["npm"], indirect=True)
def test_a_debug_connection_hears_of_every_key(two: tuple[Client, Client]) -> None:
    one, watcher = two
    room = one.new_room()
    one.join(room).push("k", "before")
    watcher.join(room, query="?debug=true")
    watcher.until("() => messages.length === 1")
    one.push("k", "after")
    one.push("other", "passing", "relay")
    watcher.until("() => messages.length === 3")
    before, after = {"seq": 1, "value": "before"}, {"seq": 2, "value": "after"}
    assert watcher.run("() => messages") == [
        {"type": "init", "key": "k", "data": [before]},
        {"type": "init", "key": "k", "data": [before, after]},
        {"type": "push", "key": "other", "value": "passing", "seq": 3},
    ]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "cbor"])
def test_a_cut_connection_comes_back_in_its_encoding(
    new_window: NewWindow, pages: str, server: Process, binary: bool
) -> None:
    client = Client(new_window(), pages, server.server.root)
    room = client.new_room()
    urls: list[str] = []
    frames: list[str | bytes] = []

    def watch(socket: WebSocket) -> None:
        urls.append(socket.url)
        socket.on("framereceived", lambda frame: frames.append(frame))

    client.page.on("websocket", watch)
    client.join(room, binary=binary).push("k", "before")
    for _ in range(2):
        client.run("() => db.connection.close()")
        client.until("() => !db.status.connected")
        client.until("() => db.status.connected")
    client.hear("k")
    assert client.run("() => heard") == [{"seq": 1, "value": "before"}]
    # The package appends its query once more each time.
    query = "?cbor=true" if binary else ""
    assert urls == [room["socket_url"] + query * times for times in (1, 2, 3)]
    assert {type(frame) for frame in frames} == {bytes if binary else str}


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
        client.hear("k")
        client.push("k", "after")
        client.until("() => heard.length === 1")
        client.run("() => db.disconnect()")
        assert second.end() == 0
