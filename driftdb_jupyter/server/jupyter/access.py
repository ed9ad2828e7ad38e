"""Access under Jupyter: by its identities and authorizer, or by the kernels' secret."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Mapping
from copy import copy
from http import HTTPStatus
from logging import Logger
from time import perf_counter
from weakref import ref

from jupyter_core.utils import ensure_async
from jupyter_server.auth import User
from jupyter_server.base.handlers import JupyterHandler
from tornado.httputil import HTTPConnection
from tornado.util import ObjectDict
from tornado.web import HTTPError

from ...access.grants import NOTHING, OWNER, ROLES, Grant, Grants, compile_grants
from ...access.identity import Identity
from ...access.room_access import RoomAccess
from ...protocol.value import Value
from ..process.durations import Durations

__all__ = ["KERNEL", "RESOURCE", "SHOWN", "JupyterCredential", "holds_secret", "told"]

RESOURCE = "driftdb"
_IDENTITY = ("username", "name", "display_name", "initials", "color", "avatar_url")
KERNEL = User(username="kernel", name="Kernel", display_name="Kernel")
SHOWN = User(username="driftdb", name="DriftDB", display_name="DriftDB")
"""Whom Jupyter sees in the place of somebody without an account, at the routes of rooms alone."""

_SCHEME = "DriftDB "
_READER = compile_grants(Grant(ROLES["read"]))
_WRITER = compile_grants(Grant(tuple(word for word in ROLES["write"] if word != "read")))


def holds_secret(authorization: str, secret: str) -> bool:
    """Return True if an ``Authorization`` header carries the secret that kernels are given."""
    given = authorization.removeprefix(_SCHEME)
    return given != authorization and hmac.compare_digest(given.encode(), secret.encode())


def identity(user: object) -> Value:
    """Return what others are told of one of Jupyter's users."""
    return told({name: getattr(user, name, None) for name in _IDENTITY})


def told(fields: Mapping[str, object]) -> Value:
    """Return what others are told of somebody: the fields that aren't empty."""
    told = {name: value for name, value in fields.items() if value}
    return Value.from_json(json.dumps(told, ensure_ascii=False).encode())


class JupyterCredential:
    """Asks Jupyter's authorizer about the user behind a handler, for resource ``driftdb``.

    Who may ``write`` there owns every room; who may ``read`` reads rooms without a policy, and in
    others does what their policy says. It is asked for each message, because an authorizer may
    change its mind. The handler has it, and not the other way round: what is in a cycle is freed
    late.
    """

    __slots__ = ("_asked", "_handler", "_identity", "_kept")

    expires_at: float | None = None
    steady = False

    def __init__(self, handler: JupyterHandler, asked: Durations) -> None:
        """``asked``: where it is noted how long the authorizer takes."""
        self._asked = asked
        self._handler = ref(handler)
        self._identity: Identity | None = None
        self._kept: JupyterHandler | None = None

    def lasting(self, handler: JupyterHandler) -> JupyterCredential:
        """Return another one, which keeps the handler, and which the handler doesn't have."""
        made = JupyterCredential(handler, self._asked)
        made._kept = handler
        return made

    @property
    def identity(self) -> Identity:
        """The user's identity, as Jupyter has it."""
        if self._identity is None:
            handler = self._handler()
            user = None if handler is None else handler.current_user
            subject = getattr(user, "username", None)
            fleeting = bool(getattr(handler, "token_authenticated", False))
            told = identity(user)
            self._identity = Identity("jupyter", subject, user=told, fleeting=fleeting)
        return self._identity

    def grants(self, access: RoomAccess) -> Grants | Awaitable[Grants]:
        """Return what the user may do now; an authorizer that fails allows nothing."""
        write, read = self._ask("write", "read")
        if write is True and read is True:  # the common case
            return OWNER
        if isinstance(write, bool) and isinstance(read, bool):
            return self._grants(access, write=write, read=read)
        return self._wait_for_grants(access, write, read)

    def may_create(self) -> bool | Awaitable[bool]:
        """Return whether the user may write."""
        return self._ask("write")[0]

    def revalidate(self) -> bool | Awaitable[bool]:
        """Ask Jupyter's identity provider whether it would still let the request in.

        Where it can't tell at the moment, as while a hub is restarted, it goes on letting it in.
        """
        handler = self._handler()
        return False if handler is None else _is_still_known(handler)

    def _grants(self, access: RoomAccess, *, write: bool, read: bool) -> Grants:
        if write and read:
            return OWNER
        if access.policy is not None:
            return access.grants_for(self.identity) if read else NOTHING
        return _READER if read else _WRITER if write else NOTHING

    async def _wait_for_grants(
        self, access: RoomAccess, write: bool | Awaitable[bool], read: bool | Awaitable[bool]
    ) -> Grants:
        may_write = write if isinstance(write, bool) else await write
        may_read = read if isinstance(read, bool) else await read
        return self._grants(access, write=may_write, read=may_read)

    def _ask(self, *rights: str) -> list[bool | Awaitable[bool]]:
        """Ask for some rights together: for each message, so that every call counts."""
        handler = self._handler()
        if handler is None:  # the connection has ended
            return [False] * len(rights)
        is_authorized, user = handler.authorizer.is_authorized, handler.current_user
        answers: list[bool | Awaitable[bool]] = []
        for right in rights:
            began = perf_counter()
            try:
                allowed = is_authorized(handler, user, right, RESOURCE)
            except Exception:
                handler.log.exception("DriftDB: the authorizer failed")
                allowed = False
            if isinstance(allowed, bool):
                self._asked.add(perf_counter() - began)
                answers.append(allowed)
            else:
                answers.append(_wait_for(allowed, handler.log, self._asked, began))
        return answers


async def _is_still_known(handler: JupyterHandler) -> bool:
    # Another handler, because that one remembers who it was.
    request = copy(handler.request)
    request.connection = _NoConnection()
    asker = JupyterHandler(handler.application, request)
    try:
        return await ensure_async(asker.identity_provider.get_user(asker)) is not None
    except HTTPError as error:
        return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    except Exception:
        handler.log.exception("DriftDB: the identity provider failed")
        return True
    finally:
        asker.ui = ObjectDict()  # which has the handler, so that both would be freed late


class _NoConnection(HTTPConnection):
    """The connection of a request that is only looked at."""

    def set_close_callback(self, callback: object) -> None:
        """Never call it."""


async def _wait_for(allowed: Awaitable[bool], log: Logger, asked: Durations, began: float) -> bool:
    try:
        return bool(await allowed)
    except Exception:
        log.exception("DriftDB: the authorizer failed")
        return False
    finally:
        asked.add(perf_counter() - began)
