"""A log that a shell sends is live in a browser."""

from __future__ import annotations

import subprocess

from playwright.sync_api import expect

from ..browser import NewWindow
from ..server.processes import COMMAND, environment
from .standalone import PageRoom


def test_a_build_log_is_live_in_the_rooms_page_with_its_colours(
    new_window: NewWindow, room: PageRoom
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "append", "build"],
        stdin=subprocess.PIPE,
        env=environment(DRIFTDB_ROOM=room.url),
        bufsize=0,
    )
    with process:
        assert process.stdin is not None
        process.stdin.write(b"\x1b[32mbegun\x1b[0m <b>\n")
        page = new_window()
        page.goto(f"{room.url}/page")
        lines = page.locator(".driftdb-line")
        expect(lines).to_contain_text(["begun <b>"])
        green = lines.locator(".driftdb-fg-green")
        expect(green).to_have_text("begun")
        process.stdin.write(b"".join(b"line %d\n" % number for number in range(5_000)))
        expect(page.get_by_text("5,001 lines")).to_be_visible()
        expect(page.get_by_text("line 4999", exact=True)).to_be_visible()
        process.stdin.close()
    assert process.returncode == 0
