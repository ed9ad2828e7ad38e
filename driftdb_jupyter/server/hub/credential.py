"""The credential of a token of JupyterHub: a browser's, a kernel's or a program's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ...access.grants import NOTHING, OWNER, ROLES, Grant, Grants, compile_grants
from ...access.identity import Identity
from ...access.policy import Policy
from ...access.room_access import RoomAccess
from ...protocol.errors import Unavailable
from ...protocol.value import Value
from .room_policies import RoomPolicies
from .scopes import Role, Scopes

__all__ = ["HubCredential", "Model"]

Model = dict[str, Any]
"""What the hub tells of a token: ``name``, ``kind``, ``groups``, ``scopes``."""

_GRANTS = {role: compile_grants(Grant(ROLES[role])) for role in ("read", "write")}


class HubCredential:
    """What the hub said of a token, and asks it again.

    ``admin`` in a room makes its owner. ``read`` and ``write`` are for rooms without a policy of
    their own; in others their policy decides. A room that belongs to no person or group has the
    policy of the service's settings as long as it has none. ``ask`` returns what the hub says of
    the token now, ``None`` if that is nothing.
    """

    __slots__ = ("_ask", "_policies", "_scopes", "identity")

    expires_at: float | None = None
    steady = True

    def __init__(
        self, model: Model, policies: RoomPolicies, ask: Callable[[], Awaitable[Model | None]]
    ) -> None:
        self._policies = policies
        self._ask = ask
        self.identity: Identity
        self._scopes: Scopes
        self._take(model)

    def grants(self, access: RoomAccess) -> Grants:
        """Return what the token allows in a room; at the server as a whole the most it allows."""
        bound = self._scopes.bound
        if bound is None:
            return NOTHING
        if not access.name:
            return _GRANTS["read"]
        role = self._scopes.role_in(access.name)
        if role == "admin":
            return OWNER
        if access.policy is not None:
            return self._bounded(access.policy, bound)
        if role is not None:
            return _GRANTS[role]
        policy = self._policies.of(access.name)
        return NOTHING if policy is None else self._bounded(policy, bound)

    def may_create(self) -> bool:
        """Return whether the token lets anything be written anywhere."""
        return self._scopes.bound in ("write", "admin")

    async def revalidate(self) -> bool:
        """Ask the hub for the person's groups and the token's scopes of now."""
        try:
            model = await self._ask()
        except Unavailable:
            return False  # it has been forgotten, and nobody can say that it is good
        if model is None:
            return False
        self._take(model)
        return True

    def _take(self, model: Model) -> None:
        name = str(model["name"])
        told = {"username": name, "name": name, "display_name": name}
        # A service has a name of its own, which may be a person's, too.
        subject = name if model.get("kind", "user") == "user" else None
        self.identity = Identity(
            "hub",
            subject,
            frozenset(map(str, model.get("groups") or ())),
            Value.from_json(json.dumps(told, ensure_ascii=False).encode()),
        )
        self._scopes = Scopes(map(str, model.get("scopes") or ()))

    def _bounded(self, policy: Policy, bound: Role) -> Grants:
        given = policy.given_to(self.identity)
        if bound == "admin":
            return compile_grants(*given) if given else NOTHING
        allowed = ROLES[bound]
        narrowed = [
            Grant(tuple(word for word in grant.can if word in allowed), grant.keys, grant.prefixes)
            for grant in given
        ]
        left = [grant for grant in narrowed if grant.can]
        return compile_grants(*left) if left else NOTHING
