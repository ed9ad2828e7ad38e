"""The route from this machine to another: it changes with the network that it is in."""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["local_address", "remote_address"]


def remote_address(connected: socket.socket | None) -> Any:
    """Return the other end of a socket, for :func:`local_address`; ``None`` if it has none."""
    if connected is None:
        return None
    try:
        return connected.family, connected.getpeername()
    except OSError:
        return None


def local_address(remote: Any) -> str | None:
    """Return the address that packets to another machine would leave from now.

    ``None``: no way leads there. Sends nothing: it asks the system's routing table, by connecting
    a datagram socket.
    """
    if remote is None:
        return None
    family, address = remote
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError:
        return None
