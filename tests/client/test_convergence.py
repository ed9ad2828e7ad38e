"""Any schedule of writes, delays, cuts, late frames and restarts ends with equal replicas."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftdb_jupyter.client.session.state import StateReplica

from .fakes import FakePeer, FakeRoom, SimulatedClient

KEYS = ("a", "b")
CLIENTS = 3
Step = tuple[str, int, str]

steps = st.tuples(
    st.sampled_from(
        ["write"] * 3 + ["up"] * 4 + ["down"] * 4 + ["cut", "connect", "late", "forget"]
    ),
    st.integers(0, CLIENTS - 1),
    st.sampled_from(KEYS),
)


class Schedule:
    """Some clients of one room, moved step by step."""

    def __init__(self, *, forgets: bool) -> None:
        self.room = FakeRoom()
        self.clients = [SimulatedClient(self.room, f"client-{n}") for n in range(CLIENTS)]
        self.replicas = [{key: c.session.state(key) for key in KEYS} for c in self.clients]
        for n, replicas in enumerate(self.replicas):
            replicas["a"].offer(b'"initial-%d"' % n)
        self.forgets = forgets
        self.late: list[tuple[FakePeer, bytes]] = []
        self.written: dict[tuple[int, str], bytes] = {}
        self.count = 0

    def do(self, step: Step) -> None:
        """Make one step."""
        action, n, key = step
        client = self.clients[n]
        if action == "write":
            self.count += 1
            self.written[n, key] = json.dumps(f"{n}-{self.count}").encode()
            self.replicas[n][key].write(self.written[n, key])
            client.pump()
        elif action == "up":
            client.move_up()
        elif action == "down":
            client.move_down()
        elif action == "cut":
            self.late += client.cut()
        elif action == "connect":
            client.connect()
        elif action == "late" and self.late:
            self.room.receive(*self.late.pop(0))
        elif action == "forget" and self.forgets:
            for each in self.clients:
                each.cut()
            self.late.clear()
            self.room.forget()

    def heal(self) -> None:
        """Connect everybody, and exchange frames until nothing is under way."""
        for client in self.clients:
            client.connect()
        while any(client.up or client.down for client in self.clients):
            for client in self.clients:
                client.move_up()
                client.move_down()

    def each(self) -> list[tuple[int, str, StateReplica]]:
        """All replicas, with their client and key."""
        return [
            (n, key, replica) for n, of in enumerate(self.replicas) for key, replica in of.items()
        ]


@pytest.mark.parametrize("forgets", [False, True], ids=["server that keeps", "server that forgets"])
@given(schedule=st.lists(steps, max_size=60))
@settings(max_examples=300)
def test_all_replicas_end_equal(forgets: bool, schedule: Sequence[Step]) -> None:
    world = Schedule(forgets=forgets)
    for step in schedule:
        world.do(step)
        for n, key, replica in world.each():
            if replica._queued is not None or replica._flying is not None:
                assert replica.shown == world.written[n, key], "an own write jumped back"
    world.heal()
    for _, key, replica in world.each():
        held = world.room.value(key)
        assert replica.shown == (None if held is None else json.dumps(held[0]).encode())
    assert all(client.session.settled for client in world.clients)


@given(schedule=st.lists(steps, max_size=60))
@settings(max_examples=300)
def test_every_last_write_is_applied_and_none_twice(schedule: Sequence[Step]) -> None:
    world = Schedule(forgets=False)
    for step in schedule:
        world.do(step)
    world.heal()
    applied = world.room.applied
    assert len({json.dumps(each) for each in applied}) == len(applied)
    for (n, key), value in world.written.items():
        assert (f"client-{n}", key, json.loads(value)) in applied


@given(schedule=st.lists(steps, max_size=60))
@settings(max_examples=200)
def test_a_restart_that_forgets_loses_no_last_write(schedule: Sequence[Step]) -> None:
    world = Schedule(forgets=True)
    for step in schedule:
        world.do(step)
    world.heal()
    for (n, key), value in world.written.items():
        assert (f"client-{n}", key, json.loads(value)) in world.room.applied
