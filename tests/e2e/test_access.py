"""A room with a policy, in the browser: controls turn read only, and back, as its owner says."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import expect

from ..browser import NewWindow
from .axe import finds_nothing_serious
from .standalone import PageRoom, Standalone
from .test_room_page import card, opened

HOSTILE_NAME = '<img src=x onerror="window.hit = 1">'


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


def test_the_owner_changes_it_in_the_inspector_and_others_see_it_at_once(
    new_window: NewWindow, standalone: Standalone
) -> None:
    with urlopen(Request(standalone.root + "new?admin=true", method="POST")) as answer:
        made = json.load(answer)
    room = PageRoom(f"{standalone.root}room/{made['room']}")
    room.push("n", 5)
    guest = opened(new_window, room)
    slider = card(guest, "n").locator(".driftdb-slider")
    expect(slider).to_be_enabled()
    page = new_window()
    page.goto(f"{room.url}/inspect")
    panel = page.locator(".access")
    panel.get_by_text("Who may do what").click()
    expect(panel).to_contain_text("Only the room's owner may see and change that.")
    secret = panel.get_by_label("The owner's secret, or a token")
    secret.fill("a guess")
    panel.get_by_role("button", name="Show").click()
    expect(panel.get_by_role("status")).to_have_text("That opens nothing here.")
    secret.fill(made["admin"])
    panel.get_by_role("button", name="Show").click()
    expect(panel).to_contain_text("the room has no policy")
    panel.get_by_role("button", name="Let others only read").click()
    expect(slider).to_be_disabled()
    anyone = panel.get_by_label("What Everybody may do", exact=True)
    expect(anyone).to_have_value("read")
    expect(anyone).to_be_visible()
    for kind, name, role in (
        ("Person", HOSTILE_NAME, "admin"),
        ("Group", "__proto__", "write"),
    ):
        panel.get_by_label("Person or group").select_option(kind)
        panel.get_by_label("Name, as the server knows it").fill(name)
        panel.get_by_label("Role").select_option(role)
        panel.get_by_role("button", name="Add").click()
        expect(panel.get_by_label(f"What {kind} {name} may do", exact=True)).to_have_value(role)
    assert _policy(room, made["admin"]) == {
        "anyone": ["read"],
        "users": {HOSTILE_NAME: ["admin"]},
        "groups": {"__proto__": ["write"]},
    }
    assert page.evaluate("window.hit") is None
    finds_nothing_serious(page)
    panel.get_by_role("button", name="Remove Group __proto__").click()
    expect(panel.get_by_label("What Group __proto__ may do", exact=True)).to_have_count(0)
    anyone.select_option("as written…")
    text = panel.get_by_label("What Everybody may do, as JSON")
    text.fill('["read", {"can": ["fly"]}]')
    text.blur()
    expect(panel.get_by_role("status")).to_contain_text("fly")
    text.fill('["read", {"can": ["replace"], "keys": ["n"]}]')
    text.blur()
    expect(slider).to_be_enabled()
    panel.get_by_role("button", name="Let everybody do everything").click()
    expect(panel).to_contain_text("the room has no policy")
    assert _policy(room, made["admin"]) is None


def _policy(room: PageRoom, secret: str) -> Any:
    with urlopen(Request(f"{room.url}/access", headers={"Authorization": f"Bearer {secret}"})) as (
        answer
    ):
        return json.load(answer)
