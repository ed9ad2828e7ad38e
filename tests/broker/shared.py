"""What several servers share, for tests: each of them has one of these, made of the same place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from driftdb_jupyter.protocol.errors import Unavailable

__all__ = ["FakeShared", "Place"]


class Place:
    """Where everything is that servers share.

    ``meanwhile``: what happens before the next content is replaced. ``away``: whether it can't be
    reached.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.lent: dict[str, bytes] = {}
        self.counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.meanwhile: list[Callable[[], Coroutine[Any, Any, object]]] = []
        self.away = False
        self.servers = count(1)


class FakeShared:
    """A server's way to the place."""

    behind_seconds = 0.0

    def __init__(self, place: Place) -> None:
        self.server = str(next(place.servers))
        self._place = place

    async def read(self, name: str) -> bytes:
        return self._reached().contents.get(name, b"")

    async def replace(self, name: str, before: bytes, after: bytes) -> bool:
        if self._reached().meanwhile:
            await self._place.meanwhile.pop()()
        if self._place.contents.get(name, b"") != before:
            return False
        self._place.contents[name] = after
        return True

    async def lend(self, name: str, content: bytes, *, seconds: float) -> None:
        self._reached().lent[name] = content

    async def take(self, name: str) -> bytes | None:
        return self._reached().lent.pop(name, None)

    async def count(self, name: str, here: int, *, limit: int) -> bool:
        counts = self._reached().counts[name]
        others = sum(found for server, found in counts.items() if server != self.server)
        if others + here > limit:
            return False
        counts[self.server] = here
        return True

    def recount(self, name: str, here: int) -> None:
        self._place.counts[name][self.server] = here

    def _reached(self) -> Place:
        if self._place.away:
            raise Unavailable("it is away")
        return self._place
