"""The loads, and what our server has to show under each beside DriftDB's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["IDLE", "QUICK", "SCENARIOS", "Idle", "Scenario"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Rooms with one publisher each, which pushes as fast as its window and the rate allow.

    ``window``: pushes of a publisher that may be under way, until its own echo confirms one.
    ``rate``: pushes a second and room; 0: as fast as the window allows.
    ``least_of_driftdb``: the goals for the deliveries a second of servers of ours, by their names,
    those of DriftDB's server being 1.
    ``shorter_tail``: whether the 99th percentile of our delays has to be below DriftDB's.
    ``every_way``: whether all ways into our server are measured unless some are named.
    ``least_of_memory``: the goal for our deliveries a second with a journal (``batched``), those
    in memory being 1; so it is measured with one, too.
    """

    title: str
    rooms: int = 1
    subscribers: int = 100
    messages: int
    window: int = 16
    payload_bytes: int = 64
    rate: int = 0
    action: str = "relay"
    least_of_driftdb: Mapping[str, float] = field(default_factory=dict)
    shorter_tail: bool = False
    every_way: bool = False
    least_of_memory: float | None = None


@dataclass(frozen=True, kw_only=True)
class Idle:
    """Connections that subscribe and then do nothing.

    ``least_of_tornado``: the goal for the connections that a server of ours opens a second, by its
    name, those of a bare Tornado handler in the same run being 1.
    """

    title: str
    connections: int
    most_kilobytes_each: float
    least_of_tornado: Mapping[str, float]


SCENARIOS = {
    "fan-out": Scenario(
        title="1 room × 100 subscribers, 16 in flight",
        messages=10_000,
        least_of_driftdb={"ours": 3},
        every_way=True,
        least_of_memory=0.9,
    ),
    # As short as the goal was set for: DriftDB's server is not warm then, and spends a good part of
    # its time in a wait of 40 ms at the end (Nagle's algorithm).
    "rooms": Scenario(
        title="50 rooms × 3, 16 in flight in each, 400 pushes a room",
        rooms=50,
        subscribers=2,
        messages=400,
        least_of_driftdb={"ours": 2.7},
    ),
    "rooms-warm": Scenario(
        title="50 rooms × 3, 16 in flight in each, 4,000 pushes a room",
        rooms=50,
        subscribers=2,
        messages=4_000,
        least_of_driftdb={"ours-cbor": 1},
        every_way=True,
        least_of_memory=0.9,
    ),
    "large": Scenario(
        title="1 room × 50 subscribers, 16 KiB values, 8 in flight",
        subscribers=50,
        messages=1_000,
        window=8,
        payload_bytes=16 * 1024,
        least_of_driftdb={"ours": 3},
        every_way=True,
    ),
    "echo": Scenario(
        title="echo of one connection's own pushes, 16 in flight",
        subscribers=0,
        messages=200_000,
        least_of_driftdb={"ours": 1},
        every_way=True,
    ),
    "steady": Scenario(
        title="1 room × 100 subscribers, 100 pushes a second",
        messages=300,
        window=300,
        rate=100,
        shorter_tail=True,
        every_way=True,
    ),
    "crowd": Scenario(
        title="1 room × 1,000 subscribers, 16 in flight", subscribers=1_000, messages=1_000
    ),
    "window": Scenario(
        title="1 room × 100 subscribers, 256 in flight", messages=10_000, window=256
    ),
    "replace": Scenario(
        title="replace: 1 room × 100 subscribers, 16 in flight",
        messages=5_000,
        action="replace",
        least_of_memory=0.85,
    ),
    "rooms-replace": Scenario(
        title="replace: 50 rooms × 3, 16 in flight in each",
        rooms=50,
        subscribers=2,
        messages=2_000,
        action="replace",
        least_of_memory=0.6,
    ),
    # Few, because DriftDB's server takes 44 ms for each window of them.
    "append": Scenario(
        title="append: 1 room × 100 subscribers, 16 in flight", messages=1_000, action="append"
    ),
}
IDLE = Idle(
    title="3,000 idle connections",
    connections=3_000,
    most_kilobytes_each=11,
    least_of_tornado={"ours": 0.75, "ours-jupyter": 0.4},
)
QUICK = Scenario(
    title="3 rooms × 20 subscribers, 16 in flight", rooms=3, subscribers=20, messages=500
)
