"""The real servers, made to send every message back."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from driftdb_jupyter.protocol.frame import frame
from driftdb_jupyter.server.hosting.peer import Peer

from ..conformance.servers import Server, standalone
from .case import LIMIT_BYTES, Case
from .frames import Frame

__all__ = ["Line", "converse", "echoing"]

Heard = dict[str, list[Frame]]
"""The messages that the peers of each room sent, in order."""

PATIENCE_SECONDS = 60
ROOM = "echo"


@contextmanager
def echoing(
    *,
    compression: bool = False,
    tls: ssl.SSLContext | None = None,
    heard: Heard | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """A standalone server whose peers get their own messages back, as answers that wait.

    It notes in ``heard`` what it got. ``settings`` are more of :class:`DriftDB`'s.
    """

    def send_back(peer: Peer, opcode: int, messages: Iterator[bytes]) -> None:
        for message in messages:
            peer.outbox.put(frame(opcode, message))
            if heard is not None:
                heard.setdefault(peer._room.name, []).append((opcode, message))

    with (
        patch.object(Peer, "receive_all", send_back),
        standalone(
            named_rooms=True,
            tls=tls,
            compression=compression,
            message_limit_bytes=LIMIT_BYTES // 2,
            **settings,
        ) as server,
    ):
        yield server


class Line:
    """A client's socket behind its handshake; ``agreed`` are the extensions."""

    def __init__(
        self,
        server: Server,
        *,
        offers: str | None = None,
        room: str = ROOM,
        query: str = "",
        receive_bytes: int | None = None,
    ) -> None:
        address = urlsplit(server.root)
        plain = socket.socket()
        plain.settimeout(PATIENCE_SECONDS)
        if receive_bytes is not None:  # what the kernel keeps of what isn't read
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        plain.connect((address.hostname, address.port or 80))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = plain
        if address.scheme == "https":
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            self.socket = trusting.wrap_socket(plain)
        extensions = "" if offers is None else f"Sec-WebSocket-Extensions: {offers}\r\n"
        more = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items())
        self.socket.sendall(
            f"GET {address.path}room/{room}/connect{query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}{more}\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        status, *lines = head.decode().split("\r\n")
        assert status.startswith("HTTP/1.1 101"), status
        answered: dict[str, Any] = dict(line.split(": ", 1) for line in lines if line)
        assert answered["Sec-Websocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        self.agreed: str | None = answered.get("Sec-Websocket-Extensions")

    def say(self, data: bytes) -> None:
        """Send it all; a server that has closed need not hear the end."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def end(self) -> None:
        """Say nothing more, and hear on."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def hear(self) -> bytes:
        """All that the server says, to the end of the connection.

        Raises :class:`ConnectionResetError` where it was cut off instead.
        """
        said = b""
        with self.socket:
            while chunk := self.socket.recv(65536):
                said += chunk
        return said


def converse(server: Server, case: Case) -> bytes:
    """What a server says to a client that says all of the case at once."""
    line = Line(server, offers=case.offers)
    assert line.agreed == case.agreed
    line.say(case.sent)
    return line.hear()
