from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

from driftdb_jupyter.client.room import Room

from ..client.served import another, fresh_room
from ..conformance.servers import standalone


class RecordingComm(BaseComm):
    """A comm to nobody, that remembers how much was said."""

    bytes_said = 0

    def publish_msg(self, msg_type: str, *args: Any, **kwargs: Any) -> None:
        RecordingComm.bytes_said += len(repr((args, kwargs)))


@pytest.fixture(autouse=True)
def _comms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


@pytest.fixture
def mine() -> Iterator[Room]:
    """A new room on a real server."""
    with standalone() as server, fresh_room(server.root) as room:
        yield room


@pytest.fixture
def theirs(mine: Room) -> Iterator[Room]:
    """The same room, as somebody else has it."""
    with another(mine) as room:
        yield room
