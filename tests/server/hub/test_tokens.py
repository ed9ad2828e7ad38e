from __future__ import annotations

import asyncio
from typing import Any

import pytest

from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.server.hub.tokens import HubTokens

pytestmark = pytest.mark.asyncio
ADA = {"name": "ada"}


class Hub:
    """A hub that knows one token, as long as it answers."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {"good": ADA}
        self.asked = 0
        self.answers = True
        self.hangs = False
        self.now = 0.0
        self.tokens = HubTokens(
            self.ask,
            fresh_seconds=10,
            patience_seconds=60,
            answer_seconds=0.1,
            limit=2,
            clock=lambda: self.now,
        )

    async def ask(self, token: str) -> dict[str, Any] | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if not self.answers:
            raise ConnectionError
        return self.known.get(token)


async def test_the_hub_is_asked_once_for_a_while() -> None:
    hub = Hub()
    assert await hub.tokens.model("good") == ADA
    assert await hub.tokens.model("good") == ADA
    assert hub.asked == 1
    hub.now = 10
    assert await hub.tokens.model("good") == ADA
    assert hub.asked == 2


async def test_the_hub_is_asked_once_for_all_who_ask_together() -> None:
    hub = Hub()
    asking = [hub.tokens.model("good", anew=True) for _ in range(50)]
    assert await asyncio.gather(*asking) == [ADA] * 50
    assert hub.asked == 1


async def test_what_the_hub_takes_back_is_no_good_at_once() -> None:
    hub = Hub()
    assert await hub.tokens.model("good") == ADA
    del hub.known["good"]
    assert await hub.tokens.model("good", anew=True) is None
    hub.answers = False
    assert await hub.tokens.model("good", anew=True) is None


async def test_while_the_hub_is_away_what_it_knew_is_good_for_a_time() -> None:
    hub = Hub()
    await hub.tokens.model("good")
    hub.answers = False
    hub.now = 59
    assert await hub.tokens.model("good", anew=True) == ADA
    with pytest.raises(Unavailable):
        await hub.tokens.model("other")
    hub.now = 60
    assert await hub.tokens.model("good", anew=True) is None
    hub.answers = True
    assert await hub.tokens.model("good", anew=True) == ADA


async def test_guesses_push_out_no_token_that_is_good() -> None:
    hub = Hub()
    await hub.tokens.model("good")
    for number in range(5):
        assert await hub.tokens.model(f"guess {number}") is None
    hub.answers = False
    assert await hub.tokens.model("good", anew=True) == ADA


async def test_a_hub_that_takes_too_long_is_away() -> None:
    hub = Hub()
    await hub.tokens.model("good")
    hub.hangs = True
    assert await hub.tokens.model("good", anew=True) == ADA
    with pytest.raises(Unavailable):
        await hub.tokens.model("other")


@pytest.mark.parametrize("text", ["", "a b", "a\r\nb", "\0", "ä", "\ud800"])
async def test_the_hub_is_asked_about_nothing_that_is_no_token(text: str) -> None:
    hub = Hub()
    hub.known[text] = ADA
    assert await hub.tokens.model(text) is None
    assert hub.asked == 0
