"""A batch: the rows of one room that are written together, or not at all."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct, field

__all__ = ["Batch", "Row"]

Row: TypeAlias = "tuple[object, ...]"


class Batch(Struct, eq=False):
    """Rows by what is to be done with them, in this order.

    ``room``: the number of the room that they belong to. ``deleted``: (name,): rooms that lose
    their name. ``created``: whole rows of new rooms. ``rooms``: the same without the name, of rooms
    that are there. ``removed``: (room, key, seq): what the stream holds up to that number goes.
    ``authors``, ``entries``, ``producers``, ``ids``: rows of these tables, which take the place of
    what has the same key. ``left``: (producer,): the clients that are forgotten. ``forgotten``:
    (producer, id): older ids go. ``access_removed``: (room, kind, name), and ``access``: rows of
    that table.
    """

    room: int | None = None
    deleted: list[Row] = field(default_factory=list)
    created: list[Row] = field(default_factory=list)
    rooms: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    authors: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    producers: list[Row] = field(default_factory=list)
    forgotten: list[Row] = field(default_factory=list)
    ids: list[Row] = field(default_factory=list)
    access_removed: list[Row] = field(default_factory=list)
    access: list[Row] = field(default_factory=list)
