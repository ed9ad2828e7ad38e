"""Policies that were read lately, with what was compiled of them.

Whoever asks about a room that isn't open has its policy read from the journal. To read and compile
a long one takes tens of milliseconds, which is not to be done for each request.
"""

from __future__ import annotations

import hashlib

from .grants import Grants
from .policy import Policy, parse_policy

__all__ = ["ReadPolicies", "ReadPolicy", "read_policies"]


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
    """The policies used last, as many as take ``limit_bytes`` of memory, which may be set.

    One that alone takes more than half of that isn't remembered, because all others would be
    forgotten for it. Several threads may read at once: each step here is one that Python does as a
    whole.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._kept: dict[bytes, ReadPolicy] = {}

    @property
    def byte_count(self) -> int:
        """The bytes of memory that all that are remembered take."""
        return sum([policy.cost_bytes for policy in list(self._kept.values())])

    def read(self, content: bytes) -> ReadPolicy:
        """Return the policy of a JSON text; raises :class:`BadMessage` for one that is none."""
        digest = hashlib.sha256(content).digest()
        found = self._kept.pop(digest, None)
        if found is not None:
            self._kept[digest] = found  # behind all others
            return found
        found = ReadPolicy(parse_policy(content))
        if found.cost_bytes <= self.limit_bytes // 2:
            self._kept[digest] = found
            excess = self.byte_count - self.limit_bytes
            for oldest, policy in list(self._kept.items()):
                if excess <= 0:
                    break
                self._kept.pop(oldest, None)
                excess -= policy.cost_bytes
        return found


read_policies = ReadPolicies(limit_bytes=32 * 1024 * 1024)
"""Those of this process; the setting ``policy_cache_limit_bytes`` bounds them."""
