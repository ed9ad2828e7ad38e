"""Who hears the pushes of a key."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol import cbor
from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.frame import frame
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.hosting.channel import Channel
from driftdb_jupyter.server.sending.close_codes import CLOSE_FAULT
from driftdb_jupyter.server.sending.outbox import Flusher, Outbox

from ..line import Line


def entry(seq: int) -> Entry:
    return Entry(seq, Value(b"0"))


def frames(*numbers: int) -> bytes:
    return b"".join(JSON.push_frame(JSON.push_start("k"), entry(seq)) for seq in numbers)


@pytest.mark.asyncio
async def test_who_comes_and_goes_in_a_tick_hears_what_was_said_meanwhile(
    lines: list[Line],
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    staying, passing = lines
    channel = Channel("k", flusher)
    channel.add(staying.outbox, JSON)
    channel.broadcast([entry(1)])
    channel.add(passing.outbox, JSON)
    channel.broadcast([entry(2)])
    channel.remove(passing.outbox)
    channel.broadcast([entry(3)])
    flusher.flush()
    assert staying.arrived() == frames(1, 2, 3)
    assert passing.arrived() == frames(2)


@pytest.mark.asyncio
async def test_stamps_are_for_those_who_asked_and_stay(lines: list[Line]) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    plain, stamped = lines
    channel = Channel("k", flusher)
    channel.add(plain.outbox, JSON)
    channel.add(stamped.outbox, JSON)
    channel.add(stamped.outbox, JSON, stamps=True)
    channel.add(stamped.outbox, JSON)
    channel.broadcast([entry(1)])
    flusher.flush()
    assert plain.arrived() == frames(1)
    assert stamped.arrived() == JSON.stamped_push_frame(JSON.push_start("k"), entry(1))


@pytest.mark.asyncio
async def test_a_deletion_is_for_those_with_a_client_in_its_place(lines: list[Line]) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    with_client, without = lines
    channel = Channel("k", flusher)
    channel.add(with_client.outbox, JSON, with_client=True)
    channel.add(without.outbox, JSON)
    channel.broadcast([entry(1)])
    channel.delete(2)
    channel.broadcast([entry(3)])
    flusher.flush()
    deletion = frame(JSON.opcode, JSON.delete("k", 2))
    assert with_client.arrived() == frames(1) + deletion + frames(3)
    assert without.arrived() == frames(1, 3)


@pytest.mark.asyncio
async def test_who_was_removed_hears_no_deletion_in_the_place_of_another(
    lines: list[Line],
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    one, other = lines
    channel = Channel("k", flusher)
    for line in lines:
        channel.add(line.outbox, JSON, with_client=True)
    channel.remove(one.outbox)
    channel.delete(1)
    channel.remove(other.outbox)
    flusher.flush()
    assert not channel
    assert one.arrived() == b""
    assert other.arrived() == frame(JSON.opcode, JSON.delete("k", 1))


@pytest.mark.asyncio
async def test_who_leaves_on_hearing_of_a_deletion_keeps_it_from_nobody(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    leaving, staying = lines
    channel = Channel("k", flusher)
    for line in lines:
        channel.add(line.outbox, JSON, with_client=True)
    put = type(leaving.outbox).put

    def leave(outbox: Outbox, message: bytes) -> None:
        put(outbox, message)
        if outbox is leaving.outbox:
            channel.remove(outbox)

    monkeypatch.setattr(type(leaving.outbox), "put", leave)
    channel.delete(7)
    flusher.flush()
    assert staying.arrived() == frame(JSON.opcode, JSON.delete("k", 7))


def without_memory(text: bytes) -> bytes:
    if text == b'"long"':
        raise MemoryError
    return b"\x00"


@pytest.mark.asyncio
@pytest.mark.parametrize("other_encoding", [True, False])
async def test_whoever_misses_a_push_is_closed_before_a_later_one_and_the_others_hear_all(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch, other_encoding: bool
) -> None:
    flusher, codes = Flusher(), []
    lines.extend([Line(flusher), Line(flusher)])
    missing, other = lines
    channel = Channel("k", flusher)

    def end(code: int, reason: str) -> None:
        codes.append(code)
        missing.outbox.flush()
        channel.remove(missing.outbox)

    monkeypatch.setattr(missing.outbox, "_ends", end)
    monkeypatch.setattr(cbor, "from_json", without_memory)
    channel.add(missing.outbox, CBOR)
    if other_encoding:
        channel.add(other.outbox, JSON)
    said = [Entry(1, Value(b"0")), Entry(2, Value(b'"long"')), Entry(3, Value(b"0"))]
    channel.broadcast(said)
    channel.add(other.outbox, JSON)
    channel.broadcast([entry(4)])
    flusher.flush()
    assert codes == [CLOSE_FAULT]
    assert missing.arrived() == CBOR.push_frame(CBOR.push_start("k"), entry(1))
    heard = [*said, entry(4)] if other_encoding else [entry(4)]
    start = JSON.push_start("k")
    assert other.arrived() == b"".join(JSON.push_frame(start, each) for each in heard)


@pytest.mark.asyncio
async def test_whoever_misses_another_message_is_closed_too(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    missing, other = lines
    channel = Channel("k", flusher)
    monkeypatch.setattr(missing.outbox, "_ends", lambda *_: channel.remove(missing.outbox))
    channel.add(missing.outbox, CBOR)
    channel.add(other.outbox, JSON)
    channel.say(lambda codec: b"said" if codec is JSON else bytes(1 // 0))
    channel.broadcast([entry(1)])
    flusher.flush()
    assert missing.arrived() == b""
    assert other.arrived() == frame(JSON.opcode, b"said") + frames(1)
