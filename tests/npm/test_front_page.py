"""The code for React that the front page shows runs as it stands."""

from __future__ import annotations

from playwright.sync_api import expect

from ..browser import NewWindow
from ..e2e.standalone import PageRoom
from ..server.processes import Process
from .conftest import bundled

APP = """
import { createRoot } from "react-dom/client";
import Page from "./page.jsx";
createRoot(document.body).render(<Page />);
"""


def test_the_code_for_react_runs_as_it_stands(new_window: NewWindow, server: Process) -> None:
    front = new_window(permissions=["clipboard-read", "clipboard-write"])
    front.goto(server.server.root)
    front.get_by_role("button", name="Make a room").click()
    url = front.get_by_role("link", name="Open the room").evaluate("link => link.href")
    room = PageRoom(url.removesuffix("/page"))
    front.get_by_role("tab", name="React").click()
    front.get_by_role("tabpanel").get_by_role("button", name="Copy").click()
    code = front.evaluate("navigator.clipboard.readText()")
    page = new_window()
    page.goto(room.url)  # an origin
    page.set_content("<body></body>")
    page.add_script_tag(content=bundled(APP, {"page.jsx": code}), type="module")
    page.get_by_role("slider").fill("42")
    expect(page.get_by_role("slider")).to_have_value("42")
    shown = new_window()
    shown.goto(url)
    expect(shown.locator(".driftdb-field")).to_have_value("42")
