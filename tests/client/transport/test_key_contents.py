from __future__ import annotations

import pytest

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.key_contents import read_keys
from driftdb_jupyter.client.transport.location import locate
from driftdb_jupyter.protocol.errors import RoomNotFound, Unreachable


def test_it_shows_the_newest_value_of_each_key(mine: Room) -> None:
    mine.stream("b").extend([1, 2, 3]).result()
    mine.state("a").set("x").result()
    seen = read_keys(mine.connection.location, Settings(), timeout_seconds=60)
    assert list(seen) == ["$meta/b", "a", "b"]
    newest = {key: each.newest.value for key, each in seen.items() if each.newest and key in "ab"}
    assert newest == {"a": b'"x"', "b": b"3"}
    assert (seen["b"].info.size, seen["b"].info.seq) == (3, 3)
    stamp = seen["b"].newest.stamp if seen["b"].newest is not None else None
    assert stamp is not None
    assert stamp.client


def test_only_keys_that_begin_so_are_looked_at(mine: Room) -> None:
    for key in ("a", "ab", "b"):
        mine.stream(key).append(0).result()
    seen = read_keys(mine.connection.location, Settings(), prefix="a", timeout_seconds=60)
    assert list(seen) == ["a", "ab"]


def test_why_a_room_cannot_be_seen_is_said(mine: Room) -> None:
    nowhere = locate(url=mine.url + "x")
    with pytest.raises(RoomNotFound, match="no such room"):
        read_keys(nowhere, Settings(), timeout_seconds=60)
    with pytest.raises(Unreachable, match="nothing answers"):
        read_keys(locate("r", url="http://127.0.0.1:9/"), Settings(), timeout_seconds=60)
