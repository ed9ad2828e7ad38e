"""The small things that servers share beside rooms, in Redis."""

from __future__ import annotations

from collections.abc import Callable

from .store import Store

__all__ = ["RedisShared"]


class RedisShared:
    """Contents in Redis, each under a key of its own (see :class:`..shared.SharedStore`).

    ``behind``: how long it is not certain that this server has all, in seconds.
    """

    def __init__(self, store: Store, behind: Callable[[], float]) -> None:
        self.server = store.server
        self._store = store
        self._behind = behind

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
