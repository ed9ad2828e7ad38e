"""What a room keeps about who may do what: its policy, and the records of its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..protocol.errors import QuotaExceeded
from .policy import Policy, parse_policy

__all__ = ["NO_ROOM", "POLICY", "Change", "RoomAccess"]

Change = Mapping[tuple[str, str], bytes | None]
"""Records to write, as JSON text by kind and name; ``None`` removes one."""

_RECORD_COST_BYTES = 400
POLICY = ("policy", "")
"""The record that holds a room's policy."""


class RoomAccess:
    """The policy of one room, and its records, which nobody sees who may not administer it.

    ``name`` is the room's. ``policy`` is ``None`` where the room has none: then it is open to
    whoever is let in at all. A record is JSON text under a kind and a name: each kind of
    credential keeps there what it needs (the digest of an owner's secret, a share link, the id of
    a token that was revoked). They live as long as the room.
    """

    __slots__ = ("_records", "name", "policy")

    def __init__(self, name: str, records: Change | None = None) -> None:
        self.name = name
        self.policy: Policy | None = None
        self._records: dict[tuple[str, str], bytes] = {}
        self.apply(records or {})

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over the kind and name of each record."""
        return iter(self._records)

    @property
    def byte_count(self) -> int:
        """How many bytes the records take, with their names."""
        return sum(
            len(kind) + len(name) + len(content) for (kind, name), content in self.items().items()
        )

    @property
    def cost_bytes(self) -> int:
        """What the records take of memory, beside what an empty one does."""
        return 8 * self.byte_count + _RECORD_COST_BYTES * len(self._records)

    def get(self, kind: str, name: str = "") -> bytes | None:
        """Return a record, ``None`` where there is none."""
        return self._records.get((kind, name))

    def of(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind, by their names."""
        return {name: content for (of, name), content in self._records.items() if of == kind}

    def items(self) -> Mapping[tuple[str, str], bytes]:
        """Return all records; not to be changed."""
        return self._records

    def check(self, change: Change, *, limit_bytes: int) -> None:
        """Raise what :meth:`apply` would raise, or :class:`QuotaExceeded` for more than that."""
        after = RoomAccess(self.name, self._records)
        after.apply(change)
        if after.byte_count > max(limit_bytes, self.byte_count):
            raise QuotaExceeded(
                f"expected who may do what in a room to take at most {limit_bytes} bytes, got"
                f" {after.byte_count}: take away what is no longer needed"
            )

    def apply(self, change: Change) -> None:
        """Note records that were written; raises :class:`BadMessage` for a policy that is none."""
        if POLICY in change:
            policy = change[POLICY]
            self.policy = None if policy is None else parse_policy(policy)
        for place, content in change.items():
            if content is None:
                self._records.pop(place, None)
            else:
                self._records[place] = content


NO_ROOM = RoomAccess("")
"""That of no room: what a credential allows there, it allows at the server as a whole."""
