"""URLs of a room, as seen by the client that asks."""

from __future__ import annotations

import re
from urllib.parse import quote

from tornado.httputil import HTTPServerRequest

__all__ = ["is_on_this_machine", "room_address"]

# As js/src/pages/shell.ts has it: only a page there needs another address to be shared.
_LOOPBACK = re.compile(r"(.*\.)?localhost|127(\.\d+){3}|0\.0\.0\.0|\[?::1?\]?", re.IGNORECASE)
_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def room_address(request: HTTPServerRequest, root: str, name: str) -> dict[str, str]:
    """Return the answer to ``POST /new`` and ``GET /room/ID`` (protocol, "Over HTTP").

    ``root`` is the path of the room server, with a slash at both ends. The URLs have the
    request's host; they are secure where the request is, or a proxy says that it was.
    """
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    secure = request.protocol == "https" or forwarded in ("https", "wss")
    room = f"{request.host}{root}room/{quote(name, safe='')}"
    return {
        "room": name,
        "socket_url": f"{'wss' if secure else 'ws'}://{room}/connect",
        "http_url": f"{'https' if secure else 'http'}://{room}/send",
    }


def is_on_this_machine(request: HTTPServerRequest) -> bool:
    """Return whether a request seems to come from the server's machine, not through a proxy."""
    return (
        _LOOPBACK.fullmatch(request.host_name) is not None
        and _LOOPBACK.fullmatch(request.remote_ip or "") is not None
        and not any(name in request.headers for name in _OF_PROXIES)
    )
