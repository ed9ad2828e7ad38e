"""The small things that servers share beside rooms, in Redis."""

from __future__ import annotations

from collections.abc import Callable

from ...protocol.errors import Unavailable
from .store import Store

__all__ = ["RedisShared"]

# How long the counts of a server are there that says nothing more; they count as long as it lives.
_COUNTED_SECONDS = 24 * 60 * 60
_COUNTS_AT_ONCE = 500


class RedisShared:
    """Contents in Redis, each under a key of its own (see :class:`..shared.SharedStore`).

    ``behind``: how long it is not certain that this server has all, in seconds.
    """

    def __init__(self, store: Store, behind: Callable[[], float]) -> None:
        self.server = store.server
        self._store = store
        self._behind = behind
        self._counts: dict[str, int] = {}
        self._untold: set[str] = set()

    @property
    def behind_seconds(self) -> float:
        """How long it is not certain that this server has all that the others wrote; 0 if it is."""
        return self._behind()

    async def read(self, name: str) -> bytes:
        """Return a content, empty where there is none."""
        content: bytes | None = await self._store.ask("GET", self._store.keys.shared(name))
        return content or b""

    async def replace(self, name: str, before: bytes, after: bytes) -> bool:
        """Put a content in the place of another, and tell whether that was still there."""
        key = self._store.keys.shared(name)
        reply = await self._store.do(None, "replace", before, after, written=key)
        return bool(reply[0] == b"replaced")

    async def lend(self, name: str, content: bytes, *, seconds: float) -> None:
        """Keep a content until somebody takes it, or that time is over."""
        milliseconds = max(1, int(seconds * 1000))
        await self._store.ask("SET", self._store.keys.shared(name), content, "PX", milliseconds)

    async def take(self, name: str) -> bytes | None:
        """Return a content that was lent, and forget it; ``None`` for all but the first."""
        content: bytes | None = await self._store.ask("GETDEL", self._store.keys.shared(name))
        return content

    async def count(self, name: str, here: int, *, limit: int) -> bool:
        """Say how many this server counts under a name, unless all servers count more than a limit.

        Returns whether they don't.
        """
        self.recount(name, here)
        counts = self._store.keys.shared("counts:")
        try:
            reply = await self._store.do(None, "count", counts, self.server, name, here, limit)
        finally:
            # Redis may have noted this number after a newer one, which is told again.
            self.recount(name, self._counts.get(name, 0))
        return bool(reply[0] == b"counted")

    def recount(self, name: str, here: int) -> None:
        """Say, within a second, how many this server counts under a name now."""
        self._counts[name] = here
        self._untold.add(name)

    async def tell_counts(self, *, again: bool = False) -> None:
        """Say what was counted lately, or ``again`` all; raises :class:`Unavailable`."""
        names = sorted(self._counts if again else self._untold)
        self._untold = set()
        key = self._store.keys.shared(f"counts:{self.server}")
        for first in range(0, len(names), _COUNTS_AT_ONCE):
            told = {name: self._counts[name] for name in names[first : first + _COUNTS_AT_ONCE]}
            commands: list[tuple[object, ...]] = [
                ("HSET", key, name, here) if here else ("HDEL", key, name)
                for name, here in told.items()
            ]
            try:
                await self._store.ask_all(*commands, ("EXPIRE", key, _COUNTED_SECONDS))
            except Unavailable:
                self._untold.update(names[first:])
                raise
            for name, here in told.items():
                if not here and name not in self._untold:  # nothing was said of it meanwhile
                    del self._counts[name]
