from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import Location
from driftdb_jupyter.client.waiting.handle import Handle
from driftdb_jupyter.protocol.errors import DriftDBError, Forbidden, TimedOut, Unreachable


def handle(outcome: Outcome[int], why: DriftDBError | None = None) -> Handle[str]:
    connection = Connection(Location(server="http://127.0.0.1:1/", room="a"), Settings())
    connection._driver.supervisor.error = why
    return Handle(outcome, str, connection=connection)


def test_it_brings_what_was_answered() -> None:
    outcome: Outcome[int] = Outcome()
    made = handle(outcome)
    assert not made.done()
    outcome.set_result(3)
    assert made.done()
    assert made.result() == "3"


def test_it_raises_what_the_room_refused_it_with() -> None:
    outcome: Outcome[int] = Outcome()
    outcome.set_exception(Forbidden("no"))
    with pytest.raises(Forbidden, match="no"):
        handle(outcome).result()


def test_who_waits_too_long_is_told_what_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = handle(Outcome(), why=Unreachable("nobody there"))
    with pytest.raises(TimedOut, match="within 0 s: nobody there"):
        waiting.result(0)
    monkeypatch.setenv("DRIFTDB_TIMEOUT_SECONDS", "0.001")
    with pytest.raises(TimeoutError, match=r"within 0\.001 s"):
        waiting.result()


def test_it_can_be_awaited_more_than_once() -> None:
    outcome: Outcome[int] = Outcome()

    async def both() -> list[str]:
        made = handle(outcome)
        asyncio.get_running_loop().call_soon(outcome.set_result, 3)
        return [await made, await made]

    assert asyncio.run(both()) == ["3", "3"]


def test_giving_up_an_await_leaves_the_request_alone() -> None:
    outcome: Outcome[int] = Outcome()

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_await(handle(outcome)), 0.001)

    asyncio.run(give_up())
    assert not outcome.done()


async def _await(made: Handle[str]) -> str:
    return await made


def test_an_await_ends_as_a_result_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTDB_TIMEOUT_SECONDS", "0.01")
    with pytest.raises(TimedOut, match="still on its way"):
        asyncio.run(_await(handle(Outcome())))
