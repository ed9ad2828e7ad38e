"""The rooms that a server names: a new one, and a notebook's own.

Which room is a notebook's own is the server's to say: it hears of renames, of which the path in
the kernel's environment tells nothing (see docs/rooms.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from ...protocol.errors import RoomNotFound, Unreachable
from ...protocol.name import notebook_room
from ..runtime.background import background
from ..settings import Settings
from .errors import explain
from .fetch import fetch
from .kernel import kernel_id
from .location import Location

__all__ = ["named"]

_named: dict[Location, Location] = {}


def named(location: Location, settings: Settings, *, timeout_seconds: float) -> Location:
    """Return the location with the name of its room; the same for the whole process.

    Asks the server where the name is not known. Raises
    :class:`~driftdb_jupyter.protocol.errors.Unreachable` where there is no answer within that
    time, :class:`~driftdb_jupyter.protocol.errors.Forbidden`, and for a new room
    :class:`~driftdb_jupyter.protocol.errors.RoomNotFound`.
    """
    if location.room is not None:
        return location
    known = _named.get(location)
    if known is None:
        asking = _ask(location, settings, timeout_seconds)
        try:
            room = background().run(asking, timeout_seconds=None)
        except RoomNotFound:
            if location.notebook is None:
                raise
            room = notebook_room(location.notebook)  # the server names no notebook's room
        known = _named[location] = replace(location, room=room, notebook=None)
    return known


async def _ask(location: Location, settings: Settings, timeout_seconds: float) -> str:
    asked = location
    if location.notebook is None:
        path, method, body = "new", "POST", b""
    else:
        asked = location.names or location
        query = {"kernel": kernel_id() or "", "started_as": location.notebook}
        path, method, body = f"notebook?{urlencode(query, errors='replace')}", "GET", None
    url = asked.server + path
    try:
        answer: Any = msgspec.json.decode(
            await fetch(
                asked, settings, url, method=method, body=body, timeout_seconds=timeout_seconds
            )
        )
        name = answer["room"]
        if not isinstance(name, str):
            raise TypeError
        return name
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Unreachable(
            f"what answers at {asked.server} is no room server: it named no room. Check the URL."
        ) from None
    except Exception as error:
        raise explain(error, asked) from None
