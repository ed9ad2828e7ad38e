"""URLs of a room, as seen by the client that asks."""

from __future__ import annotations

from urllib.parse import quote

from tornado.httputil import HTTPServerRequest

__all__ = ["room_address"]


def room_address(request: HTTPServerRequest, root: str, name: str) -> dict[str, str]:
    """The answer to ``POST /new`` and ``GET /room/ID`` (protocol, "Over HTTP").

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
