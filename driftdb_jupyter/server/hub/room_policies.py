"""The policies that the service's settings give to rooms by their names."""

from __future__ import annotations

from collections.abc import Mapping

from ...access.policy import Policy, parse_policy
from .room_names import owner_of

__all__ = ["RoomPolicies"]


class RoomPolicies:
    """Policies by the name of a room, or by its beginning and a ``*``.

    The longest that fits counts. Of a room that belongs to a person or group only a name or
    beginning counts that names them, too: ``*`` alone doesn't open it. Raises :class:`.BadMessage`
    for a policy that is none.
    """

    def __init__(self, policies: Mapping[str, object]) -> None:
        self._exact: dict[str, Policy] = {}
        self._prefixes: list[tuple[str, Policy]] = []
        for name, given in policies.items():
            policy = parse_policy(given)
            if name.endswith("*"):
                self._prefixes.append((name[:-1], policy))
            else:
                self._exact[name] = policy
        self._prefixes.sort(key=lambda entry: len(entry[0]), reverse=True)

    def of(self, room: str) -> Policy | None:
        """Return the policy of a room that has none of its own; ``None`` where none fits."""
        exact = self._exact.get(room)
        if exact is not None:
            return exact
        owner = owner_of(room)
        for prefix, policy in self._prefixes:
            if room.startswith(prefix) and (owner is None or prefix.count(":") >= 2):
                return policy
        return None
