"""How large a message may be, and how deep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .errors import BadMessage, TooLarge

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds of a single message; whatever passes one is refused and changes nothing.

    ``message_bytes``: a whole message as it came (protocol, "Over HTTP").
    ``key_bytes``: a key, in UTF-8.
    ``nesting``: arrays, maps and tags inside a value, the outermost counting as one.
    ``values``: how many a single push may carry.
    """

    message_bytes: int = 1024 * 1024
    key_bytes: int = 1024
    nesting: int = 128
    values: int = 4096

    @cached_property
    def nesting_bytes(self) -> int:
        """The length up to which no JSON value can be nested too deep."""
        return 2 * self.nesting

    @cached_property
    def short_key(self) -> int:
        """The number of characters up to which no key can be too large."""
        return self.key_bytes // 4

    @cached_property
    def harmless_bytes(self) -> int:
        """The length up to which no JSON message can pass any of the bounds."""
        return min(self.message_bytes, self.nesting_bytes, self.short_key)

    @cached_property
    def frame_bytes(self) -> int:
        """The longest WebSocket message that is read at all; a longer one closes with 1009.

        Twice the limit, so that a message a little over it is still answered with ``too_large``.
        """
        return 2 * self.message_bytes

    def check_key(self, key: str) -> None:
        """Raise :class:`~.errors.TooLarge` for a key that passes the limit."""
        length = len(key.encode())
        if length > self.key_bytes:
            raise TooLarge(f"expected a key of at most {self.key_bytes} bytes, got {length}")

    def message_too_large(self, length: int) -> TooLarge:
        """The refusal of a message of so many bytes."""
        return TooLarge(f"expected a message of at most {self.message_bytes} bytes, got {length}")

    def nested_too_deep(self) -> BadMessage:
        """The refusal of a value that passes the limit of nesting."""
        return BadMessage(f"expected a value nested at most {self.nesting} deep, got a deeper one")
