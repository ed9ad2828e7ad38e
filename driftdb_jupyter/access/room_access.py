"""What a room keeps about who may do what: its policy, and the records of its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ..protocol.errors import QuotaExceeded
from .grants import Grants
from .identity import Identity
from .policy import Policy
from .read_policies import ReadPolicy, read_policies

__all__ = [
    "LINK",
    "LINK_PEOPLE",
    "NO_CHANGE",
    "NO_ROOM",
    "POLICY",
    "Change",
    "OutOfDate",
    "RoomAccess",
    "changes_rights",
]

Change = Mapping[tuple[str, str], bytes | None]
"""Records to write, as JSON text by kind and name; ``None`` removes one."""

_RECORD_COST_BYTES = 400
POLICY = ("policy", "")
"""The record that holds a room's policy."""
LINK = "link"
"""The kind of the records of share links, by their ids."""
LINK_PEOPLE = "link_people"
"""The kind of the records of who came in by a link, by the same ids."""


def changes_rights(change: Change) -> bool:
    """Return whether somebody may do other things after a change, so that all are to be asked."""
    return any(kind != LINK_PEOPLE for kind, _ in change)


class OutOfDate(Exception):
    """Somebody else has changed meanwhile what a change was made from."""


class RoomAccess:
    """The policy of one room, and its records, which nobody sees who may not administer it.

    ``name`` is the room's. ``policy`` is ``None`` where the room has none: then it is open to
    whoever is let in at all. A record is JSON text under a kind and a name: each kind of
    credential keeps there what it needs (the digest of an owner's secret, a share link, the id of
    a token that was revoked). They live as long as the room. ``byte_count``: how many bytes the
    records take, with their names. ``cost_bytes``: what they cost of memory, with the policy that
    is read and what is remembered of it, beside what an empty one does.
    """

    __slots__ = (
        "_read",
        "_records",
        "byte_count",
        "cost_bytes",
        "name",
    )

    def __init__(self, name: str, records: Change | None = None) -> None:
        self.name = name
        self.byte_count = 0
        self.cost_bytes = 0
        self._read: ReadPolicy | None = None
        self._records: dict[tuple[str, str], bytes] = {}
        self.apply(records or {})

    @property
    def policy(self) -> Policy | None:
        """The room's policy."""
        return None if self._read is None else self._read.policy

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over the kind and name of each record."""
        return iter(self._records)

    def get(self, kind: str, name: str = "") -> bytes | None:
        """Return a record, ``None`` where there is none."""
        return self._records.get((kind, name))

    def of(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind, by their names."""
        return {name: content for (of, name), content in self._records.items() if of == kind}

    def items(self) -> Mapping[tuple[str, str], bytes]:
        """Return all records; not to be changed."""
        return self._records

    def grants_for(self, identity: Identity) -> Grants:
        """Return what the policy lets somebody do; there must be one."""
        assert self._read is not None
        return self._read.grants_for(identity)

    def demand(self, expected: Change) -> None:
        """Raise :class:`OutOfDate` unless records are as expected; ``None``: not there."""
        for place, content in expected.items():
            if self._records.get(place) != content:
                raise OutOfDate

    def check(self, change: Change, *, limit_bytes: int) -> int:
        """Return how many bytes of memory :meth:`apply` will cost, less than 0 for fewer.

        Raises what that would raise, or :class:`QuotaExceeded` for more than ``limit_bytes``.
        """
        more_bytes = more_cost = 0
        for place, content in change.items():
            before = self._records.get(place)
            more_bytes += _byte_count(place, content) - _byte_count(place, before)
            more_cost += _cost(place, content) - _cost(place, before)
        if more_bytes > 0 and self.byte_count + more_bytes > limit_bytes:
            raise QuotaExceeded(
                f"expected who may do what in a room to take at most {limit_bytes} bytes, got"
                f" {self.byte_count + more_bytes}: take away what is no longer needed"
            )
        if POLICY in change:
            more_cost += _policy_cost(_read(change)) - _policy_cost(self._read)
        return more_cost

    def apply(self, change: Change) -> None:
        """Note records that were written; raises :class:`BadMessage` for a policy that is none."""
        if POLICY in change:
            read = _read(change)
            self.cost_bytes += _policy_cost(read) - _policy_cost(self._read)
            self._read = read
        for place, content in change.items():
            before = self._records.get(place)
            self.byte_count += _byte_count(place, content) - _byte_count(place, before)
            self.cost_bytes += _cost(place, content) - _cost(place, before)
            if content is None:
                self._records.pop(place, None)
            else:
                self._records[place] = content


def _read(change: Change) -> ReadPolicy | None:
    content = change[POLICY]
    return None if content is None else read_policies.read(content)


def _policy_cost(read: ReadPolicy | None) -> int:
    return 0 if read is None else read.cost_bytes


def _byte_count(place: tuple[str, str], content: bytes | None) -> int:
    return 0 if content is None else len(place[0]) + len(place[1]) + len(content)


def _cost(place: tuple[str, str], content: bytes | None) -> int:
    if content is None:
        return 0
    return _RECORD_COST_BYTES + place[0].__sizeof__() + place[1].__sizeof__() + len(content)


NO_CHANGE: Change = MappingProxyType({})
"""No record at all."""

NO_ROOM = RoomAccess("")
"""That of no room: what a credential allows there, it allows at the server as a whole."""
