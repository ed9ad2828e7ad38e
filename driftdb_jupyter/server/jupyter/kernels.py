"""The kernels of a Jupyter server: whose each of them is, and the secret that each is given."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote
from weakref import finalize

from jupyter_server.auth import AllowAllAuthorizer, User
from jupyter_server.base.call_context import CallContext
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from msgspec import Struct

from ...access.credential import Credential, Operator
from ...access.identity import Identity
from ..process.durations import Durations
from .access import KERNEL, KernelCredential, told

__all__ = ["Kernels"]

_NAMES = ("display_name", "name", "username")
_SCHEME = "DriftDB "
# What a secret says of who started the kernel.
_PERSONS = "person"
_NOBODYS = "nobody"
_VARIABLES = ("DRIFTDB_SECRET", "DRIFTDB_NOTEBOOKS_SECRET")

PreStart = Callable[[Any, dict[str, Any]], tuple[Any, str, str]]


class _Started(Struct):
    """Who started a kernel: Jupyter's user, and the kernel as others are told of it."""

    user: User
    identity: Identity


class _Shown(Struct):
    """What a secret proves: which kernel's it is, and whether a person started that."""

    kernel: str
    of_person: bool


class _KernelOperator(Operator):
    """May do everything as long as the kernel is there."""

    def __init__(self, identity: Identity, is_there: Callable[[], bool]) -> None:
        super().__init__(identity)
        self._is_there = is_there

    def revalidate(self) -> bool:
        """Return whether the kernel is there."""
        return self._is_there()


class Kernels:
    """Gives each kernel of a server a secret of its own, and knows who started it.

    A kernel stands for that person: Jupyter's authorizer is asked about the person. That stays so
    when somebody else restarts the kernel, until it is gone: its secret opens nothing then. A
    kernel that nobody is known to have started may do everything, and is the hub's user's, whose
    server it is (``JUPYTERHUB_USER``), else nobody's. What the server itself starts (terminals)
    may do the same; it is given ``secret``.
    """

    def __init__(self, server: ServerApp) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._key = secrets.token_bytes(32)
        self._server = server
        hub_user = os.environ.get("JUPYTERHUB_USER")
        self._unknown = Operator(_identity(hub_user, hub_user))
        self._known: dict[str, _Started] = {}
        self._pre_start: PreStart | None = None
        self._remove_kernel: Callable[..., Any]

    def start(self) -> None:
        """Give secrets to the kernels that are started from now on."""
        manager: Any = self._server.kernel_manager
        # What no manager has that starts its kernels elsewhere, where no secret would reach.
        self._pre_start = getattr(manager, "pre_start_kernel", None)
        if self._pre_start is not None:
            self._remove_kernel = manager.remove_kernel
            manager.pre_start_kernel, manager.remove_kernel = self._prepare, self._remove

    def stop(self) -> None:
        """Give no more."""
        if self._pre_start is not None:
            manager: Any = self._server.kernel_manager
            del manager.pre_start_kernel, manager.remove_kernel
            self._pre_start = None

    def secret_of(self, kernel: str, *, of_person: bool) -> str:
        """Return the secret of a kernel: its id, whether a person started it, and the proof."""
        said = f"{quote(kernel, safe='', errors='replace')}.{_PERSONS if of_person else _NOBODYS}"
        return f"{said}.{hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()}"

    def credential(
        self, handler: JupyterHandler, asked: Durations, *, patience_seconds: float
    ) -> Credential | None:
        """Return that of a kernel whose request it is; ``None`` if it shows no good secret.

        That of a person's kernel is good as long as it is known who that is.
        ``asked`` and ``patience_seconds`` are those of :class:`.access.JupyterCredential`.
        """
        shown = self._shown(handler.request.headers.get("Authorization", ""))
        if shown is None:
            return None
        started = self._known.get(shown.kernel)
        if started is None:
            return None if shown.of_person else self._unknown

        def is_there() -> bool:
            return self._known.get(shown.kernel) is started

        if type(handler.authorizer) is AllowAllAuthorizer:
            # Whom it would be asked about makes no difference.
            return _KernelOperator(started.identity, is_there)
        return KernelCredential(
            handler,
            asked,
            patience_seconds=patience_seconds,
            user=started.user,
            identity=started.identity,
            is_there=is_there,
        )

    def knows(self, authorization: str) -> bool:
        """Return True if a header shows a good secret."""
        shown = self._shown(authorization)
        return shown is not None and (not shown.of_person or shown.kernel in self._known)

    def _shown(self, authorization: str) -> _Shown | None:
        """Return what a header proves, with ``""`` as the kernel for the server's own secret."""
        given = authorization.removeprefix(_SCHEME)
        if given == authorization:
            return None
        if _equal(given, self.secret):
            return _Shown("", of_person=False)
        said, _, _ = given.rpartition(".")
        name, _, whose = said.rpartition(".")
        shown = _Shown(unquote(name, errors="replace"), of_person=whose == _PERSONS)
        proven = _equal(given, self.secret_of(shown.kernel, of_person=shown.of_person))
        return shown if shown.kernel and proven else None

    def _prepare(self, kernel_name: Any, options: dict[str, Any]) -> tuple[Any, str, str]:
        """Do what the manager does before a kernel is started, and put the secret beside."""
        assert self._pre_start is not None
        made = self._pre_start(kernel_name, options)
        kernel = made[2]
        environment = dict(options.get("env") or os.environ)
        secret = self.secret_of(kernel, of_person=self._note(kernel, manager=made[0]))
        for variable in _VARIABLES:
            if variable in os.environ:
                environment[variable] = secret
        options["env"] = environment
        return made

    def _remove(self, kernel_id: str) -> Any:
        """Forget who started a kernel that is shut down, or has died for good.

        Its manager, which is in cycles, is freed much later.
        """
        self._known.pop(kernel_id, None)
        return self._remove_kernel(kernel_id)

    def _note(self, kernel: str, *, manager: object) -> bool:
        """Note who starts a kernel, as long as its manager is there; return if that is known.

        It is whoever's request it is in.
        """
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        user: User | None = getattr(handler, "current_user", None)
        names = [getattr(user, name, None) for name in _NAMES]
        name = next((name for name in names if isinstance(name, str) and name), None)
        self._known.pop(kernel, None)
        if user is None or name is None:
            return False
        owner = getattr(user, "username", None)
        started = self._known[kernel] = _Started(user, _identity(name, owner))
        finalize(manager, self._forget, kernel, started)
        return True

    def _forget(self, kernel: str, started: _Started) -> None:
        if self._known.get(kernel) is started:
            del self._known[kernel]


def _identity(name: str | None, owner: str | None) -> Identity:
    called = "Kernel" if name is None else f"{name}'s kernel"
    shown = {"username": KERNEL.username, "name": called, "display_name": called, "owner": owner}
    return Identity("kernel", owner, user=told(shown))


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
