"""A room with a policy, in the browser: controls turn read only, and back, as its owner says."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import expect

from ..browser import NewWindow
from .standalone import PageRoom, Standalone
from .test_room_page import card, opened


def test_controls_turn_read_only_and_back_while_somebody_looks(
    new_window: NewWindow, standalone: Standalone
) -> None:
    with urlopen(Request(standalone.root + "new?admin=true", method="POST")) as answer:
        made = json.load(answer)
    room = PageRoom(f"{standalone.root}room/{made['room']}")

    def let(policy: Any) -> None:
        owner = {"Authorization": f"Bearer {made['admin']}"}
        body = json.dumps(policy).encode()
        urlopen(Request(f"{room.url}/access", body, owner, method="PUT")).close()

    for key in ("mine", "yours"):
        room.push(key, 5)
    page = opened(new_window, room)
    mine, yours = (card(page, key).locator(".driftdb-slider") for key in ("mine", "yours"))
    expect(mine).to_be_enabled()
    let({"anyone": ["read", {"can": ["replace"], "keys": ["yours"]}]})
    expect(mine).to_be_disabled()
    expect(card(page, "mine").locator(".driftdb-badge-text")).to_have_text("read only")
    expect(yours).to_be_enabled()
    yours.fill("42")
    page.reload()  # as somebody finds it who comes now
    expect(mine).to_be_disabled()
    expect(yours).to_have_value("42")
    expect(yours).to_be_enabled()
    let(None)
    expect(mine).to_be_enabled()
    mine.fill("7")
    expect(card(page, "mine").locator(".driftdb-field")).to_have_value("7")
    let({})
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "refused")
