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
_VARIABLES = ("DRIFTDB_SECRET", "DRIFTDB_NOTEBOOKS_SECRET")

PreStart = Callable[[Any, dict[str, Any]], tuple[Any, str, str]]


class _Started(Struct):
    """Who started a kernel: Jupyter's user, and the kernel as others are told of it."""

    user: User
    identity: Identity


class Kernels:
    """Gives each kernel of a server a secret of its own, and knows who started it.

    A kernel stands for that person: Jupyter's authorizer is asked about the person. That stays so
    when somebody else restarts the kernel. One that nobody is known to have started may do
    everything, and is the hub's user's, whose server it is (``JUPYTERHUB_USER``), else nobody's.
    So is what the server itself starts (terminals): ``secret`` is theirs.
    """

    def __init__(self, server: ServerApp) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._key = secrets.token_bytes(32)
        self._server = server
        hub_user = os.environ.get("JUPYTERHUB_USER")
        self._unknown = Operator(_identity(hub_user, hub_user))
        self._known: dict[str, _Started] = {}
        self._pre_start: PreStart | None = None

    def start(self) -> None:
        """Give secrets to the kernels that are started from now on."""
        manager: Any = self._server.kernel_manager
        # What no manager has that starts its kernels elsewhere, where no secret would reach.
        self._pre_start = getattr(manager, "pre_start_kernel", None)
        if self._pre_start is not None:
            manager.pre_start_kernel = self._prepare

    def stop(self) -> None:
        """Give no more."""
        if self._pre_start is not None:
            del self._server.kernel_manager.pre_start_kernel
            self._pre_start = None

    def secret_of(self, kernel: str) -> str:
        """Return the secret of a kernel, which says its id and proves it."""
        proof = hmac.new(self._key, kernel.encode(errors="replace"), hashlib.sha256)
        return f"{quote(kernel, safe='', errors='replace')}.{proof.hexdigest()}"

    def credential(
        self, handler: JupyterHandler, asked: Durations, *, patience_seconds: float
    ) -> Credential | None:
        """Return that of a kernel whose request it is; ``None`` if it shows no good secret.

        ``asked`` and ``patience_seconds`` are those of :class:`.access.JupyterCredential`.
        """
        kernel = self._kernel_of(handler.request.headers.get("Authorization", ""))
        if kernel is None:
            return None
        started = self._known.get(kernel)
        if started is None:
            return self._unknown
        if type(handler.authorizer) is AllowAllAuthorizer:
            return Operator(started.identity)  # whom it would be asked about makes no difference
        return KernelCredential(
            handler,
            asked,
            patience_seconds=patience_seconds,
            user=started.user,
            identity=started.identity,
        )

    def knows(self, authorization: str) -> bool:
        """Return True if a header shows a good secret."""
        return self._kernel_of(authorization) is not None

    def _kernel_of(self, authorization: str) -> str | None:
        """Return the kernel whose secret is shown, ``""`` for the server's own, ``None``: none."""
        given = authorization.removeprefix(_SCHEME)
        if given == authorization:
            return None
        if _equal(given, self.secret):
            return ""
        kernel = unquote(given.rpartition(".")[0], errors="replace")
        return kernel if kernel and _equal(given, self.secret_of(kernel)) else None

    def _prepare(self, kernel_name: Any, options: dict[str, Any]) -> tuple[Any, str, str]:
        """Do what the manager does before a kernel is started, and put the secret beside."""
        assert self._pre_start is not None
        made = self._pre_start(kernel_name, options)
        kernel = made[2]
        environment = dict(options.get("env") or os.environ)
        for variable in _VARIABLES:
            if variable in os.environ:
                environment[variable] = self.secret_of(kernel)
        options["env"] = environment
        self._note(kernel, manager=made[0])
        return made

    def _note(self, kernel: str, *, manager: object) -> None:
        """Note who starts a kernel, whoever's request it is in, as long as its manager is there."""
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        user: User | None = getattr(handler, "current_user", None)
        names = [getattr(user, name, None) for name in _NAMES]
        name = next((name for name in names if isinstance(name, str) and name), None)
        self._known.pop(kernel, None)
        if user is not None and name is not None:
            owner = getattr(user, "username", None)
            started = self._known[kernel] = _Started(user, _identity(name, owner))
            finalize(manager, self._forget, kernel, started)

    def _forget(self, kernel: str, started: _Started) -> None:
        if self._known.get(kernel) is started:
            del self._known[kernel]


def _identity(name: str | None, owner: str | None) -> Identity:
    called = "Kernel" if name is None else f"{name}'s kernel"
    shown = {"username": KERNEL.username, "name": called, "display_name": called, "owner": owner}
    return Identity("kernel", owner, user=told(shown))


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
