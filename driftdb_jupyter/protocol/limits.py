"""The bounds of a message: how large it may be, how deep, and how much may be in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .errors import BadMessage, TooLarge

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds of a single message; a message that passes one is refused and changes nothing.

    ``message_bytes``: the length of a whole message as it came (protocol, "Over HTTP").
    ``key_bytes``: the length of a key, in UTF-8.
    ``nesting``: arrays, maps and tags inside each other in a value; the outermost counts as one.
    ``values``: the number of values in a single push.
    ``items``: the number of values and names in a message, at any depth.
    ``containers``: the number of arrays, maps and byte strings among them, and twice that of tags;
    a byte string right under a tag is not counted again. In JSON integers of 20 digits or more
    count as tags, for they are bignums in CBOR, where one of n bytes counts as n²/2048 more.
    Where a number in JSON may be at the ends of what doubles hold, everything counts six times
    (:func:`.json_text.has_extremes`).
    ``fields``: the number of a CBOR message's own fields, known or not.

    ``items`` and ``containers`` bound the time that it takes to check a message and to convert its
    value to the other encoding; a container costs as much as ten numbers.
    """

    message_bytes: int = 1024 * 1024
    key_bytes: int = 1024
    nesting: int = 128
    values: int = 4096
    items: int = 165_000
    containers: int = 45_000
    fields: int = 1000

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
        """The length up to which no message can pass any of the bounds."""
        return min(self.message_bytes, self.nesting_bytes, self.short_key, self.sparse_bytes)

    @cached_property
    def sparse_bytes(self) -> int:
        """The length up to which no message can hold too many items: each takes a byte."""
        return min(self.items, self.containers)

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
        """Return the refusal of a message of ``length`` bytes."""
        return TooLarge(f"expected a message of at most {self.message_bytes} bytes, got {length}")

    def too_many_items(self) -> TooLarge:
        """Return the refusal of a message that passes ``items``."""
        return TooLarge(f"expected a message of at most {self.items} items, got more")

    def too_many_containers(self) -> TooLarge:
        """Return the refusal of a message that passes ``containers``."""
        return TooLarge(
            f"expected a message of at most {self.containers} arrays, maps, byte strings and tags, "
            "got more"
        )

    def nested_too_deep(self) -> BadMessage:
        """Return the refusal of a value that passes the limit of nesting."""
        return BadMessage(f"expected a value nested at most {self.nesting} deep, got a deeper one")
