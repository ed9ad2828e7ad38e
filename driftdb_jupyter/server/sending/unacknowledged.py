"""The bytes that the kernel holds for the other end of a connection.

Send buffers hold megabytes, which a slow peer may take for minutes before there is room again: it
is not the bytes that a socket takes that show its progress, but those that its peer acknowledges.
"""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress

__all__ = ["reset_on_close", "unacknowledged_bytes"]

_AT_ONCE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def reset_on_close(connection: socket.socket) -> None:
    """Let the kernel drop what it holds for the other end when this socket is closed.

    Otherwise it would go on sending that, to a peer that hardly takes any of it.
    """
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


if sys.platform == "linux":
    import fcntl
    import termios

    def unacknowledged_bytes(connection: socket.socket | None) -> int:
        """How many bytes the kernel has taken that the other end has not acknowledged yet.

        0 where the system doesn't tell, or the socket is closed, or gone (``None``).
        """
        if connection is None:
            return 0
        try:
            answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        except (OSError, ValueError):
            return 0
        count: int = struct.unpack("i", answer)[0]
        return count

elif sys.platform == "darwin":
    _SO_NWRITE = 0x1024

    def unacknowledged_bytes(connection: socket.socket | None) -> int:
        """How many bytes the kernel has taken that the other end has not acknowledged yet.

        0 where the system doesn't tell, or the socket is closed, or gone (``None``).
        """
        if connection is None:
            return 0
        try:
            return connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
        except OSError:
            return 0

else:

    def unacknowledged_bytes(connection: socket.socket | None) -> int:
        """Return the bytes that the kernel has taken and the other end has not acknowledged yet.

        0 where the system doesn't tell, or the socket is closed.
        """
        return 0
