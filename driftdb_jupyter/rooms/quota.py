"""The bounds of what a room may hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Quota"]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The bounds of one room; a push that would pass one is refused and changes nothing.

    ``keys``: streams that hold something. ``stream_length``: values in one of them.
    ``stream_bytes``, ``room_bytes``: those values as they came, in one stream and in all.
    ``access_bytes``: what is kept about who may do what.
    """

    keys: int = 10_000
    stream_length: int = 1_000_000
    stream_bytes: int = 64 * 1024 * 1024
    room_bytes: int = 256 * 1024 * 1024
    access_bytes: int = 256 * 1024
