"""Who may do what in a room, as Python has it: ``room.access`` (docs/access.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from ..access.grants import Grant
from ..access.policy import Policy, grants_from, parse_policy

__all__ = ["Access", "Can"]

Can: TypeAlias = "str | Grant | Mapping[str, Any] | Iterable[str | Mapping[str, Any]]"
"""A role (``"read"``, ``"write"``, ``"admin"``), a grant, or a list of these."""


class Access:
    """Who may do what in a room; whoever isn't named may do nothing.

    ``anyone``: what everybody may do; ``users`` and ``groups``: what persons, by the names that
    the server knows them by, and members of groups may do besides. Each is a role (``"read"``,
    ``"write"`` or ``"admin"``), a grant
    (``{"can": ["append"], "keys": ["log"], "prefixes": ["poll/"]}``), or a list of these. It
    doesn't change: :meth:`allow` returns another one.

    Raises :class:`~driftdb_jupyter.protocol.errors.BadMessage`, which names what is wrong.
    """

    __slots__ = ("_policy",)

    def __init__(
        self,
        anyone: Can | None = None,
        *,
        users: Mapping[str, Can] | None = None,
        groups: Mapping[str, Can] | None = None,
    ) -> None:
        content = {"anyone": [] if anyone is None else anyone}
        self._policy = parse_policy({**content, "users": users or {}, "groups": groups or {}})

    @classmethod
    def of(cls, content: object) -> Access:
        """Return an access itself, or the one that a mapping, as :attr:`content`, describes."""
        if isinstance(content, cls):
            return content
        made = cls()
        made._policy = parse_policy(content)
        return made

    def allow(
        self,
        *actions: str,
        user: str | None = None,
        group: str | None = None,
        keys: Iterable[str] | None = None,
        prefixes: Iterable[str] | None = None,
    ) -> Access:
        """Return an access that allows some actions (or roles) besides.

        To the person or group that is named, else to everybody; on ``keys`` and on those that
        begin with one of ``prefixes``, else on all of the room.
        """
        if user is not None and group is not None:
            raise ValueError("expected user= or group=, got both")
        given: dict[str, Any] = {"can": list(actions)}
        for name, texts in (("keys", keys), ("prefixes", prefixes)):
            if texts is not None:
                if isinstance(texts, str):
                    raise TypeError(f"expected {name} as a list, got one text")
                given[name] = list(texts)
        more = grants_from(given, "the grant")
        before = self._policy
        parts: dict[str, Any] = {
            "anyone": before.anyone,
            "users": before.users,
            "groups": before.groups,
        }
        if user is not None:
            parts["users"] = {**before.users, user: (*before.users.get(user, ()), *more)}
        elif group is not None:
            parts["groups"] = {**before.groups, group: (*before.groups.get(group, ()), *more)}
        else:
            parts["anyone"] = (*before.anyone, *more)
        made = Access()
        made._policy = Policy(**parts)
        return made

    @property
    def content(self) -> dict[str, Any]:
        """All of it as JSON has it: ``anyone``, ``users`` and ``groups``."""
        return self._policy.to_builtins()

    @property
    def anyone(self) -> list[Any]:
        """What everybody may do: roles and grants."""
        found: list[Any] = self.content["anyone"]
        return found

    @property
    def users(self) -> dict[str, list[Any]]:
        """What persons may do besides."""
        found: dict[str, list[Any]] = self.content["users"]
        return found

    @property
    def groups(self) -> dict[str, list[Any]]:
        """What members of groups may do besides."""
        found: dict[str, list[Any]] = self.content["groups"]
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Access):
            return NotImplemented
        return self._policy == other._policy

    def __hash__(self) -> int:
        return hash(self._policy.encode())

    def __repr__(self) -> str:
        parts = [f"{name}={part!r}" for name, part in self.content.items() if part]
        return f"Access({', '.join(parts)})"
