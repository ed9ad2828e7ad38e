"""The small things that all servers of a broker share beside rooms."""

from __future__ import annotations

from typing import Protocol

__all__ = ["SharedStore"]


class SharedStore(Protocol):
    """Contents by name, the same at all servers that share their rooms.

    ``server``: the id of this server among them. All methods raise
    :class:`~..protocol.errors.Unavailable`.
    """

    server: str

    @property
    def behind_seconds(self) -> float:
        """How long it is not certain that this server has all that the others wrote; 0 if it is."""

    async def read(self, name: str) -> bytes:
        """Return a content, empty where there is none."""

    async def replace(self, name: str, before: bytes, after: bytes) -> bool:
        """Put a content in the place of another, and tell whether that was still there."""

    async def lend(self, name: str, content: bytes, *, seconds: float) -> None:
        """Keep a content until somebody takes it, or that time is over."""

    async def take(self, name: str) -> bytes | None:
        """Return a content that was lent, and forget it; ``None`` for all but the first."""

    async def count(self, name: str, here: int, *, limit: int) -> bool:
        """Say how many this server counts under a name, unless all servers count more than a limit.

        Returns whether they don't.
        """

    def recount(self, name: str, here: int) -> None:
        """Say, within a second, how many this server counts under a name now."""
