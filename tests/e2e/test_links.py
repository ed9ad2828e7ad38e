"""Share links on a phone: in without a login, with just their rights, and out when taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from driftdb_jupyter import SharedState
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.room import room as find_room

from ..browser import NewWindow, become_equal
from .axe import finds_nothing_serious
from .devices import PHONE, fits
from .jupyter import TOKEN, JupyterServer
from .standalone import Standalone
from .test_room_page import card

PAGE = """<!doctype html><meta charset="utf-8"><title>plain</title>
<script type="module">
import {{ Refused, Room, room }} from "{root}driftdb.js";
import {{ join, NotLetIn, Refused as RefusedToo, ShareLinks }} from "{root}driftdb-share.js";
const made = await (await fetch("{root}new?admin=true", {{ method: "POST" }})).json();
const url = "{root}room/" + made.room;
const token = made.admin;
const owner = room(url, {{ token }});
await owner.state("slider", 0).set(5);
const links = new ShareLinks(url, {{ token }});
const link = await links.make({{ role: "write", keys: ["slider"], askName: true }});
const why = (error) => error;
const nameless = await join(link.url).catch(why);
window.guest = await join(link.url, {{ name: "Ada" }});
window.slider = guest.state("slider", 0);
await slider.ready;
const read = slider.value;
await slider.set(6);
const refused = await guest.state("other", 0).set(1).catch(why);
window.takeBack = () => links.revoke(link.id);
window.late = () => join(link.url, {{ name: "Eve" }}).catch(why).then((error) => error.message);
window.found = {{
  nameless: nameless instanceof NotLetIn && nameless.asksName,
  oneClient: guest instanceof Room && Refused === RefusedToo,
  read,
  refused: refused.message,
}};
</script>"""


@pytest.fixture
def room(jupyter_server: JupyterServer, tmp_path: Path) -> Iterator[Room]:
    """A room of a Jupyter server, as a program has it that is let in by Jupyter's token."""
    url = f"{jupyter_server.root}driftdb/room/{tmp_path.name}?token={TOKEN}"
    with find_room(url=url) as room:
        yield room


def on_a_phone(new_window: NewWindow, url: str) -> Page:
    page = new_window(**PHONE)
    page.goto(url)
    return page


def test_a_phone_moves_the_slider_without_a_login(new_window: NewWindow, room: Room) -> None:
    speed = SharedState("speed", 3, room=room, control="slider", min=0, max=10)
    SharedState("secret", 7, room=room, control="slider")
    room.flush()
    link = room.link(role="write", keys=["speed"], name="students")
    page = on_a_phone(new_window, link.url)
    slider = card(page, "speed").locator(".driftdb-slider")
    expect(slider).to_have_value("3")
    slider.fill("8")
    become_equal(page, lambda: speed.value, lambda: 8)
    expect(page.locator(".card")).to_have_count(1)
    assert fits(page)
    assert "#" not in page.url
    assert page.context.cookies() == []
    page.reload()  # the tab has kept the link
    expect(slider).to_have_value("8")
    (listed,) = room.links()
    assert (listed.people, listed.people_here) == (1, 1)


def test_who_may_only_read_sees_it_move_and_is_put_out_when_that_ends(
    new_window: NewWindow, room: Room
) -> None:
    speed = SharedState("speed", 3, room=room, control="slider", min=0, max=10)
    room.flush()
    link = room.link(role="read", expires="1h")
    page = on_a_phone(new_window, link.url)
    slider = card(page, "speed").locator(".driftdb-slider")
    expect(slider).to_be_disabled()
    speed.set(5).result()
    expect(slider).to_have_value("5")
    link.revoke()
    expect(page.locator(".notice")).to_contain_text("taken back")
    expect(page.locator(".card")).to_have_count(0)
    page.reload()
    expect(page.locator(".notice")).to_contain_text("has expired, or was taken back")


def test_it_is_asked_for_a_name_once_and_shown_with_it(new_window: NewWindow, room: Room) -> None:
    link = room.link(role="read", ask_name=True)
    page = on_a_phone(new_window, link.url)
    finds_nothing_serious(page)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Go in").click()
    expect(page.locator(".people-list")).to_contain_text("Ada")
    finds_nothing_serious(page)
    page.reload()
    expect(page.locator(".people-list")).to_contain_text("Ada")


def test_a_connection_that_was_lost_comes_back_by_another_ticket(
    new_window: NewWindow, room: Room
) -> None:
    speed = SharedState("speed", 3, room=room, control="slider", min=0, max=10)
    room.flush()
    page = on_a_phone(new_window, room.link(role="read").url)
    slider = card(page, "speed").locator(".driftdb-slider")
    expect(slider).to_have_value("3")
    page.context.set_offline(True)
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "reconnecting")
    speed.set(6).result()
    page.context.set_offline(False)
    expect(slider).to_have_value("6")


def test_the_page_without_its_link_says_what_is_missing(new_window: NewWindow, room: Room) -> None:
    room.flush()
    page = on_a_phone(new_window, f"{room.url}/shared")
    expect(page.locator(".notice")).to_contain_text("opens by a link")


def at_the_desk(new_window: NewWindow, server: JupyterServer, room: Room, what: str) -> Page:
    """A page of the room in a browser that is logged in to Jupyter."""
    page = new_window()
    page.goto(f"{server.root}driftdb/room/{room.name}/{what}?token={TOKEN}")
    page.get_by_role("button", name="Share").click()
    return page


@pytest.mark.parametrize("what", ["page", "inspect"])
def test_the_owner_makes_lists_and_takes_back_links_on_the_page(
    new_window: NewWindow, jupyter_server: JupyterServer, room: Room, what: str
) -> None:
    SharedState("speed", 3, room=room, control="slider", min=0, max=10)
    room.flush()
    page = at_the_desk(new_window, jupyter_server, room, what)
    links = page.get_by_label("Share links")
    links.get_by_label("For whom").fill("<b>students</b>")
    links.get_by_label("They have to give a name").check()
    links.get_by_role("button", name="Make a link").click()
    url = links.locator(".links-made .link").inner_text()
    expect(links.locator(".links-made code")).to_have_text("jupyter lab --ip 0.0.0.0")
    expect(links.locator(".links-row")).to_contain_text("<b>students</b>")
    finds_nothing_serious(page)
    phone = on_a_phone(new_window, url)
    phone.get_by_label("Your name").fill("Ada")
    phone.get_by_role("button", name="Go in").click()
    expect(card(phone, "speed").locator(".driftdb-slider")).to_have_value("3")
    expect(links.locator(".links-row")).to_contain_text("1 of 1000 people came in, 1 here now")
    links.get_by_role("button", name="Revoke <b>students</b>").click()
    expect(links.locator(".links-row")).to_have_count(0)
    expect(phone.locator(".notice")).to_contain_text("taken back")


def test_who_does_not_own_the_room_sees_no_links(
    new_window: NewWindow, standalone: Standalone
) -> None:
    page = new_window()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{standalone.new_room().url}/page")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Share links")).to_have_count(0)
    assert not [url for url in asked if url.endswith("/links")]  # a refusal stands in the console


def test_a_page_without_a_bundler_makes_links_and_comes_in_by_one(
    new_window: NewWindow, standalone: Standalone
) -> None:
    page = new_window()
    page.set_content(PAGE.format(root=standalone.root))
    page.wait_for_function("window.found")
    assert page.evaluate("found") == {
        "nameless": True,
        "oneClient": True,
        "read": 5,
        "refused": "you may not replace this key",
    }
    assert page.evaluate("takeBack()") == 1
    page.wait_for_function("guest.status.phase === 'refused'")
    assert (
        page.evaluate("late()") == "This link has expired, or was taken back. Ask for another one."
    )
