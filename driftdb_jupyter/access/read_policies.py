"""Policies that were read lately, with what was compiled of them.

Whoever asks about a room that isn't open has its policy read from the journal. To read and compile
a long one takes tens of milliseconds, which is not to be done for each request.
"""

from __future__ import annotations

import hashlib
from threading import Lock

from .grants import Grants
from .identity import Identity
from .policy import COMPILED_LIMIT, Policy, parse_policy

__all__ = ["ReadPolicies", "ReadPolicy", "read_policies"]


class ReadPolicy:
    """A policy, what it costs of memory, and the grants that were compiled of it.

    Rooms whose policies have the same text share it: what it allows comes from the text alone.
    """

    __slots__ = ("_compiled", "_place_count", "_place_limit", "cost_bytes", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.cost_bytes = policy.cost_bytes
        self._compiled: dict[tuple[str | None, frozenset[str]], Grants] = {}
        self._place_count = 0  # of all that is compiled
        self._place_limit = 2 * policy.place_count  # found out once: it looks at all that is in it

    def grants_for(self, identity: Identity) -> Grants:
        """Return what the policy lets somebody do.

        Compiled once for all whom it does not tell apart, as far as that can be remembered.
        """
        policy, compiled = self.policy, self._compiled
        subject = identity.subject if identity.subject in policy.users else None
        groups = identity.groups
        who = (subject, frozenset(groups & policy.groups.keys()) if groups else groups)
        grants = compiled.get(who)
        if grants is None:
            grants = policy.grants_for(identity)
            # Forget the oldest where all would be more than is charged.
            self._place_count += grants.place_count
            while compiled and (
                len(compiled) >= COMPILED_LIMIT or self._place_count > self._place_limit
            ):
                self._place_count -= compiled.pop(next(iter(compiled))).place_count
            compiled[who] = grants
        return grants


class ReadPolicies:
    """The policies used last, as many as take ``limit_bytes`` of memory, which may be set.

    One that alone takes more than half of that isn't remembered, because all others would be
    forgotten for it. Several threads may read at once. ``byte_count``: what all that are remembered
    take of memory.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.byte_count = 0
        self._kept: dict[bytes, ReadPolicy] = {}
        self._lock = Lock()

    def read(self, content: bytes) -> ReadPolicy:
        """Return the policy of a JSON text; raises :class:`BadMessage` for one that is none."""
        digest = hashlib.sha256(content).digest()
        with self._lock:
            found = self._found(digest)
        if found is not None:
            return found
        made = ReadPolicy(parse_policy(content))  # which takes long, and holds up no other thread
        with self._lock:
            found = self._found(digest)  # another thread may have read it, too
            if found is not None:
                return found
            if made.cost_bytes <= self.limit_bytes // 2:
                self._kept[digest] = made
                self.byte_count += made.cost_bytes
                while self.byte_count > self.limit_bytes:
                    self.byte_count -= self._kept.pop(next(iter(self._kept))).cost_bytes
        return made

    def _found(self, digest: bytes) -> ReadPolicy | None:
        found = self._kept.pop(digest, None)
        if found is not None:
            self._kept[digest] = found  # behind all others
        return found


read_policies = ReadPolicies(limit_bytes=32 * 1024 * 1024)
"""Those of this process; the setting ``policy_cache_limit_bytes`` bounds them."""
