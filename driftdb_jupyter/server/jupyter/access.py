"""Access under Jupyter: by its identities and authorizer, or by the kernels' secret."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable
from logging import Logger
from typing import TYPE_CHECKING
from weakref import ref

from jupyter_server.auth import User

from ...protocol.value import Value
from ..hosting.access import Anyone, Right

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

__all__ = ["KERNEL", "RESOURCE", "JupyterAccess", "KernelAccess", "holds_secret"]

RESOURCE = "driftdb"
_IDENTITY = ("username", "name", "display_name", "initials", "color", "avatar_url")
KERNEL = User(username="kernel", name="Kernel", display_name="Kernel")

_SCHEME = "DriftDB "


def holds_secret(authorization: str, secret: str) -> bool:
    """Return True if an ``Authorization`` header carries the secret that kernels are given."""
    given = authorization.removeprefix(_SCHEME)
    return given != authorization and hmac.compare_digest(given.encode(), secret.encode())


def identity(user: object) -> Value:
    """Return what others are told of one of Jupyter's users: the fields that aren't empty."""
    fields = {name: getattr(user, name, None) for name in _IDENTITY}
    told = {name: value for name, value in fields.items() if value}
    return Value.from_json(json.dumps(told, ensure_ascii=False).encode())


class KernelAccess(Anyone):
    """The permissions of a kernel that knows the secret: all."""

    user = identity(KERNEL)


class JupyterAccess:
    """Asks Jupyter's authorizer about the user behind a handler, for resource ``driftdb``.

    The handler has it, and not the other way round: what is in a cycle is freed late.
    """

    __slots__ = ("_handler",)

    def __init__(self, handler: JupyterHandler) -> None:
        self._handler = ref(handler)

    @property
    def user(self) -> Value:
        """The user's identity, as Jupyter has it."""
        handler = self._handler()
        return identity(None if handler is None else handler.current_user)

    def may(self, right: Right) -> bool | Awaitable[bool]:
        """Return True if the user may do that now; an authorizer that fails allows nothing."""
        handler = self._handler()
        if handler is None:  # the connection has ended
            return False
        try:
            allowed = handler.authorizer.is_authorized(
                handler, handler.current_user, right, RESOURCE
            )
        except Exception:
            handler.log.exception("DriftDB: the authorizer failed")
            return False
        return allowed if isinstance(allowed, bool) else _wait_for(allowed, handler.log)


async def _wait_for(allowed: Awaitable[bool], log: Logger) -> bool:
    try:
        return bool(await allowed)
    except Exception:
        log.exception("DriftDB: the authorizer failed")
        return False
