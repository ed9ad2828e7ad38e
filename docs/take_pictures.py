"""Takes the pictures of docs/images that show a standalone server's pages.

    python -m docs.take_pictures

It needs the package with its test dependencies, and Chromium.
"""

from __future__ import annotations

import base64
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page

from driftdb_jupyter import Room, room
from tests.browser import started_chromium
from tests.e2e.standalone import Standalone

IMAGES = Path(__file__).parent / "images"
LAPTOP: dict[str, Any] = {"viewport": {"width": 1000, "height": 860}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 860},
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}
SIDE_BY_SIDE = """<body style="margin: 0; background: white; display: flex; gap: 24px">
{}</body>"""


def furnish(here: Room) -> None:
    """Put into a room what a lecture might have."""
    here.presence(value={"name": "Ada Lovelace", "colour": "#c62828"})
    here.state(
        "speed", 8, min=0, max=10, label="Speed of the simulation", description="All see it move."
    )
    here.state("running", True, label="Running", control="toggle")
    cities = ["Lyon", "Paris", "Nice"]
    here.state("answer", "Paris", options=cities, label="Capital of France?", control="radio")
    here.state("note", "Hello from the lecture", label="Note", control="text")
    votes = [{"name": "Tea", "votes": 3}, {"name": "Coffee", "votes": 12}]
    here.state("votes", votes, label="Votes")
    here.state("accent", "#1565c0", label="Accent", control="colour")
    training = here.stream("training")
    for epoch in range(1, 48):
        loss = 0.9 * math.exp(-epoch / 12) + 0.01
        training.append(
            f"\033[32mepoch {epoch:2}\033[0m  loss \033[1m{loss:.4f}\033[0m  "
            f"accuracy {1 - loss / 3:.3f}"
        )
    here.flush()


def shown(browser: Browser, url: str, **looks: Any) -> Page:
    """Open a page, and wait until it is connected."""
    page = browser.new_context(**looks).new_page()
    page.goto(url)
    page.locator('.top .driftdb-badge[data-phase="connected"]').wait_for()
    page.wait_for_timeout(1000)  # until all of the room is there
    return page


def room_page(browser: Browser, here: Room) -> None:
    """One room on a laptop and on a phone, at the same time."""
    pictures = [shown(browser, str(here.link()), **looks).screenshot() for looks in (LAPTOP, PHONE)]
    images = [
        f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for picture in pictures
    ]
    page = browser.new_page(viewport={"width": 1384, "height": 860})
    page.set_content(SIDE_BY_SIDE.format("".join(images)))
    page.screenshot(path=IMAGES / "room-page.png")


def inspector(browser: Browser, here: Room) -> None:
    """Show a value as a tree, and the history beside a few writes."""
    size = {"width": 1100, "height": 700}
    page = shown(browser, f"{here.url}/inspect", viewport=size, color_scheme="dark")
    page.locator(".keys .row").get_by_text("votes", exact=True).click()
    speed, training = here.state("speed"), here.stream("training")
    for number in range(9):
        speed.value = number
        if number % 3 == 0:
            training.append(f"\033[32mepoch {48 + number // 3}\033[0m")
        page.wait_for_timeout(300)
    page.screenshot(path=IMAGES / "inspector.png")


def front_page(browser: Browser, root: str) -> None:
    """Show a room that was just made, and how to use it."""
    page = browser.new_page(viewport={"width": 900, "height": 860})
    page.goto(root)
    page.get_by_role("button", name="Make a room").click()
    page.get_by_text("Your room").wait_for()
    page.screenshot(path=IMAGES / "front-page.png")


def main() -> None:
    """Take all."""
    with TemporaryDirectory() as folder, started_chromium() as browser:
        server = Standalone(Path(folder))
        with server.running():
            with room(server.new_room().url) as here:
                furnish(here)
                room_page(browser, here)
                inspector(browser, here)
            front_page(browser, server.root)


if __name__ == "__main__":
    main()
