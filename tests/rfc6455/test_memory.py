"""What no peer can make the server hold, by frames that it may send."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from driftdb_jupyter.server.hosting.peer import Peer

from .case import LIMIT_BYTES
from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, client_frame, close_frame, frames_in
from .servers import Line, echoing

MEBIBYTE = 1024 * 1024
# More than the kernel keeps of what was sent, and the smallest outbox.
FLOOD_BYTES = 12 * MEBIBYTE
PINGS = b"".join(client_frame(PING, b"%125d" % number) for number in range(8000))

UNFINISHED = {
    "a frame": client_frame(BINARY, bytes(LIMIT_BYTES))[:-1],
    "fragments": client_frame(BINARY, bytes(LIMIT_BYTES), final=False),
    "a frame and fragments": client_frame(BINARY, bytes(LIMIT_BYTES // 2), final=False)
    + client_frame(CONTINUATION, bytes(LIMIT_BYTES // 2))[:-1],
}


@pytest.mark.parametrize("begun", UNFINISHED.values(), ids=UNFINISHED)
def test_messages_that_are_never_finished_give_way(begun: bytes) -> None:
    with echoing(incomplete_limit_bytes=MEBIBYTE) as server:
        lines = [Line(server) for _ in range(40)]
        for line in lines:
            line.say(begun)
        ((opcode, content),) = frames_in(lines[0].hear())
        assert (opcode, content[:2]) == (CLOSE, (1013).to_bytes(2, "big"))
        while server.run(lambda: server.hub.peer_count) > MEBIBYTE // LIMIT_BYTES:
            pass  # the others have not had their turn
        assert server.run(lambda: server.hub.incomplete.byte_count) <= MEBIBYTE
        whole = client_frame(BINARY, b"x" * LIMIT_BYTES)
        with Line(server).socket as other:
            other.sendall(whole + close_frame(1000))
            said = b""
            while chunk := other.recv(65536):
                said += chunk
        assert frames_in(said)[0] == (BINARY, b"x" * LIMIT_BYTES)
        for line in lines:
            line.socket.close()


def flood(line: Line) -> None:
    """Ask for pongs, and take none of them."""
    for _ in range(FLOOD_BYTES // len(PINGS)):
        line.say(PINGS)
    line.say(close_frame(1000))


def test_pongs_that_nobody_takes_do_not_pile_up() -> None:
    with echoing() as server:
        line = Line(server, receive_bytes=4096)
        flood(line)
        *pongs, (opcode, content) = frames_in(line.hear())
    assert (opcode, content) == (CLOSE, b"\x03\xe8")
    assert pongs[-1] == (PONG, b"%125d" % 7999)
    assert len(pongs) < FLOOD_BYTES // 131


def test_pongs_that_nobody_takes_of_tornados_reader_close_the_connection() -> None:
    codes = []

    def close(peer: Peer, code: int, reason: str) -> None:
        codes.append(code)
        peer._close(code, reason)

    with (
        patch("driftdb_jupyter.server.receiving.reader.mask", None),
        patch.object(Peer, "close", close),
        echoing(outbox_limit_bytes=4 * MEBIBYTE) as server,
    ):
        line = Line(server, receive_bytes=4096)
        flood(line)
        line.socket.close()
    assert codes[0] == 4408
