"""What a client says and shows, as data; TypeScript's is held to the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.state import Update

from ..conformance.vectors import load


class Driver:
    """Carries out the steps of a vector; each takes what its name stands for in the data."""

    def __init__(self) -> None:
        self.session = Session()
        self.frames: list[Any] = []

    def join(self, kind: str, *, initial: Any = None) -> None:
        if kind == "state":
            state = self.session.state("k")
            if initial is not None:
                state.offer(json.dumps(initial).encode())
        elif kind == "log":
            self.session.log("k", keep=True)
        else:
            self.session.presence("k")

    def connect(self, _: bool) -> None:
        self.frames = []
        self.session.connected()

    def disconnect(self, _: bool) -> None:
        self._pump()
        self.session.disconnected()

    def retry(self, _: bool) -> None:
        self.session.retry()

    def hear(self, message: Any) -> None:
        self._pump()
        self.session.receive(json.dumps(message))
        self._pump()
        for replica in self.session.stale():
            rebase = replica.rebase()
            assert rebase is not None
            base = rebase.base
            for update in rebase.updates:
                base = update.result = update.step(base)
            replica.rebased(rebase)

    def write(self, value: Any) -> None:
        self.session.state("k").write(json.dumps(value).encode())

    def add(self, number: int) -> None:
        def step(base: bytes | None) -> bytes:
            return str(int(base or b"0") + number).encode()

        state = self.session.state("k")
        state.update(Update(step, step(state.shown)), base=state.shown)

    def append(self, value: Any) -> None:
        self.session.log("k", keep=True).push(json.dumps(value).encode(), keep=True)

    def say(self, value: Any) -> None:
        self.session.presence("k").set(json.dumps(value).encode())

    def sent(self, messages: list[Any]) -> None:
        self._pump()
        assert self.frames == messages
        self.frames = []

    def shows(self, value: Any) -> None:
        shown = self.session.state("k").shown
        assert shown is not None
        assert json.loads(shown) == value

    def holds(self, values: list[Any]) -> None:
        entries = self.session.log("k", keep=True).entries
        assert [json.loads(entry.value) for entry in entries] == values

    def here(self, people: dict[str, Any]) -> None:
        known = self.session.presence("k").people
        assert {client: json.loads(who.value) for client, who in known.items()} == people

    def waiting(self, count: int) -> None:
        assert self.session.waiting == count

    def _pump(self) -> None:
        self.frames += [json.loads(frame) for frame in self.session.outgoing()]


@pytest.mark.parametrize("vector", [pytest.param(v, id=v["rule"]) for v in load("clients")])
def test_a_client_says_and_shows_what_the_protocol_has(vector: dict[str, Any]) -> None:
    driver = Driver()
    for step in vector["steps"]:
        (name, told), *options = step.items()
        getattr(driver, name)(told, **dict(options))
