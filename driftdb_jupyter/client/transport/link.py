"""One open socket to a room."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..session import messages
from ..settings import Settings
from .batch_socket import BatchSocket
from .heartbeat import Heartbeat
from .location import Location
from .opening import open_batch_socket
from .route import remote_address

__all__ = ["Link"]


class Link:
    """An open socket, its sign of life, and why it ended. Lives on the background thread."""

    def __init__(self, socket: BatchSocket, heartbeat: Heartbeat, settings: Settings) -> None:
        assert socket.protocol is not None
        protocol = socket.protocol
        protocol.set_nodelay(True)
        stream = protocol.stream
        assert stream is not None
        # Tornado's own bound would end the connection without a word below a longer limit.
        stream.max_buffer_size = settings.receive_limit_bytes + 0x10000
        self.remote = remote_address(stream.socket)
        """The other end, as :func:`.route.local_address` takes it."""
        self._socket = socket
        self._stream = stream
        self._heartbeat = heartbeat
        self._received = 0
        heartbeat.heard(time.monotonic())

    @classmethod
    async def open(
        cls, location: Location, secret: str, settings: Settings, heartbeat: Heartbeat
    ) -> Link:
        """Open a room's socket; raises what :func:`~.errors.explain` explains."""
        return cls(await open_batch_socket(location, secret, settings), heartbeat, settings)

    @property
    def close_code(self) -> int | None:
        """The close code that the server gave."""
        return self._socket.close_code

    @property
    def too_long(self) -> bool:
        """Whether it ended because a message was longer than ``receive_limit_bytes``."""
        return self._socket.too_long

    async def receive(self, hear: Callable[[Sequence[str | bytes]], object]) -> None:
        """Call ``hear`` with all messages that have arrived, each time, until it is closed.

        Raises what ``hear`` raises.
        """

        def heard(messages: Sequence[str | bytes]) -> None:
            self._heartbeat.heard(time.monotonic())
            hear(messages)

        await self._socket.receive(heard)

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages; what a closed socket doesn't take, the session sends again."""
        self._socket.send(messages)

    def look(self, now: float, *, doubtful: bool) -> None:
        """Ask for a sign of life, where there was none for long, and give up a dead socket."""
        # Part of a long message is a sign of life, too.
        before, self._received = self._received, getattr(self._stream, "_read_buffer_size", 0)
        if self._received > before:
            self._heartbeat.heard(now)
        state = self._heartbeat.tick(now, doubtful=doubtful)
        if state == "ask":
            self.send([messages.ping()])
        elif state == "dead":
            self._stream.close()

    def close(self, *, for_good: bool) -> None:
        """Close it; ``for_good``: the client will not come back (close code 1000)."""
        self._socket.close(1000 if for_good else None)
