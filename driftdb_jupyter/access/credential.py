"""A credential: what a connection or request keeps of how it came in."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from .grants import EVERYTHING, NOTHING, OWNER, Grants
from .identity import GUEST, Identity
from .room_access import RoomAccess

__all__ = ["Credential", "Guest", "Operator", "Stranger"]


class Credential(Protocol):
    """What somebody came in with. It is asked as long as a connection is open.

    ``identity``: who that is. ``expires_at``: when it ends by itself, in seconds since 1970,
    ``None`` for never; the server closes the connection then (4401), unless another one has taken
    its place. ``steady``: whether :meth:`grants` answers at once, and another thing only after the
    room's access has changed or :meth:`revalidate` was called; otherwise it is asked for each
    message, and may return what to wait for.
    """

    @property
    def identity(self) -> Identity:
        """Who came in with it."""

    @property
    def expires_at(self) -> float | None:
        """When it ends by itself, in seconds since 1970; ``None`` for never."""

    @property
    def steady(self) -> bool:
        """Whether what it allows changes only with the room's access."""

    def grants(self, access: RoomAccess) -> Grants | Awaitable[Grants]:
        """Return what it allows in a room now; must not raise."""

    def may_create(self) -> bool | Awaitable[bool]:
        """Return whether it allows to make rooms now."""

    def revalidate(self) -> bool | Awaitable[bool]:
        """Ask whoever gave it whether it is still good; called every now and then.

        Returns ``False`` where it isn't: the connection is closed with 4401 then.
        """


class Guest:
    """Has nothing: knowing a room's id is the permission, as far as the room has no policy."""

    identity: Identity = GUEST
    expires_at: float | None = None
    steady = True

    def grants(self, access: RoomAccess) -> Grants:
        """Return everything, or what the policy gives to anyone."""
        return EVERYTHING if access.policy is None else access.grants_for(self.identity)

    def may_create(self) -> bool:
        """Return ``True``."""
        return True

    def revalidate(self) -> bool:
        """Return ``True``."""
        return True


class Stranger(Guest):
    """Has nothing where everybody needs something: may do what a policy gives to anyone."""

    def grants(self, access: RoomAccess) -> Grants:
        """Return what the policy gives to anyone, and nothing where there is none."""
        return NOTHING if access.policy is None else super().grants(access)

    def may_create(self) -> bool:
        """Return ``False``."""
        return False


class Operator:
    """May do everything in every room: who runs the server, and Jupyter's kernels."""

    expires_at: float | None = None
    steady = True

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    def grants(self, access: RoomAccess) -> Grants:
        """Return the grants of an owner."""
        return OWNER

    def may_create(self) -> bool:
        """Return ``True``."""
        return True

    def revalidate(self) -> bool:
        """Return ``True``."""
        return True
