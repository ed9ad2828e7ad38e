"""The requests whose body is gathered whole before it is read."""

from __future__ import annotations

from typing import Any

from .request import Request
from .site import Site

__all__ = ["Gathered"]


class Gathered(Request):
    """Base class of the requests that gather their body, accounted for as a socket's message is.

    What has come of it is charged to the memory budget until the request is finished or cut off.
    The method of the request calls :meth:`whole_body`.
    """

    def initialize(self, site: Site) -> None:
        """See :class:`.request.Request`."""
        super().initialize(site)
        self._body = bytearray()

    def take_body(self, chunk: bytes) -> None:
        """Gather a part of the body, if there is memory for it."""
        self.hub.memory.take(len(chunk))
        self._body += chunk
        self.hub.incomplete.hold(self, len(self._body))

    def whole_body(self) -> bytes:
        """Return the body, all of which has come.

        Raises what :meth:`check_body` raises.
        """
        self.hub.incomplete.forget(self)
        self.check_body()
        return bytes(self._body)

    def give_up(self) -> None:
        """End the connection: others need the memory of its incomplete body."""
        connection: Any = self.request.connection
        connection.close()
        self._release()

    def on_finish(self) -> None:
        """Release the memory of the body."""
        self._release()
        super().on_finish()

    def on_connection_close(self) -> None:
        """Release the memory of a body that was cut off."""
        self._release()
        super().on_connection_close()

    def _release(self) -> None:
        self.hub.incomplete.forget(self)
        self.hub.memory.release(len(self._body))
        self._body = bytearray()
