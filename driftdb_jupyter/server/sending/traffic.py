"""How much has come and gone, for the metrics of a server."""

from __future__ import annotations

__all__ = ["Traffic"]


class Traffic:
    """Plain counters over all connections, since the server has started.

    ``messages_received``: messages and control frames of peers, and messages over HTTP.
    ``bytes_received``: what sockets brought, and bodies. ``messages_sent``: messages to peers, a
    long answer being none; ``bytes_sent``: what the sockets of ended connections have taken.
    """

    __slots__ = ("bytes_received", "bytes_sent", "messages_received", "messages_sent")

    def __init__(self) -> None:
        self.bytes_received = 0
        self.bytes_sent = 0
        self.messages_received = 0
        self.messages_sent = 0
