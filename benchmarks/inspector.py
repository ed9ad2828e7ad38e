#!/usr/bin/env python3
"""How quick the inspector stays while a room is busy.

    python benchmarks/inspector.py
    python benchmarks/inspector.py --debug-ui FOLDER   # beside DriftDB's own page

Chromium shows a room of many keys, whose states change at a steady pace, in turn. A page that
draws 60 times a second is quick; while it draws nothing, it answers nothing either.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import TimeoutError as PageTimeout
from tornado.websocket import WebSocketClosedError, websocket_connect

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.servers import OURS, Server, driftdb_server, start
from tests.browser import started_chromium

LOADS = (
    (100, 100),
    (1_000, 1_000),
    (5_000, 10_000),
)  # keys, messages a second
SECONDS = 10
TICK_SECONDS = 0.01
FILL_PER_SECOND = 1_000
GOAL_MILLISECONDS = 100
PATIENCE_SECONDS = 60

NOTE_FRAMES = """() => {
    window.gaps = [];
    let last = performance.now();
    const frame = (now) => {
        window.gaps.push(now - last);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""


@dataclass(frozen=True, kw_only=True)
class Inspector:
    """A page that shows all of a room, and the server that it belongs to.

    ``url``: ``{port}`` and ``{room}`` in it stand for theirs.
    """

    name: str
    server: Server
    url: str


OURS_SHOWN = Inspector(name="ours", server=OURS, url="http://127.0.0.1:{port}/room/{room}/inspect")


def _pushes(keys: int, count: int) -> Iterator[str]:
    for number in range(count):
        value = {"step": number, "loss": 1 / (number + 1), "note": "x" * 40}
        push = {"type": "push", "key": f"key {number % keys}", "value": value}
        yield json.dumps({**push, "action": {"type": "replace"}})


async def _publish(url: str, pushes: Iterator[str], rate_per_second: int) -> None:
    """Push at this pace; returns when the server has read all.

    Raises WebSocketClosedError where the page reads so slowly that its server takes no more.
    """
    socket = await websocket_connect(url)
    asyncio.get_running_loop().call_later(PATIENCE_SECONDS, socket.close)
    batch = max(1, round(rate_per_second * TICK_SECONDS))
    due = time.monotonic()
    for number, push in enumerate(pushes, 1):
        await socket.write_message(push)
        if number % batch == 0:
            due += batch / rate_per_second
            await asyncio.sleep(due - time.monotonic())
    await socket.write_message('{"type":"ping","nonce":1}')
    if await socket.read_message() is None:  # else it has answered, in order
        raise WebSocketClosedError
    socket.close()


def _run(publish: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread: in this one runs Playwright's event loop."""
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, publish).result()


def _measure(inspector: Inspector, folder: Path, *, keys: int, rate: int) -> list[float] | None:
    """Milliseconds between the frames of the page; None if it answers no more."""
    with start(inspector.server, folder) as running, started_chromium() as browser:
        (room,) = running.new_rooms(1)
        socket = f"ws://127.0.0.1:{running.port}/room/{room}/connect"
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(inspector.url.format(port=running.port, room=room))
        page.evaluate(NOTE_FRAMES)
        try:
            _run(_publish(socket, _pushes(keys, keys), FILL_PER_SECOND))
            _run(_publish(socket, _pushes(keys, SECONDS * rate), rate))
            page.get_by_text("key 0", exact=True).wait_for()  # it has drawn what came
            noted = page.wait_for_function("() => JSON.stringify(window.gaps)")
        except (PageTimeout, WebSocketClosedError):
            return None
        gaps: list[float] = json.loads(str(noted))
        return gaps


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve the folder's files, at the URL that this yields."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--debug-ui",
        type=Path,
        metavar="FOLDER",
        help="a build of DriftDB's own (js-pkg/apps/driftdb-ui of its repository), to stand beside",
    )
    parser.add_argument(
        "--driftdb-server", type=Path, metavar="PATH", help="DriftDB's server, for its own page"
    )
    return parser.parse_args()


def main() -> int:
    """Measure, and say whether the goal is met."""
    arguments = _arguments()
    met = True
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        inspectors = [OURS_SHOWN]
        if arguments.debug_ui:
            server = driftdb_server(arguments.driftdb_server)
            root = stack.enter_context(_served(arguments.debug_ui))
            if server:
                socket = "ws://127.0.0.1:{port}/room/{room}/connect"
                page = f"{root}?url={socket}"
                inspectors.append(Inspector(name="driftdb", server=server, url=page))
        for keys, rate in LOADS:
            print(f"{keys:,} keys, {rate:,} messages a second, for {SECONDS} s:")
            for inspector in inspectors:
                gaps = _measure(inspector, folder, keys=keys, rate=rate)
                print(f"  {inspector.name:8} {_told(gaps)}")
                if inspector is OURS_SHOWN:
                    met &= gaps is not None and _most(gaps) <= GOAL_MILLISECONDS
    print(f"{'met' if met else 'MISSED'}: 99 of 100 frames within {GOAL_MILLISECONDS} ms")
    return 0 if met else 1


def _most(gaps: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(gaps, n=100, method="inclusive")[-1]


def _told(gaps: list[float] | None) -> str:
    if gaps is None:
        return f"no answer for {PATIENCE_SECONDS} s"
    return (
        f"a frame every {median(gaps):.0f} ms in the median, 99 of 100 within {_most(gaps):.0f} ms,"
        f" the longest {max(gaps):.0f} ms ({len(gaps):,} frames)"
    )


if __name__ == "__main__":
    sys.exit(main())
