"""Access under Jupyter: by its identities and authorizer, or by the kernels' secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from copy import copy
from http import HTTPStatus
from logging import Logger
from time import perf_counter
from typing import TypeVar, Union
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

__all__ = ["KERNEL", "RESOURCE", "SHOWN", "JupyterCredential", "KernelCredential", "told"]

RESOURCE = "driftdb"
_IDENTITY = ("username", "name", "display_name", "initials", "color", "avatar_url")
KERNEL = User(username="kernel", name="Kernel", display_name="Kernel")
SHOWN = User(username="driftdb", name="DriftDB", display_name="DriftDB")
"""Whom Jupyter sees in the place of somebody without an account, at the routes of rooms alone."""

T = TypeVar("T")
Answer = Union[bool, "asyncio.Task[bool]"]

_READER = compile_grants(Grant(ROLES["read"]))
_WRITER = compile_grants(Grant(tuple(word for word in ROLES["write"] if word != "read")))


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

    __slots__ = ("_asked", "_handler", "_identity", "_kept", "_patience_seconds")

    expires_at: float | None = None
    steady = False

    def __init__(
        self, handler: JupyterHandler, asked: Durations, *, patience_seconds: float
    ) -> None:
        """``asked``: where it is noted how long the authorizer takes.

        ``patience_seconds``: how long it, and the identity provider, may take at most.
        """
        self._asked = asked
        self._handler = ref(handler)
        self._identity: Identity | None = None
        self._kept: JupyterHandler | None = None
        self._patience_seconds = patience_seconds

    def lasting(self, handler: JupyterHandler) -> JupyterCredential:
        """Return another one, which keeps the handler, and which the handler doesn't have."""
        made = self._again(handler)
        made._kept = handler
        return made

    @property
    def user(self) -> User | None:
        """Whom the authorizer is asked about; ``None`` when the connection has ended."""
        handler = self._handler()
        return None if handler is None else handler.current_user

    @property
    def identity(self) -> Identity:
        """The user's identity, as Jupyter has it."""
        if self._identity is None:
            handler, user = self._handler(), self.user
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
        return False if handler is None else _is_still_known(handler, self._patience_seconds)

    def _again(self, handler: JupyterHandler) -> JupyterCredential:
        return JupyterCredential(handler, self._asked, patience_seconds=self._patience_seconds)

    def _grants(self, access: RoomAccess, *, write: bool, read: bool) -> Grants:
        if write and read:
            return OWNER
        if access.policy is not None:
            return access.grants_for(self.identity) if read else NOTHING
        return _READER if read else _WRITER if write else NOTHING

    async def _wait_for_grants(self, access: RoomAccess, write: Answer, read: Answer) -> Grants:
        may_write, may_read = await _both(write, read)
        return self._grants(access, write=may_write, read=may_read)

    def _ask(self, *rights: str) -> list[Answer]:
        """Ask for some rights together: for each message, so that every call counts."""
        handler = self._handler()
        if handler is None:  # the connection has ended
            return [False] * len(rights)
        is_authorized, user = handler.authorizer.is_authorized, self.user
        answers: list[Answer] = []
        for right in rights:
            began = perf_counter()
            try:
                allowed = is_authorized(handler, user, right, RESOURCE)  # type: ignore[arg-type]
            except Exception:
                handler.log.exception("DriftDB: the authorizer failed")
                allowed = False
            if isinstance(allowed, bool):
                self._asked.add(perf_counter() - began)
                answers.append(allowed)
            else:
                # Its time runs from now on, whichever of the answers is waited for first.
                waiting = self._wait_for(allowed, handler.log, began)
                answers.append(asyncio.ensure_future(waiting))
        return answers

    async def _wait_for(self, allowed: Awaitable[bool], log: Logger, began: float) -> bool:
        try:
            return bool(await _within(self._patience_seconds, allowed))
        except asyncio.TimeoutError:
            log.error("DriftDB: the authorizer didn't answer within %g s", self._patience_seconds)
        except Exception:
            log.exception("DriftDB: the authorizer failed")
        finally:
            self._asked.add(perf_counter() - began)
        return False


class KernelCredential(JupyterCredential):
    """Asks Jupyter's authorizer about the person who started a kernel.

    The kernel may do what that person may, also by what a policy gives to the person's name. It is
    asked when the kernel connects and every ``credential_check_seconds``, not for each message, for
    kernels send a lot.
    """

    __slots__ = ("_is_there", "_rights", "_times_asked", "_user")

    def __init__(
        self,
        handler: JupyterHandler,
        asked: Durations,
        *,
        patience_seconds: float,
        user: User | None,
        identity: Identity,
        is_there: Callable[[], bool],
    ) -> None:
        """``user``: Jupyter's, who started it; ``identity``: the kernel's.

        ``is_there``: whether it has neither been shut down nor started anew.
        """
        super().__init__(handler, asked, patience_seconds=patience_seconds)
        self._identity = identity
        self._is_there = is_there
        self._rights: tuple[bool, bool] | None = None
        self._times_asked = 0
        self._user = user

    @property
    def user(self) -> User | None:
        """The person who started the kernel."""
        return self._user

    def grants(self, access: RoomAccess) -> Grants | Awaitable[Grants]:
        """Return what the person may do, as the authorizer said it last."""
        if self._rights is not None:
            may_write, may_read = self._rights
            return self._grants(access, write=may_write, read=may_read)
        write, read = self._ask("write", "read")
        if isinstance(write, bool) and isinstance(read, bool):
            self._rights = write, read
            return self._grants(access, write=write, read=read)
        return self._wait_to_know(access, write, read, self._times_asked)

    def revalidate(self) -> bool:
        """Return whether the kernel is there, which runs on when its person has logged out.

        From now on the authorizer is asked again.
        """
        self._rights = None
        self._times_asked += 1
        return self._is_there()

    def _again(self, handler: JupyterHandler) -> KernelCredential:
        return KernelCredential(
            handler,
            self._asked,
            patience_seconds=self._patience_seconds,
            user=self._user,
            identity=self.identity,
            is_there=self._is_there,
        )

    async def _wait_to_know(
        self, access: RoomAccess, write: Answer, read: Answer, times_asked: int
    ) -> Grants:
        rights = await _both(write, read)
        if times_asked == self._times_asked:
            self._rights = rights
        elif self._rights is not None:
            rights = self._rights  # of whoever asked later, and heard sooner
        may_write, may_read = rights
        return self._grants(access, write=may_write, read=may_read)


async def _both(first: Answer, second: Answer) -> tuple[bool, bool]:
    """Return two answers, which others have been asked for at the same time."""
    try:
        return (
            first if isinstance(first, bool) else await first,
            second if isinstance(second, bool) else await second,
        )
    finally:
        for answer in (first, second):
            if not isinstance(answer, bool):
                answer.cancel()


async def _is_still_known(handler: JupyterHandler, patience_seconds: float) -> bool:
    try:
        return await _is_let_in(handler, patience_seconds)
    except asyncio.TimeoutError:
        handler.log.error("DriftDB: the identity provider didn't answer in time")
        return True
    except HTTPError as error:
        return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    except Exception:
        handler.log.exception("DriftDB: the identity provider failed")
        return True


async def _is_let_in(handler: JupyterHandler, patience_seconds: float) -> bool:
    # Another handler, because that one remembers who it was.
    request = copy(handler.request)
    request.connection = _NoConnection()
    asker = JupyterHandler(handler.application, request)
    try:
        asking = ensure_async(asker.identity_provider.get_user(asker))
        return await _within(patience_seconds, asking) is not None
    finally:
        asker.ui = ObjectDict()  # which has the handler, so that both would be freed late


async def _within(seconds: float, asked: Awaitable[T]) -> T:
    """Return an answer; raises :class:`asyncio.TimeoutError` where there is none in that time.

    Also where what is asked can't be cancelled.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(_: object) -> None:
        if not ended.done():
            ended.set_result(None)

    answering = asyncio.ensure_future(asked)
    answering.add_done_callback(end)
    # The context holds the request, and a timer its context until its time.
    timer = Context().run(loop.call_later, seconds, end, None)
    try:
        await ended
        if not answering.done():
            raise asyncio.TimeoutError
        return answering.result()
    finally:
        timer.cancel()
        answering.cancel()


class _NoConnection(HTTPConnection):
    """The connection of a request that is only looked at."""

    def set_close_callback(self, callback: object) -> None:
        """Never call it."""
