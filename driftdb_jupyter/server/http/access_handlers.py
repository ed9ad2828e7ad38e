"""The request by which the owner of a room says who may do what in it (docs/access.md)."""

from __future__ import annotations

from collections.abc import Awaitable

from ...access.policy import parse_policy
from ...access.room_access import POLICY
from ...protocol.errors import Forbidden, TooLarge
from ..process.audit import PolicyChanged
from .gathered import Gathered
from .handlers import RoomRequest
from .request import NoSuchRoom
from .site import Route, Site

__all__ = ["Access", "access_routes"]


class Access(Gathered, RoomRequest):
    """``/room/ID/access``: the policy of a room, ``null`` where it has none."""

    @property
    def body_limit_bytes(self) -> int:
        """The longest policy that is read; nothing else is."""
        return self.hub.settings.access_limit_bytes if self._is_put else super().body_limit_bytes

    def body_too_long(self, length: int) -> Exception:
        """Return the refusal of a policy that is too long."""
        if not self._is_put:
            return super().body_too_long(length)
        return TooLarge(f"expected a policy of at most {self.body_limit_bytes} bytes, got {length}")

    def take_body(self, chunk: bytes) -> None:
        """Gather the policy, and drop what another method brings."""
        if self._is_put:
            super().take_body(chunk)

    def demand_rights(self) -> Awaitable[None] | None:
        """Refuse whoever may not administer the room, before a policy is read."""
        if self.request.method not in ("GET", "PUT", "DELETE"):
            return None  # a preflight
        return self._demand_admin(self.path_args[0])

    async def get(self, name: str) -> None:
        """Answer with the policy."""
        access = await self.room_access(name)
        self.set_header("Cache-Control", "no-store")
        self.answer(None if access.policy is None else access.policy.to_builtins())

    async def put(self, name: str) -> None:
        """Set the policy; ``null`` takes it away."""
        body = self.whole_body()
        await self._demand_admin(name)  # while it came, that may have been taken away
        policy = None if body.strip() == b"null" else parse_policy(body).encode()
        await self._change(name, policy)

    async def delete(self, name: str) -> None:
        """Take the policy away."""
        await self._change(name, None)

    @property
    def _is_put(self) -> bool:
        return self.request.method == "PUT"

    async def _demand_admin(self, name: str) -> None:
        grants = await self.demand_grants(await self.room_access(name))
        if not grants.is_admin:
            raise Forbidden("you may not administer this room", key="", action="admin")

    async def _change(self, name: str, policy: bytes | None) -> None:
        await self.room(name)  # which makes one whose first use this is
        self.demand_rate(self.hub.access_changes.count(name))
        if not await self.hub.rooms.change_access(name, {POLICY: policy}):
            raise NoSuchRoom
        by = self.credential.identity.subject
        self.hub.events.audit.tell(
            PolicyChanged(room=name, by=by, address=self.who, removed=policy is None)
        )
        self.answer(None)


def access_routes(site: Site) -> list[Route]:
    """Return the routes of who may do what in a room."""
    return [site.route(r"room/([^/]+)/access", Access)]
