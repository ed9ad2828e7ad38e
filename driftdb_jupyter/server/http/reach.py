"""URLs of a server, for this machine and for others on its network.

An address to listen on may be none to go to (``0.0.0.0``), or one that only this machine knows
(``localhost``).
"""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["is_local", "near", "reach"]

_BOTH = (socket.AF_INET, socket.AF_INET6)
# Tornado listens on "::" for IPv6 alone.
_EVERYWHERE = {"": _BOTH, "*": _BOTH, "0.0.0.0": (socket.AF_INET,), "::": (socket.AF_INET6,)}
_NEAR = {
    **dict.fromkeys(("", "*", "0.0.0.0", "localhost"), "127.0.0.1"),
    "::": "::1",
}
# Reserved for documentation: nothing is sent there, only the way there is looked up.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def near(host: str, port: int, root: str, *, scheme: str) -> str:
    """Return the URL of a server's root for programs on its own machine.

    ``host``: the address that it listens on; ``root``: the path, with a slash at both ends.
    """
    return _url(_NEAR.get(host, host), port, root, scheme)


def reach(host: str, port: int, root: str, *, scheme: str) -> str | None:
    """Return the URL of a server's root for other machines; ``None`` if they can't reach it.

    The arguments are those of :func:`near`. A machine's address changes with its network.
    """
    families = _EVERYWHERE.get(host)
    address = _outside(host) if families is None else own_address(*families)
    return None if address is None else _url(address, port, root, scheme)


def is_local(host: str) -> bool:
    """Return True if only this machine reaches what listens on an address."""
    return host not in _EVERYWHERE and _outside(host) is None


def own_address(*families: socket.AddressFamily) -> str | None:
    """Return this machine's address in its network; ``None`` if it has none of these kinds."""
    for family in families:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((_FAR[family], 9))
            except OSError:
                continue
            address: str = probe.getsockname()[0]
            if _outside(address):
                return address
    return None


def _outside(host: str) -> str | None:
    """Return the host, ``None`` if only this machine knows it by that name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None if host == "localhost" else host
    return None if address.is_loopback or address.is_link_local else host


def _url(address: str, port: int, root: str, scheme: str) -> str:
    shown = f"[{address}]" if ":" in address else address
    return f"{scheme}://{shown}:{port}{root}"
