"""What waits for a peer, over a real socket pair."""

from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.protocol.frame import TEXT, frame
from driftdb_jupyter.server.sending import outbox as outbox_module
from driftdb_jupyter.server.sending.close_codes import CLOSE_FAULT, CLOSE_TOO_SLOW
from driftdb_jupyter.server.sending.outbox import Flusher

from ..line import LIMIT_BYTES, Line, an_answer


@pytest.mark.asyncio
async def test_the_frames_of_one_tick_arrive_in_order(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    for number in range(5):
        line.outbox.put(frame(TEXT, b"%d" % number))
    assert await line.read(15) == b"".join(frame(TEXT, b"%d" % n) for n in range(5))


@pytest.mark.asyncio
async def test_one_frame_goes_to_all(lines: list[Line]) -> None:
    lines.extend([Line(), Line(), Line()])
    lines[0].flusher.fan_out(b"frame", {id(line): line.outbox for line in lines})
    assert [await line.read(5) for line in lines] == [b"frame"] * 3


@pytest.mark.asyncio
async def test_what_goes_to_one_and_to_all_arrives_in_the_order_it_was_put(
    lines: list[Line],
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    one, other = lines
    first, second = ({id(line): line.outbox for line in lines} for _ in range(2))
    flusher.fan_out(b"1", first)
    flusher.fan_out(b"2", first)
    one.outbox.put(b"3")
    flusher.fan_out(b"4", first)
    flusher.fan_out(b"5", second)
    assert await one.read(5) == b"12345"
    assert await other.read(4) == b"1245"


@pytest.mark.asyncio
async def test_an_audience_that_changes_is_settled_first(lines: list[Line]) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    audience = {1: lines[0].outbox}
    flusher.fan_out(b"1", audience)
    flusher.settle()
    audience[2] = lines[1].outbox
    flusher.fan_out(b"2", audience)
    assert await lines[0].read(2) == b"12"
    assert await lines[1].read(1) == b"2"


@pytest.mark.asyncio
async def test_a_closing_line_writes_what_was_fanned_out(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.flusher.fan_out(b"last", {1: line.outbox})
    line.outbox.flush()
    line.stream.close()
    assert line.arrived() == b"last"


@pytest.mark.asyncio
async def test_a_lone_connection_is_written_to_in_the_middle_of_a_batch(lines: list[Line]) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    one, other = lines
    flusher.fan_out(b"to one", {1: one.outbox})
    flusher.breathe()
    assert one.arrived() == b"to one"
    one.outbox.put(b"answer")
    flusher.breathe()
    assert one.arrived() == b"answer"
    flusher.fan_out(b"to both", {1: one.outbox, 2: other.outbox})
    flusher.breathe()
    assert one.arrived() == b""
    assert await one.read(7) == await other.read(7) == b"to both"


@pytest.mark.asyncio
async def test_what_the_socket_does_not_take_follows_in_order(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    sent = b""
    for number in range(20):
        piece = b"%d" % (number % 10) * 4000
        sent += piece
        line.outbox.put(piece)
        await asyncio.sleep(0)  # a tick for each
    assert line.stream.writing()
    assert await line.read(len(sent)) == sent
    assert line.ended == []


@pytest.mark.asyncio
async def test_a_peer_that_does_not_read_overflows_past_the_limit(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.outbox.put(b"x" * (LIMIT_BYTES // 2))
    line.outbox.flush()
    assert line.ended == []
    line.outbox.put(b"x" * LIMIT_BYTES)
    line.outbox.flush()
    assert line.ended == [CLOSE_TOO_SLOW]


@pytest.mark.asyncio
async def test_an_answer_alone_overflows_nobody_but_stops_reading(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    content = b"i" * (3 * LIMIT_BYTES)
    taken = line.outbox.put_answer(an_answer(content))
    assert taken is not None
    line.outbox.put(b"x" * (LIMIT_BYTES // 2))
    line.outbox.flush()
    assert line.ended == []
    assert not taken.done()
    message = frame(TEXT, content)
    assert await line.read(len(message)) == message
    await taken
    assert await line.read(LIMIT_BYTES // 2) == b"x" * (LIMIT_BYTES // 2)


@pytest.mark.asyncio
@pytest.mark.parametrize("answer_was_read", [False, True])
async def test_the_limit_is_the_same_before_and_after_an_answer(
    lines: list[Line], *, answer_was_read: bool
) -> None:
    line = Line()
    lines.append(line)
    line.outbox.put_answer(an_answer(b"i" * (3 * LIMIT_BYTES)))
    if answer_was_read:
        line.outbox.put(b"x" * 1000)  # so that the backlog is never empty
        line.outbox.flush()
        await line.read(len(frame(TEXT, b"i" * (3 * LIMIT_BYTES))))
    else:
        line.outbox.put(b"x" * LIMIT_BYTES)
        line.outbox.flush()
        assert line.ended == []
    line.outbox.put(b"x" * (LIMIT_BYTES + 100_000 * answer_was_read))
    line.outbox.flush()
    assert line.ended == [CLOSE_TOO_SLOW]


@pytest.mark.asyncio
async def test_a_short_answer_is_nothing_to_wait_for_unless_others_wait(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    assert line.outbox.put_short_answer(b"short") is None
    assert await line.read(5) == b"short"
    line.outbox.put_answer(an_answer(b"i" * LIMIT_BYTES))
    taken = line.outbox.put_short_answer(b"short")
    assert taken is not None
    assert (await line.read(LIMIT_BYTES + 10 + 5)).endswith(b"ishort")
    await taken


@pytest.mark.asyncio
async def test_giving_up_drops_what_waits_and_lets_the_waiting_go_on(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    taken = line.outbox.put_answer(an_answer(b"i" * (3 * LIMIT_BYTES)))
    assert taken is not None
    while not line.outbox.bytes_sent:
        await asyncio.sleep(0)
    line.outbox.put(b"x" * 50_000)
    line.outbox.flush()
    assert line.backlog.byte_count > 50_000
    line.outbox.give_up()
    await taken
    assert line.stream.closed()  # in the middle of a frame
    assert line.ended == [CLOSE_TOO_SLOW]
    assert line.backlog.byte_count == 0
    line.outbox.put(b"late")
    line.outbox.flush()
    assert line.outbox == []


@pytest.mark.asyncio
async def test_giving_up_ends_the_frame_that_was_begun(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.outbox.put(b"x" * 50_000)
    line.outbox.flush()
    line.outbox.put(b"y" * 50_000)
    line.outbox.flush()
    line.outbox.give_up()
    line.stream.write(b"goodbye")
    assert await line.read(50_007) == b"x" * 50_000 + b"goodbye"


@pytest.mark.asyncio
async def test_a_peer_that_is_gone_closes_the_outbox_quietly(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.far.close()
    for _ in range(3):
        line.outbox.put(b"x" * 5000)
        line.outbox.flush()
        await asyncio.sleep(0)
    assert line.outbox.closed or line.stream.closed()


@pytest.mark.asyncio
async def test_a_frame_for_very_many_is_written_in_more_than_one_turn_and_in_order(
    monkeypatch: pytest.MonkeyPatch, lines: list[Line]
) -> None:
    monkeypatch.setattr(outbox_module, "_WRITES_A_TURN", 4)
    flusher = Flusher()
    lines += [Line(flusher) for _ in range(10)]
    recipients = {id(line.outbox): line.outbox for line in lines}
    flusher.fan_out(b"1", recipients)
    most = 0
    while flusher.unwritten or flusher.recipients:
        before = sum(line.outbox.bytes_sent > 0 for line in lines)
        await asyncio.sleep(0)
        most = max(most, sum(line.outbox.bytes_sent > 0 for line in lines) - before)
        if not before:
            flusher.fan_out(b"2", recipients)
    assert most == 4
    assert [await line.read(2) for line in lines] == [b"12"] * 10


@pytest.mark.asyncio
async def test_a_connection_that_cant_be_written_to_is_dropped_and_the_others_get_theirs(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flusher = Flusher()
    lines.extend([Line(flusher), Line(flusher)])
    broken, other = lines
    monkeypatch.setattr(broken.outbox, "_send", lambda data: 1 / 0)
    flusher.fan_out(b"push", {1: broken.outbox, 2: other.outbox})
    flusher.flush()
    assert other.arrived() == b"push"
    assert (broken.ended, other.ended) == ([CLOSE_FAULT], [])
    assert broken.stream.closed()
    assert "can't be written to" in caplog.text
