"""The memory that kept things take, their objects included.

Measured as the growth of the resident memory for 100,000 of each on CPython 3.11 (x86-64), and
rounded up: see ``tests/rooms/test_memory_cost.py``. A budget that counts less would be passed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol.entry import Author, Entry

__all__ = [
    "AUTHOR_COST_BYTES",
    "BROADCAST_COST_BYTES",
    "FORGOTTEN_COST_BYTES",
    "HOSTED_ROOM_COST_BYTES",
    "KEY_COST_BYTES",
    "PRESENCE_COST_BYTES",
    "PRODUCER_COST_BYTES",
    "ROOM_COST_BYTES",
    "RUN_COST_BYTES",
    "VALUE_COST_BYTES",
    "cost_of_author",
    "cost_of_entries",
    "cost_of_text",
]

# A value beside its bytes: the objects Value and bytes, its Entry with number and time, its place
# in a list.
VALUE_COST_BYTES = 256
# Who wrote it: its Author with a public id; the user's bytes come on top.
AUTHOR_COST_BYTES = 256
# A key that holds something, beside its text: its stream and its places in dictionaries.
KEY_COST_BYTES = 512
# A client of which pushes are remembered, with all that is known of it, and each run of their ids
# beside the newest one.
PRODUCER_COST_BYTES = 768
RUN_COST_BYTES = 26
# A broadcast in a recovery window, beside its value, author and key; a key of which the window
# knows the newest number that it forgot.
BROADCAST_COST_BYTES = 128
FORGOTTEN_COST_BYTES = 96
# A presence, beside its key and the bytes of its value and user.
PRESENCE_COST_BYTES = 1280
# A room that holds nothing, with its recovery window and access; and an open one's audience.
ROOM_COST_BYTES = 2304
HOSTED_ROOM_COST_BYTES = 2048


def cost_of_author(author: Author | None) -> int:
    """Return the bytes that the author of an entry takes."""
    if author is None:
        return 0
    return AUTHOR_COST_BYTES + (0 if author.user is None else author.user.byte_count)


def cost_of_entries(entries: Sequence[Entry]) -> int:
    """Return the bytes that entries take that follow each other.

    The author of several in a row is one object, and counted once.
    """
    cost = len(entries) * VALUE_COST_BYTES
    before: Author | None = None
    for entry in entries:
        cost += entry.value.byte_count
        if entry.author is not before:
            before = entry.author
            cost += cost_of_author(before)
    return cost


def cost_of_text(text: str) -> int:
    """Return the bytes that a string takes: at most four for each character."""
    return text.__sizeof__()
