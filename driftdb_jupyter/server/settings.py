"""The settings that both servers share, ``c.DriftDB.… = …`` in either's configuration file."""

from __future__ import annotations

from traitlets import Bool, Float, Int
from traitlets.config import Configurable

from ..protocol.limits import Limits

__all__ = ["DriftDB"]

_DEFAULT = Limits()


class DriftDB(Configurable):
    """What the rooms of a server allow."""

    message_limit_bytes = Int(
        _DEFAULT.message_bytes,
        min=1024,
        config=True,
        help="The longest message that is taken, in bytes. A little over it a message is answered "
        "with the error too_large, at twice the limit the connection is closed with 1009.",
    )
    key_limit_bytes = Int(
        _DEFAULT.key_bytes,
        min=1,
        config=True,
        help="The longest key that is taken, in bytes of UTF-8.",
    )
    nesting_limit = Int(
        _DEFAULT.nesting,
        min=1,
        max=500,
        config=True,
        help="How deep arrays and objects may be nested in a value, in levels.",
    )
    room_limit = Int(100_000, min=1, config=True, help="How many rooms there may be at once.")
    outbox_limit_bytes = Int(
        16 * 1024 * 1024,
        min=4 * 1024 * 1024,
        config=True,
        help="How many bytes may wait for a peer that reads too slowly before it is closed with "
        "4408 and has to come back.",
    )
    ping_interval_seconds = Float(
        30.0,
        min=0.0,
        config=True,
        help="How often a connection is asked for a sign of life, in seconds. One that gave none "
        "till the next time is closed. 0: never.",
    )
    producer_retention_seconds = Float(
        24 * 60 * 60.0,
        min=0.0,
        config=True,
        help="How long the pushes of a client that left are remembered, in seconds, so that one "
        "which is sent again is not applied twice.",
    )
    compression = Bool(
        False,
        config=True,
        help="Compress messages (permessage-deflate) for clients that offer it. Saves bandwidth, "
        "and costs most of the server's speed.",
    )

    @property
    def limits(self) -> Limits:
        """The bounds of a single message."""
        return Limits(
            message_bytes=self.message_limit_bytes,
            key_bytes=self.key_limit_bytes,
            nesting=self.nesting_limit,
        )
