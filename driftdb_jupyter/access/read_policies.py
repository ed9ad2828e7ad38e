"""Policies that were read lately, with what was compiled of them.

Whoever asks about a room that isn't open has its policy read from the journal. To read and compile
a long one takes tens of milliseconds, which is not to be done for each request.
"""

from __future__ import annotations

import hashlib

from .grants import Grants
from .policy import Policy, parse_policy

__all__ = ["ReadPolicies", "ReadPolicy"]


class ReadPolicy:
    """A policy, what it costs of memory, and its ``compiled`` grants by whom they are for.

    Rooms whose policies have the same text share it: what it allows comes from the text alone.
    """

    __slots__ = ("compiled", "cost_bytes", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.cost_bytes = policy.cost_bytes
        self.compiled: dict[tuple[str | None, frozenset[str]], Grants] = {}


class ReadPolicies:
    """The policies used last: at most ``limit_count``, and ``limit_bytes`` of memory.

    Several threads may read at once: each step here is one that Python does as a whole.
    """

    def __init__(self, *, limit_count: int, limit_bytes: int) -> None:
        self._limit_count = limit_count
        self._limit_bytes = limit_bytes
        self._kept: dict[bytes, ReadPolicy] = {}

    def read(self, content: bytes) -> ReadPolicy:
        """Return the policy of a JSON text; raises :class:`BadMessage` for one that is none."""
        digest = hashlib.sha256(content).digest()
        found = self._kept.pop(digest, None)
        if found is not None:
            self._kept[digest] = found  # behind all others
            return found
        found = self._kept[digest] = ReadPolicy(parse_policy(content))
        kept = list(self._kept.items())
        cost_bytes = sum(policy.cost_bytes for _, policy in kept)
        for number, (oldest, policy) in enumerate(kept):
            if len(kept) - number <= self._limit_count and cost_bytes <= self._limit_bytes:
                break
            self._kept.pop(oldest, None)
            cost_bytes -= policy.cost_bytes
        return found
