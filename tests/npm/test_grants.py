"""DriftDB's package, unmodified, in a room with a policy: it has what that gives to anyone."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest

from ..browser import NewWindow
from ..server.processes import Process
from .test_driftdb import STATE, Client


def ask(url: str, method: str, content: object = None, secret: str = "") -> Any:
    body = None if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    with urlopen(Request(url, body, headers, method=method), timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("binary", [False, True], ids=["json", "cbor"])
def test_it_goes_on_without_what_it_may_not_do(
    new_window: NewWindow, pages: str, server: Process, unknown: list[str], binary: bool
) -> None:
    root = server.server.root
    room = ask(f"{root}new?admin=true", "POST")
    url, secret = f"{root}room/{room['room']}", room["admin"]
    send = {"type": "push", "value": {"v": 1, "i": ""}, "action": {"type": "replace"}}
    for key in ("s", "secret"):
        ask(f"{url}/send", "POST", {**send, "key": key})
    grants = [{"can": "read", "keys": ["s"]}, {"can": ["append"], "prefixes": ["poll/"]}]
    ask(f"{url}/access", "PUT", {"anyone": grants}, secret)
    client = Client(new_window(), pages, root).join(room, binary=binary)
    client.run(STATE)
    client.until("() => shown === 1")
    client.hear("secret")
    client.push("secret", 2, "replace")
    client.push("s", {"v": 2, "i": "me"}, "replace")
    client.push("poll/1", "yes")
    assert client.run("() => heard") == []
    assert client.run("() => shown") == 1
    refused = "() => messages.filter(({ type }) => type === 'error').map(({ key }) => key)"
    assert client.run(refused) == ["secret", "s"]
    # As any refusal: the package tells its console of it, and goes on.
    assert unknown == ["Unknown message type error"] * 2
    unknown.clear()
    ask(f"{url}/access", "PUT", {"anyone": "write"}, secret)
    client.until("() => heard.length === 1")
    assert client.run("() => heard[0].value") == {"v": 1, "i": ""}
    client.run("() => state.setStateOptimistic(3)")
    assert ask(f"{url}/send", "POST", {"type": "get", "key": "poll/1"})["data"][0]["value"] == "yes"
    client.run("() => db.testLatency()")
    held = ask(f"{url}/send", "POST", {"type": "get", "key": "s"})["data"]
    assert held[0]["value"]["v"] == 3


def test_without_a_grant_it_does_not_come_in(
    new_window: NewWindow, pages: str, server: Process
) -> None:
    root = server.server.root
    room = ask(f"{root}new?admin=true", "POST")
    ask(f"{root}room/{room['room']}/access", "PUT", {}, room["admin"])
    client = Client(new_window(), pages, root)
    joining = "url => join(url, false).then(() => 'in', () => 'out')"
    assert client.run(joining, room["socket_url"]) == "out"
