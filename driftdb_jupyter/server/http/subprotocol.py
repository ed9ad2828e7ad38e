"""The subprotocol of our clients, and the secret that they offer behind it."""

from __future__ import annotations

from collections.abc import Sequence

from tornado.httputil import HTTPHeaders

from ...protocol.errors import BadMessage

__all__ = ["SUBPROTOCOL", "client_among", "offered"]

SUBPROTOCOL = "driftdb"


def offered(headers: HTTPHeaders) -> list[str]:
    """Return the subprotocols that a handshake offers, in their order.

    They are a list (RFC 6455 section 11.3.4): in one header or several, with white space around
    them and empty elements that count for nothing (RFC 9110 section 5.6.1).
    """
    names = (name.strip(" \t") for name in headers.get("Sec-WebSocket-Protocol", "").split(","))
    return [name for name in names if name]


def client_among(names: Sequence[str]) -> str | None:
    """Return what is offered behind ours: the client's secret (protocol, "Knowing that …").

    ``None`` where ours isn't offered. Raises :class:`BadMessage` where nothing is behind it: were
    ours chosen then, the client would take its secret for known.
    """
    if SUBPROTOCOL not in names:
        return None
    behind = names[names.index(SUBPROTOCOL) + 1 :]
    if not behind:
        raise BadMessage("expected the client's secret behind the subprotocol driftdb")
    return behind[0]
