"""The scopes of JupyterHub that are about rooms: ``custom:driftdb:read|write|admin``.

A filter narrows one to the rooms of a person (``!user=ada``) or of a group (``!group=physics``).
The hub has expanded the others by the time that it tells a token's scopes (``!user`` alone is the
token's own person); those that can't be about rooms (``!server=…``) allow nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from .room_names import Owner, owner_of

__all__ = ["PREFIX", "Role", "Scopes"]

PREFIX = "custom:driftdb:"
Role: TypeAlias = Literal["read", "write", "admin"]
_ROLES: tuple[Role, ...] = get_args(Role)  # the least first


class Scopes:
    """The roles that a token's scopes give, by whose the rooms are.

    ``bound`` is the highest of them, ``None`` without any: nothing that a policy says gives the
    token more than that.
    """

    __slots__ = ("_everywhere", "_owned", "bound")

    def __init__(self, scopes: Iterable[str]) -> None:
        self._everywhere: Role | None = None
        self._owned: dict[Owner, Role] = {}
        self.bound: Role | None = None
        for scope in scopes:
            name, _, narrowed = scope.partition("!")
            role = next((role for role in _ROLES if name == PREFIX + role), None)
            if role is None:
                continue
            if not narrowed:
                self._everywhere = _higher(self._everywhere, role)
            else:
                kind, _, owner = narrowed.partition("=")
                if not owner or (kind != "user" and kind != "group"):
                    continue
                key = Owner("user" if kind == "user" else "group", owner)
                self._owned[key] = _higher(self._owned.get(key), role)
            self.bound = _higher(self.bound, role)

    def role_in(self, room: str) -> Role | None:
        """Return the role in a room, ``None`` where no scope is about it."""
        owner = owner_of(room)
        owned = None if owner is None else self._owned.get(owner)
        return owned if self._everywhere is None else _higher(owned, self._everywhere)


def _higher(one: Role | None, other: Role) -> Role:
    return other if one is None else max(one, other, key=_ROLES.index)
