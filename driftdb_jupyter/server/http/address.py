"""URLs of a room, as seen by the client that asks."""

from __future__ import annotations

import re
from urllib.parse import quote

from tornado.httputil import HTTPServerRequest

__all__ = ["LINK_PAGE", "is_loopback", "is_on_this_machine", "link_path", "room_address"]

LINK_PAGE = "shared"
"""The last part of the path of the page that a share link leads to."""

# As js/src/pages/shell.ts has it: only a page there needs another address to be shared.
_LOOPBACK = re.compile(r"(.*\.)?localhost|127(\.\d+){3}|0\.0\.0\.0|\[?::1?\]?", re.IGNORECASE)
_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def room_address(
    request: HTTPServerRequest, root: str, name: str, *, public: str = ""
) -> dict[str, str]:
    """Return the answer to ``POST /new`` and ``GET /room/ID`` (protocol, "Over HTTP").

    ``root`` is the path of the room server, with a slash at both ends; ``public`` is its URL as
    others have it, empty where that follows from the request: its scheme and host, and the prefix
    that a trusted proxy has taken off (see :class:`.forwarded.Proxies`).
    """
    if not public:
        public = f"{request.protocol}://{request.host}{getattr(request, 'prefix', '')}{root}"
    scheme, _, place = public.partition("://")
    room = f"{place}room/{quote(name, safe='')}"
    return {
        "room": name,
        "socket_url": f"{'wss' if scheme == 'https' else 'ws'}://{room}/connect",
        "http_url": f"{scheme}://{room}/send",
    }


def link_path(name: str, secret: str) -> str:
    """Return where a share link leads below the server's root."""
    return f"room/{quote(name, safe='')}/{LINK_PAGE}#{secret}"


def is_loopback(host: str) -> bool:
    """Return True if a host, without a port, is a machine's name or address for itself."""
    return _LOOPBACK.fullmatch(host) is not None


def is_on_this_machine(request: HTTPServerRequest) -> bool:
    """Return whether a request seems to come from the server's machine, not through a proxy."""
    return (
        is_loopback(request.host_name)
        and is_loopback(request.remote_ip or "")
        and not any(name in request.headers for name in _OF_PROXIES)
    )
