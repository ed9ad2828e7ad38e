"""Any pushes, with restarts in between, leave what the room alone would hold."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from driftdb_jupyter.protocol.errors import Refusal
from driftdb_jupyter.protocol.messages import (
    Action,
    Append,
    Compact,
    Delete,
    Push,
    Relay,
    Replace,
)
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Room

from .brokers import Record, kept, make, opened


@dataclass(frozen=True)
class Step:
    """A push of a client; ``again``: with the id of its last one."""

    action: Action
    key: str
    client: str
    again: bool
    cbor: bool


actions = st.one_of(
    st.just(Relay()),
    st.builds(Append, st.sampled_from([None, 1, 3])),
    st.just(Replace()),
    st.builds(Compact, st.integers(1, 30)),
    st.just(Delete()),
)
steps = st.builds(Step, actions, st.sampled_from("kl"), st.sampled_from("ab"), *[st.booleans()] * 2)
Event = Step | Literal["leave", "end", "kill"]
events = st.lists(st.one_of(steps, steps, st.sampled_from(["leave", "end", "kill"])), max_size=30)


async def run(kind: str, folder: Path, schedule: list[Event]) -> None:
    broker = make(kind, folder)
    listener = Record()
    sequencer = await opened(broker, listener)
    model = Room(epoch=sequencer.room.epoch)
    clients = {name: Record(client=name * 16) for name in "ab"}
    last_ids = dict.fromkeys("ab", 0)
    for number, step in enumerate(schedule):
        if isinstance(step, Step):
            last_ids[step.client] += not step.again or not last_ids[step.client]
            value = Value.from_json(b"%d" % number)
            if step.cbor:
                value = Value.from_cbor(value.as_cbor())
            push_id = None if isinstance(step.action, Relay) else last_ids[step.client]
            push = Push(step.key, step.action, Raw(), id=push_id)
            record = clients[step.client]
            expected: object
            try:
                expected = model.apply(push, [value], client=record.client).seq
            except Refusal as refusal:
                expected = type(refusal)
            before = len(record.answers)
            sequencer.push(push, [value], record)
            await record.answered(before + 1)
            assert record.heard[-1] == ("answer", expected)
            continue
        if step == "leave":
            await broker.leave("room")
        elif step == "end":
            await broker.close()
            broker = make(kind, folder)
        else:
            copy = folder / "killed"
            copy.mkdir()
            for path in folder.glob("rooms.db*"):
                shutil.copy(path, copy)
            await broker.close()
            folder = copy
            broker = make(kind, folder)
        sequencer = await opened(broker, listener)
        room = sequencer.room
        if step == "kill":
            assert room.seq >= max([0, *(entry.seq for k in room.keys for entry in room.read(k))])
            assert room.seq >= model.seq or room.epoch != model.epoch
            model.seq, model.epoch = room.seq, room.epoch
        assert (room.seq, room.epoch, room.byte_count) == (model.seq, model.epoch, model.byte_count)
        assert kept(room) == kept(model)
    heard = [seq for what, seq in listener.heard if what == "broadcast"]
    assert kind == "batched" or heard == sorted(set(heard), key=lambda seq: int(str(seq)))
    await broker.close()


@pytest.mark.parametrize("kind", ["batched", "synced"])
@settings(max_examples=40)
@given(events)
def test_any_pushes_and_restarts(kind: str, schedule: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(kind, Path(folder), schedule))
