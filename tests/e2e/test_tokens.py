"""A page that comes in with signed tokens, which its own application hands out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, WebSocket

from driftdb_jupyter import create_token

from ..browser import NewWindow
from .standalone import Standalone

PAGE = """<!doctype html><meta charset="utf-8"><title>an app</title>
<script type="module">
import {{ room }} from "{root}driftdb.js";
window.here = room("{root}room/lecture", {{ token: () => giveToken() }});
window.slider = here.state("slider", 0);
window.texts = [];
here.onStatus(({{ text }}) => texts.push(text));
</script>"""


class App:
    """A web application whose page asks it for tokens; the test says which it gives."""

    def __init__(self, root: str, key: Path) -> None:
        self._root = root
        self._key = key
        self.given: list[str] = []
        self.lifetime_seconds = 600.0
        self.taken: str | None = None  # in place of a new one
        self.sockets: list[WebSocket] = []
        self.heard: list[str] = []
        self.urls: list[str] = []

    def token(self, expires_seconds: float, role: str = "write") -> str:
        """Sign a token for the lecture."""
        return create_token(
            "lecture",
            key=self._key,
            role=role,  # type: ignore[arg-type]  # one of the three
            subject="ada",
            name="Ada",
            expires_seconds=expires_seconds,
        )

    def open(self, page: Page) -> Page:
        """Open the app's page."""

        def listen(socket: WebSocket) -> None:
            self.sockets.append(socket)
            self.urls.append(socket.url)
            socket.on("framereceived", lambda frame: self.heard.append(str(frame)))

        page.on("websocket", listen)
        page.on("request", lambda request: self.urls.append(request.url))
        page.expose_function("giveToken", self._give)
        page.set_content(PAGE.format(root=self._root))
        return page

    def _give(self) -> str:
        self.given.append(self.taken or self.token(self.lifetime_seconds))
        return self.given[-1]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_urlsafe(32))
    server = Standalone(tmp_path / "rooms")
    (tmp_path / "rooms").mkdir()
    with server.running("--named-rooms", f"--token-keys={key}", "--require-tokens"):
        yield App(server.root, key)


def until(page: Page, condition: str) -> None:
    page.wait_for_function(condition)


def test_a_page_goes_on_with_another_token_over_the_same_connection(
    app: App, new_window: NewWindow
) -> None:
    app.lifetime_seconds = 6.0
    page = app.open(new_window())
    until(page, "globalThis.here?.status.phase === 'connected'")
    app.lifetime_seconds = 600.0
    asked, until_then = len(app.given), time.monotonic() + 6
    while sum('"renewed"' in frame for frame in app.heard) < 2:  # the first says when it ends
        page.wait_for_timeout(50)  # the browser's requests go on
    assert len(app.given) == asked + 1
    assert any('"expires"' in frame for frame in app.heard), "it is told before"
    page.wait_for_timeout(1000 * max(0.0, until_then - time.monotonic()))  # the first one ends
    assert page.evaluate("slider.set(2).then(() => here.status.phase)") == "connected"
    assert len(app.sockets) == 1
    assert not [url for url in app.urls if "eyJ" in url]


def test_a_page_whose_token_is_taken_back_is_closed_and_says_what_to_do(
    app: App, new_window: NewWindow
) -> None:
    app.taken = app.token(600)
    page = app.open(new_window())
    until(page, "globalThis.here?.status.phase === 'connected'")
    url = page.evaluate("here.url")
    owner = app.token(600, "admin")
    page.evaluate("slider.set(1)")
    urlopen(
        Request(f"{url}/tokens", method="DELETE", headers={"Authorization": f"Bearer {owner}"})
    ).close()
    until(page, "here.status.phase === 'refused'")
    assert page.evaluate("here.status.text") == (
        "The login or token is no good, or has ended: get another one, and try again."
    )
    assert len(app.given) > 1, "it was asked for another one"
    page.evaluate("void (window.written = slider.set(5))")  # it waits
    time.sleep(0.002)  # a token of the same millisecond is taken back, too
    app.taken = None
    page.evaluate("here.retry()")
    until(page, "globalThis.here?.status.phase === 'connected'")
    assert page.evaluate("written.then(() => slider.value)") == 5
    assert len(app.sockets) == 2
    assert not [url for url in app.urls if "eyJ" in url]
