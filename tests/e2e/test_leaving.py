"""Pages that are left in the middle of a burst: what they wrote arrives, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Cookie, Page

from ..browser import NewWindow, become_equal, launched
from .jupyter import TOKEN, JupyterServer
from .standalone import Standalone

_PAGE = """<!doctype html><meta charset="utf-8"><title>plain</title>
<script type="module">
import { room } from "ROOTdriftdb.js";
window.here = room("ROOM");
window.log = here.stream("log");
window.slider = here.state("slider", 0);
await Promise.all([log.ready, slider.ready]);
window.shown = 0;
addEventListener("pageshow", ({ persisted }) => { window.shown += persisted; });
window.ready = true;
</script>"""


_ELSEWHERE = "<title>elsewhere</title>elsewhere"


class _Pages:
    """A site with a page that takes part in a room, and another one without."""

    def __init__(self, standalone: Standalone) -> None:
        self.room = standalone.new_room()
        self.url = "http://localhost:9/"
        self._page = _PAGE.replace("ROOT", standalone.root).replace("ROOM", self.room.url)

    def served(self, request: bytes) -> bytes:
        """Answer a request for one of the two."""
        text = self._page if request.startswith(b"GET / ") else _ELSEWHERE
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
        return (head + text).encode()

    def open(self, page: Page) -> Page:
        """Open the first one."""
        page.goto(self.url)
        page.wait_for_function("window.ready")
        return page


class _Asked(StreamRequestHandler):
    def handle(self) -> None:
        request = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        self.wfile.write(cast(_Site, self.server).pages.served(request))


class _Site(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, pages: _Pages) -> None:
        self.pages = pages
        super().__init__(("127.0.0.1", 0), _Asked)
        pages.url = f"http://127.0.0.1:{self.server_address[1]}/"


@pytest.fixture
def pages(standalone: Standalone) -> Iterator[_Pages]:
    """A site of somebody's own, on this machine."""
    with _Site(_Pages(standalone)) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site.pages
        site.shutdown()
        thread.join()


BURST = "for (let n = 0; n < 2500; n += 1) void log.append(n);"


@pytest.mark.parametrize(
    "leave", ["location.reload()", "location.href = '/elsewhere'"], ids=["reload", "link"]
)
def test_all_that_a_page_appended_as_it_was_left_is_there_once_in_its_order(
    new_window: NewWindow, pages: _Pages, leave: str
) -> None:
    page = pages.open(new_window())
    with page.expect_navigation():
        page.evaluate(f"() => {{ {BURST} {leave} }}")
    pages.open(page)
    page.wait_for_function("log.length >= 2500")
    assert pages.room.read("log") == list(range(2500))


@pytest.mark.parametrize(
    "first", ["slider.value = 7", "void slider.update((n) => n + 7)"], ids=["write", "update"]
)
def test_an_update_that_waited_behind_another_write_is_not_lost_with_its_page(
    new_window: NewWindow, pages: _Pages, first: str
) -> None:
    page = pages.open(new_window())
    leave = "location.href = '/elsewhere'"
    with page.expect_navigation():
        page.evaluate(f"() => {{ {first}; void slider.update((n) => n + 1); {leave} }}")
    pages.open(page)
    page.wait_for_function("slider.value === 8")
    assert pages.room.read("slider") == [8]


def test_what_is_left_behind_is_for_the_next_page_of_that_tab_alone(
    new_window: NewWindow, pages: _Pages
) -> None:
    page = pages.open(new_window())
    kept = "Object.keys(sessionStorage).filter((name) => name.startsWith('driftdb')).length"
    with page.expect_navigation():
        page.evaluate(f"() => {{ {BURST} location.href = '/elsewhere' }}")
    page.wait_for_function(f"{kept} === 1")
    other = pages.open(new_window())
    assert other.evaluate(kept) == 0
    pages.open(page)
    assert page.evaluate(kept) == 0
    page.wait_for_function("log.length >= 2500")
    page.wait_for_function("here.waiting === 0")
    with page.expect_navigation():
        page.evaluate("location.reload()")
    assert page.evaluate(kept) == 0


def test_under_jupyter_it_is_sent_by_who_wrote_it_and_by_nobody_who_logs_in_after_them(
    new_window: NewWindow, jupyter_server: JupyterServer
) -> None:
    page = new_window()
    driftdb = f"{jupyter_server.root}driftdb/"

    def enter() -> None:
        """Open the room in a page of Jupyter's, as whoever the cookies say."""
        page.goto(driftdb)
        page.evaluate(
            """async (driftdb) => {
                const { room } = await import(`${driftdb}driftdb.js`);
                window.here = room(`${driftdb}room/leaving`);
                window.log = here.stream("log");
                await log.ready;
            }""",
            driftdb,
        )

    def log_in() -> list[Cookie]:
        page.context.clear_cookies()
        page.goto(f"{driftdb}?token={TOKEN}")
        enter()
        return page.context.cookies()

    def come_true(condition: str) -> None:
        # The page lets no text be run, as `wait_for_function` does.
        frame = "new Promise(requestAnimationFrame)"
        page.evaluate(f"async () => {{ while (!({condition})) await {frame} }}")

    ada = log_in()
    with page.expect_navigation():
        page.evaluate(f"() => {{ {BURST} location.reload() }}")
    log_in()
    page.evaluate("log.append('Ben was here')")
    come_true("log.length > 0 && here.waiting === 0")
    arrived = page.evaluate("log.length")
    page.reload()
    enter()
    assert page.evaluate("log.length") == arrived
    page.context.clear_cookies()
    page.context.add_cookies(cast(Any, ada))
    enter()
    come_true("log.length === 2501")
    rest = [value for value in page.evaluate("log.values") if value != "Ben was here"]
    assert rest == list(range(2500))


def test_a_page_in_the_back_forward_cache_has_no_socket_and_comes_back_with_one(
    chromium: Browser, pages: _Pages
) -> None:
    browser = launched(chromium.browser_type, back_forward_cache=True)
    page = pages.open(browser.new_page())
    with page.expect_navigation():
        page.evaluate(f"() => {{ {BURST} location.href = '/elsewhere' }}")
    page.go_back(wait_until="commit")  # nothing is loaded
    page.wait_for_function("shown === 1")  # the very page, none of whose scripts ran anew
    page.wait_for_function("here.status.phase === 'connected' && here.waiting === 0")
    page.evaluate("log.append('back')")
    become_equal(page, lambda: pages.room.read("log"), lambda: [*range(2500), "back"])
    browser.close()
