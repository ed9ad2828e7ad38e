"""What must be true however the servers, networks and disks between clients broke.

The clients are those of ``client.py``, and all of them that pushed in a room. Each function raises
:class:`AssertionError` with what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..conformance.peer import fetch, get
from .client import Client, Entry, Life

__all__ = [
    "Truth",
    "check",
    "every_replica_is_equal",
    "nothing_doubled",
    "nothing_lost",
    "nothing_missed",
    "truth",
]

Truth = Mapping[str, Sequence[Entry]]  # what a room holds, by key


async def truth(room_url: str, keys: Sequence[str]) -> Truth:
    """What the server says that a room holds, by ``POST /room/ID/send``."""
    held = {}
    for key in keys:
        answer = await fetch(f"{room_url}/send", method="POST", body=json.dumps(get(key)))
        assert answer.status == 200, f"expected an init, got {answer.status}: {answer.body!r}"
        held[key] = [(entry["seq"], entry["value"]) for entry in answer.json["data"]]
    return held


def check(clients: Sequence[Client], held: Truth) -> None:
    """All of them."""
    for client in clients:
        assert not client.breaches, f"{client.name}: {client.breaches[:3]}"
    nothing_lost(clients, held)
    nothing_doubled(clients, held)
    nothing_missed(clients)
    every_replica_is_equal(clients, held)


def nothing_lost(clients: Sequence[Client], held: Truth) -> None:
    """What was acknowledged is there: appended under its number, replaced by none but a newer."""
    places: dict[tuple[str, str, int], list[Entry]] = {}
    for key, stream in held.items():
        for entry in stream:
            places.setdefault((key, entry[1]["by"], entry[1]["n"]), []).append(entry)
    for client in clients:
        for push_id, seq in client.acknowledged.items():
            key, values = client.pushes[push_id]
            value = values[-1]
            stream = held[key]
            kind = client.replicas[key].kind
            what = f"{value} of {client.name} on {key!r}, acknowledged as {seq}"
            if kind in ("append", "append two"):
                for each in values:
                    entries = places.get((key, each["by"], each["n"]), [])
                    found = [entry[0] for entry in entries if entry[1] == each]
                    assert found, f"lost: {each}, of {what}"
                assert seq is None or seq in found, f"under another number, {found}: {what}"
            elif kind == "replace":
                newest = stream[-1] if stream else (0, None)
                assert seq is None or seq <= newest[0], f"lost: {what}, the newest is {newest}"
                assert seq != newest[0] or value == newest[1], f"another value, {newest}: {what}"


def nothing_doubled(clients: Sequence[Client], held: Truth) -> None:
    """A push was applied once, those of a client in its order, and what was refused not at all."""
    refused = _refused(clients)
    for key, stream in held.items():
        newest: dict[str, int] = {}
        for seq, value in stream:
            by, n = value["by"], value["n"]
            assert n > newest.get(by, 0), f"{value} on {key!r} as {seq}, behind {newest[by]}"
            assert (key, by, n) not in refused, f"refused, and applied as {seq}: {value}"
            newest[by] = n


def nothing_missed(clients: Sequence[Client], *, acknowledged_may_be_lost: bool = False) -> None:
    """Each client heard a key's pushes in order, from any start on without a gap or a double.

    Where what was acknowledged may be lost (``batched``, without power), a stream that a client
    started over from may lack what came just before the pushes behind it.
    """
    refused = _refused(clients)
    for client in clients:
        for key, replica in client.replicas.items():
            for life in replica.lives:
                who = f"{client.name} on {key!r}"
                _in_order(who, life)
                start = [] if acknowledged_may_be_lost else life.start
                _no_gap(who, key, start, life.pushes, refused)


def every_replica_is_equal(clients: Sequence[Client], held: Truth) -> None:
    """What a client believes to be there is there."""
    for client in clients:
        for key, replica in client.replicas.items():
            believed, real = replica.entries, list(held[key])
            assert believed == real, (
                f"{client.name} on {key!r} believes in {len(believed)} values, there are "
                f"{len(real)}; the first that differs: {_first_difference(believed, real)}"
            )


def _in_order(who: str, life: Life) -> None:
    newest_seq = 0
    newest: dict[str, int] = {}
    for seq, value in life.start + life.pushes:
        by, n = value["by"], value["n"]
        assert seq > newest_seq, f"{who}: {seq} behind {newest_seq}"
        assert n > newest.get(by, 0), f"{who}: {value} as {seq}, behind {newest[by]}"
        newest_seq, newest[by] = seq, n


def _no_gap(
    who: str,
    key: str,
    start: Sequence[Entry],
    pushes: Sequence[Entry],
    refused: set[tuple[str, str, int]],
) -> None:
    newest = {value["by"]: value["n"] for _, value in start}
    for seq, value in pushes:
        by, n = value["by"], value["n"]
        missing = [m for m in range(newest.get(by, n) + 1, n) if (key, by, m) not in refused]
        assert not missing, f"{who}: {missing} of {by} missed before {value} as {seq}"
        newest[by] = n


def _refused(clients: Sequence[Client]) -> set[tuple[str, str, int]]:
    """The pushes that were refused: key, by whom, and their n."""
    pushes = [client.pushes[push_id] for client in clients for push_id in client.refused]
    return {(key, value["by"], value["n"]) for key, values in pushes for value in values}


def _first_difference(believed: Sequence[Entry], real: Sequence[Entry]) -> tuple[Any, Any]:
    for one, other in zip(believed, real, strict=False):
        if one != other:
            return one, other
    shorter = min(len(believed), len(real))
    return (list(believed[shorter : shorter + 1]), list(real[shorter : shorter + 1]))
