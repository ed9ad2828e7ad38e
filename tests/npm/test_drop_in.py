"""What the drop-in for ``driftdb`` can that the package itself can't: miss nothing, end equal."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from ..browser import NewWindow, become_equal
from ..e2e.standalone import Standalone
from ..server.processes import Process
from .test_driftdb import REDUCER, STATE, Client


@pytest.fixture
def two(new_window: NewWindow, pages: str, server: Process) -> tuple[Client, Client]:
    one, other = (Client(new_window(), pages, server.server.root, ours=True) for _ in range(2))
    room = one.new_room()
    return one.join(room), other.join(room)


EACH_5_MILLISECONDS = """name => {
    window.acting = (async () => {
        for (let number = 0; number < 40; number++) {
            ACT;
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    })();
}"""


NEWEST = """async () => {
    const heard = [];
    const listener = ({ value }) => heard.push(value.v);
    db.subscribe("s", listener);
    await db.testLatency();
    db.unsubscribe("s", listener);
    return heard.at(-1);
}"""


def test_who_writes_a_state_at_once_ends_with_the_same_value(two: tuple[Client, Client]) -> None:
    one, other = two
    for client in two:
        client.run(STATE)
    for client, name in zip(two, "ab", strict=True):
        client.run(
            EACH_5_MILLISECONDS.replace("ACT", "state.setStateOptimistic(name + number)"), name
        )
    for client in two:
        client.run("() => acting")
    reads = [(one, "() => shown"), (other, "() => shown"), (one, NEWEST)]
    become_equal(one.page, *(partial(client.run, script) for client, script in reads))


def test_actions_dispatched_at_once_end_in_one_order(two: tuple[Client, Client]) -> None:
    words = REDUCER.replace("sum + add", "sum + ' ' + add").replace("Value: 0", "Value: ''")
    for client in two:
        client.run(words)
    for client, name in zip(two, "ab", strict=True):
        client.run(EACH_5_MILLISECONDS.replace("ACT", "reducer.dispatch(name + number)"), name)
    for client in two:
        client.until("() => shown?.trim().split(' ').length === 80")
    assert two[0].run("() => shown") == two[1].run("() => shown")


def test_who_unsubscribes_hears_no_more(two: tuple[Client, Client]) -> None:
    one, other = two
    one.run(
        """() => {
            window.heard = [];
            const listener = ({ value }) => heard.push(value);
            db.subscribe("k", listener);
            db.unsubscribe("k", listener);
            db.subscribe("end", listener);
        }"""
    )
    other.push("k", "unheard")
    other.push("end", "heard")
    one.until("() => heard.length > 0")
    assert one.run("() => heard") == ["heard"]


def test_over_a_restart_of_the_server_nothing_is_missed_and_nothing_lost(
    new_window: NewWindow, pages: str, tmp_path: Path
) -> None:
    server = Standalone(tmp_path)
    with server.running():
        one, other = (Client(new_window(), pages, server.root, ours=True) for _ in range(2))
        room = one.new_room()
        for client in (one.join(room), other.join(room)):
            client.hear("k")
            client.run(STATE)
        one.push("k", 1)
        one.run("() => state.setStateOptimistic('before')")
        other.until("() => heard.length === 1 && shown === 'before'")
    for client in (one, other):
        client.until("() => !db.status.connected")
    one.run(
        """() => {
            for (const value of [2, 3])
                db.send({ type: "push", key: "k", value, action: { type: "append" } });
            state.setStateOptimistic("meanwhile");
        }"""
    )
    with server.running():
        for client in (one, other):
            client.until("() => heard.length === 3 && shown === 'meanwhile'")
            assert client.run("() => heard.map(({ value }) => value)") == [1, 2, 3]
            client.page.close()
