"""What a room finds for a client, as tests look at it."""

from __future__ import annotations

from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.rooms.room import Found

__all__ = ["told"]


def told(found: Found) -> tuple[list[Entry], bool]:
    """The entries that are given, and whether they are what was missed."""
    assert all(found.lists)
    return [entry for entries in found.lists for entry in entries], found.recovered
