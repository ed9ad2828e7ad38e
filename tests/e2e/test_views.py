"""Streams, channels and presence as a notebook shows them, between windows."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from .conftest import Jupyter
from .notebook import write_notebook

LOG = """
from driftdb_jupyter import room
here = room("a stage")
log = here.stream("log")
log
"""
CHAT = 'chat = here.pubsub("chat", label="Chat")\nchat'
PEOPLE = 'people = here.presence(value={"name": "Ann Smith", "colour": "teal"})\npeople'
WRITE = r"""
log.extend(f"line {n}" for n in range(100_000)).result(60)
print("\x1b[1;32mgreen\x1b[0m <b>no HTML</b>", file=log.file(flush_seconds=0), flush=True)
for step in log.progress(range(3), description="epoch 1"): pass
chat.publish("hello").result()
"""


def view(page: Page, kind: str) -> Locator:
    return page.locator(f".driftdb-{kind}")


def test_a_log_a_channel_and_people_are_live_in_two_windows(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "n.ipynb", LOG, CHAT, PEOPLE, WRITE)
    one = jupyter.open("n.ipynb")
    for cell in range(3):
        one.run(cell)
    expect(view(one.page, "stream")).to_be_visible()
    expect(view(one.page, "presence")).to_contain_text(re.compile(r"Ann Smith \(.+'s kernel\)"))
    one.save()
    two = jupyter.open("n.ipynb")
    expect(view(two.page, "presence")).to_contain_text(re.compile(r"Ann Smith \(.+'s kernel\)"))
    expect(view(two.page, "channel")).to_contain_text("0 lines")
    one.run(3)
    for page in (one.page, two.page):
        log = view(page, "stream")
        expect(log).to_contain_text("100,002 lines", timeout=30_000)
        expect(log.locator(".driftdb-lines")).to_contain_text("epoch 1  ·  3 of 3")
        green = log.locator(".driftdb-fg-green.driftdb-bold")
        expect(green).to_have_text("green")
        expect(log).to_contain_text("<b>no HTML</b>")
        assert log.locator(".driftdb-line").count() < 100
        expect(view(page, "channel")).to_contain_text("hello")
    log = view(two.page, "stream")
    log.locator(".driftdb-search").fill("line 99999")
    expect(log).to_contain_text("1 of 100,002 lines")
    expect(log.locator(".driftdb-line")).to_have_text(["line 99999"])
    log.locator(".driftdb-search").fill("")
    expect(log.locator(".driftdb-lines")).to_contain_text("3 of 3")
    log.locator(".driftdb-lines").evaluate("box => { box.scrollTop = 0 }")
    expect(log.locator(".driftdb-line").first).to_have_text("line 0")
    log.get_by_role("button", name="newest").click()
    expect(log.locator(".driftdb-lines")).to_contain_text("3 of 3")
