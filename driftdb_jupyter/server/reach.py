"""Where a phone on the same network finds a server: ``localhost`` is no address for it."""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["reach"]

_EVERYWHERE = ("", "*", "0.0.0.0", "::")
# Reserved for documentation: nothing is sent there, only the way there is looked up.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def reach(host: str, port: int, root: str, *, scheme: str) -> str | None:
    """The URL of a server's root as other machines have it; ``None`` where they have none.

    ``host``: the address that the server listens on; ``root``: the path, with a slash at both ends.
    """
    address = own_address() if host in _EVERYWHERE else _outside(host)
    if address is None:
        return None
    shown = f"[{address}]" if ":" in address else address
    return f"{scheme}://{shown}:{port}{root}"


def own_address() -> str | None:
    """The address of this machine in its network; ``None`` where it is in none."""
    for family, far in _FAR.items():
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((far, 9))
            except OSError:
                continue
            address: str = probe.getsockname()[0]
            if _outside(address):
                return address
    return None


def _outside(host: str) -> str | None:
    """The host, unless only this machine knows it by that name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None if host == "localhost" else host
    return None if address.is_loopback or address.is_link_local else host
