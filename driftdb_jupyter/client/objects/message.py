"""A value with its number, and who wrote it and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..session.log import Heard
from ..values.encoding import decode

__all__ = ["Message"]


@dataclass(frozen=True, kw_only=True)
class Message:
    """A value of a stream or a channel with its stamps (``stamps=True``).

    ``seq`` is the room's sequence number. ``time``: when the server took it, in UTC. ``client``:
    the public id of the connection that wrote it; ``user``: what the server's authentication
    knows of the person (Jupyter: ``username``, ``name``, ``display_name``, …). ``None`` where
    nobody knows.
    """

    value: Any
    seq: int
    time: datetime | None = None
    client: str | None = None
    user: dict[str, Any] | None = None

    @property
    def author(self) -> str | None:
        """The person's name; ``None`` where nobody knows."""
        return name_of(self.user)


def name_of(user: dict[str, Any] | None) -> str | None:
    """Return the name of a user, as the server's authentication gives it."""
    for field in ("display_name", "name", "username"):
        name = (user or {}).get(field)
        if isinstance(name, str) and name:
            return name
    return None


def read_message(heard: Heard, decode_value: Callable[[bytes], Any]) -> Message:
    """Make a message of what was heard."""
    value, stamp = decode_value(heard.value), heard.stamp
    if stamp is None:
        return Message(value=value, seq=heard.seq)
    user = None if stamp.user is None else decode(stamp.user)
    return Message(
        value=value,
        seq=heard.seq,
        time=datetime.fromtimestamp(stamp.time / 1000, timezone.utc),
        client=stamp.client,
        user=user if isinstance(user, dict) else None,
    )
