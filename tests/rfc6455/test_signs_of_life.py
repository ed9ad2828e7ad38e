"""A long frame that is slow to come is a sign of life: its sender can't answer a ping meanwhile."""

from __future__ import annotations

import time

import pytest

from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.hosting.peer import Peer

from .case import LIMIT_BYTES
from .frames import BINARY, CLOSE, PING, PONG, client_frame, close_frame, frames_in
from .servers import Line, echoing

LONG = client_frame(BINARY, bytes(LIMIT_BYTES))


def the_peer(hub: Hub) -> Peer:
    """The only peer, when it has joined."""
    while not hub._peers:
        time.sleep(0.001)
    (peer,) = hub._peers
    return peer


def test_a_slow_long_frame_is_not_taken_for_silence() -> None:
    with echoing() as server:
        line = Line(server)
        hub = server.hub
        peer = the_peer(hub)
        for start in range(0, LIMIT_BYTES, 7_000):
            peer.heard = False  # as if it had been asked
            line.say(LONG[start : start + 7_000])
            while not peer.heard:
                time.sleep(0.001)
            server.run(hub.check_signs_of_life)
        line.say(LONG[LIMIT_BYTES:] + close_frame(1000))
        frames = frames_in(line.hear())
    assert (BINARY, bytes(LIMIT_BYTES)) in frames
    assert frames[-1] == (CLOSE, b"\x03\xe8")


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_a_control_frame_is_one(opcode: int) -> None:
    with echoing() as server:
        line = Line(server)
        peer = the_peer(server.hub)
        peer.heard = False
        line.say(client_frame(opcode))
        while not peer.heard:
            time.sleep(0.001)
        line.socket.close()
