"""A page in a room through its kernel: the comm is played, the room's server is real."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets import tunnel
from driftdb_jupyter.widgets.tunnel import carry

SECRET = "a-secret-of-the-page-0123"


class Page:
    """The far end of a comm."""

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self._name = name
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._next = 0

    def send(self, data: dict[str, Any]) -> None:
        """Take what the kernel sends, as its comm does."""
        self._told.put(data)

    def say(self, **content: object) -> None:
        carry({"tunnel": self._name, **content}, self, self._room.connection)

    def say_to_room(self, **message: object) -> None:
        self.say(send=json.dumps(message))

    async def told(self) -> dict[str, Any]:
        data = await asyncio.to_thread(self._told.get, True, 10)
        content: dict[str, Any] = data["content"]
        assert (data["method"], content.pop("tunnel")) == ("custom", self._name)
        assert content.pop("n") == self._next
        self._next += 1
        return content

    async def hears(self) -> list[dict[str, Any]]:
        """The room's next messages."""
        while not (heard := (await self.told())["heard"]):
            pass
        return [json.loads(text) for text in heard]

    @property
    def silent(self) -> bool:
        return self._told.empty()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_page_reads_and_writes_a_room_through_the_kernel(mine: Room) -> None:
    async def story() -> None:
        page = Page(mine, "t1")
        page.say(open=SECRET)
        assert await page.told() == {"opened": True}
        state = mine.state("k", 1)
        await state.set(2)
        page.say_to_room(type="get", key="k", seq=0)
        (init,) = await page.hears()
        assert init["data"][0]["value"] == {"v": 2, "i": ""}
        state.value = 3
        (push,) = await page.hears()
        assert push["value"]["v"] == 3
        page.say_to_room(
            type="push", key="k", action={"type": "replace"}, value={"v": 4, "i": ""}, id=1
        )
        assert {"type": "ack", "id": 1, "seq": push["seq"] + 1} in await page.hears()
        await asyncio.to_thread(state.wait_for, lambda value: value == 4, timeout_seconds=60)
        page.say(close=True)
        assert await page.told() == {"heard": []}
        assert "closed" in await page.told()

    run(story)


def test_two_pages_of_one_kernel_are_told_apart(mine: Room) -> None:
    async def story() -> None:
        pages = [Page(mine, "t1"), Page(mine, "t2")]
        for number, page in enumerate(pages):
            page.say(open=f"{SECRET}{number}")
            assert await page.told() == {"opened": True}
        pages[0].say_to_room(type="ping", nonce=1)
        assert await pages[0].hears() == [{"type": "pong", "nonce": 1}]
        assert pages[1].silent
        for page in pages:
            page.say(close=True)

    run(story)


def test_a_room_that_is_not_there_is_a_tunnel_that_closes(mine: Room) -> None:
    async def story() -> None:
        page = Page(mine, "t1")
        await asyncio.to_thread(mine.close)
        mine.connection.location = type(mine.connection.location)(server="http://127.0.0.1:9/")
        page.say(open=SECRET)
        assert await page.told() == {"closed": 1006}

    run(story)


def test_much_that_comes_at_once_is_told_in_few_messages(mine: Room) -> None:
    async def story() -> None:
        page = Page(mine, "t1")
        page.say(open=SECRET)
        await page.told()
        log = mine.stream("log")
        await log.append(0)
        page.say_to_room(type="get", key="log", seq=0)
        await page.hears()
        await log.extend(range(1000))
        heard = pieces = 0
        while heard < 1000:
            heard += len(await page.hears())
            pieces += 1
        assert heard == 1000
        assert pieces < 100
        page.say(close=True)

    run(story)


def test_a_page_that_says_nothing_is_gone(mine: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "BEAT_SECONDS", 0.05)

    async def story() -> None:
        silent, there = Page(mine, "t1"), Page(mine, "t2")
        silent.say(open=SECRET)
        there.say(open=f"{SECRET}2")
        assert await there.told() == {"opened": True}
        told: dict[str, Any] = {}
        while "closed" not in told:
            told = await silent.told()
            there.say()
        there.say_to_room(type="ping", nonce=1)
        assert await there.hears() == [{"type": "pong", "nonce": 1}]
        there.say(close=True)

    run(story)


def test_a_kernel_carries_so_many_pages_and_no_more(
    mine: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "TUNNEL_LIMIT", 1)

    async def story() -> None:
        one, other = Page(mine, "t1"), Page(mine, "t2")
        one.say(open=SECRET)
        await one.told()
        other.say(open=f"{SECRET}2")
        assert await other.told() == {"closed": 1013}
        one.say(close=True)
        while "closed" not in await one.told():
            pass
        again = Page(mine, "t3")
        again.say(open=f"{SECRET}2")
        assert await again.told() == {"opened": True}
        again.say(close=True)

    run(story)


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        {},
        {"tunnel": 1},
        {"tunnel": "t"},
        {"tunnel": "t", "send": "{}"},
        {"tunnel": "t", "open": "short"},
        {"tunnel": "t", "open": "x" * 20 + "&token=1"},
        {"tunnel": "<b>", "open": SECRET},
    ],
)
def test_rubbish_opens_no_tunnel(mine: Room, content: object) -> None:
    page = Page(mine, "t")
    carry(content, page, mine.connection)
    assert page.silent
    assert not tunnel._tunnels
