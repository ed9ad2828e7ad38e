"""Long answers, and what comes behind them, where something of Tornado's is in between."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import pytest
from tornado.iostream import IOStream

from driftdb_jupyter.server.sending.backlog import Backlog
from driftdb_jupyter.server.sending.tornado_sender import TornadoSender
from driftdb_jupyter.server.sending.unacknowledged import unacknowledged_bytes

from ...certificates import CERTIFICATE
from ...conformance.peer import Room, get, push, pushed
from ...conformance.servers import Server, standalone

pytestmark = pytest.mark.asyncio


async def test_a_connection_that_has_ended_holds_no_frames_and_can_still_be_looked_at() -> None:
    one, other = socket.socketpair()
    stream = IOStream(one)
    sender = TornadoSender(stream, Backlog())
    with other:
        sender.put(b"x" * 10_000_000)
        assert sender.writing()
        error = ConnectionResetError()
        try:
            raise error
        except ConnectionResetError:
            stream.close(exc_info=error)
    assert error.__traceback__ is not None
    assert unacknowledged_bytes(sender.socket) == 0
    sender.finish()
    assert error.__traceback__ is None
    assert not sender.writing() or sender.closed()


@pytest.fixture(params=["plain", "TLS", "compressed", "fallback", "compressed TLS"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose sockets are written to in one of the ways that there are."""
    tls = None
    with ExitStack() as stack:
        if "TLS" in request.param:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(CERTIFICATE)
        if request.param == "fallback":
            stack.enter_context(patch("driftdb_jupyter.server.receiving.reader.mask", None))
        compression = "compressed" in request.param
        yield stack.enter_context(standalone(named_rooms=True, tls=tls, compression=compression))


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_a_long_answer_is_one_message_and_all_else_comes_behind_it(
    server: Server, cbor: bool
) -> None:
    room = Room(server, "a")
    writer = await room.join(validate_cert=False)
    reader = await room.join(cbor=cbor, compressed=True, validate_cert=False)
    values = {n + 1: f"{n}" * 50_000 for n in range(40)}
    for value in values.values():
        await writer.send(push("k", value))
    await writer.settle()
    await reader.send(get("k", seq=None))
    await reader.settle()
    await reader.send(get("k"), get("k"), {"type": "ping"})
    for value in ("last", "x" * 300_000):
        await writer.send(push("k", value))
    heard = [await reader.receive() for _ in range(5)]
    assert {"type": "pong", "nonce": None} in heard
    pushes = [message for message in heard if message["type"] == "push"]
    assert pushes == [pushed("k", "last", 41), pushed("k", "x" * 300_000, 42)]
    for place, message in enumerate(heard):
        if message["type"] == "init":
            listed = {entry["seq"]: entry["value"] for entry in message["data"]}
            assert {seq: listed[seq] for seq in values} == values
            for push_ in pushes:
                assert (heard.index(push_) < place) == (push_["seq"] in listed)
    while server.hub.backlog.byte_count:  # its loop may be a little behind
        await asyncio.sleep(0.005)
    await room.empty()
