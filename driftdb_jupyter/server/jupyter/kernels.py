"""The kernels of a Jupyter server: whose each of them is."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.base.call_context import CallContext
from jupyter_server.serverapp import ServerApp

from ...access.credential import Operator
from ...access.identity import Identity
from .access import KERNEL, told

__all__ = ["Kernels"]

_KERNEL_EVENTS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
_NAMES = ("display_name", "name", "username")


class Kernels:
    """Follows who starts a server's kernels, because a kernel stands for that person.

    That stays so when somebody else restarts it. A kernel that nobody is known to have started is
    the hub's user's, whose server it is (``JUPYTERHUB_USER``), else nobody's.
    """

    def __init__(self, server: ServerApp) -> None:
        assert server.event_logger is not None
        self._events = server.event_logger
        self._server = server
        hub_user = os.environ.get("JUPYTERHUB_USER")
        self._unknown = _credential(hub_user, hub_user)
        self._known: dict[str, Operator] = {}

    def start(self) -> None:
        """Begin to hear of kernels."""
        self._events.add_listener(schema_id=_KERNEL_EVENTS, listener=self.heard)

    def stop(self) -> None:
        """Hear no more."""
        self._events.remove_listener(schema_id=_KERNEL_EVENTS, listener=self.heard)

    def credential(self, kernel: str | None) -> Operator:
        """Return that of a kernel, by the id that it says it has: it may do everything."""
        return self._unknown if kernel is None else self._known.get(kernel, self._unknown)

    async def heard(self, logger: object, schema_id: str, data: dict[str, Any]) -> None:
        """Take one of the kernel manager's events; it comes in the context of the request."""
        kernel = data.get("kernel_id")
        started = data["action"] == "start" and data.get("status") == "success"
        if kernel is None or not started or kernel in self._known:
            return
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        user = getattr(handler, "current_user", None)
        names = [getattr(user, name, None) for name in _NAMES]
        name = next((name for name in names if isinstance(name, str) and name), None)
        if name is not None:
            # A restart is a shutdown and a start, too: so those are forgotten here that are gone.
            running = self._server.kernel_manager
            self._known = {each: who for each, who in self._known.items() if each in running}
            self._known[kernel] = _credential(name, getattr(user, "username", None))


def _credential(name: str | None, owner: str | None) -> Operator:
    called = "Kernel" if name is None else f"{name}'s kernel"
    shown = {"username": KERNEL.username, "name": called, "display_name": called, "owner": owner}
    return Operator(Identity("kernel", user=told(shown)))
