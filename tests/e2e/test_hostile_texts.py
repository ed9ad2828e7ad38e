"""Texts that would be scripts, elements or links where one of them became HTML: put everywhere.

The pages' policy is switched off in these windows, or it would hide what the pages let through.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Page, expect

from driftdb_jupyter import create_token
from driftdb_jupyter import room as python_room

from ..browser import NewWindow
from .conftest import Jupyter
from .notebook import write_notebook
from .standalone import PageRoom, Standalone

RUN = "window.__xss=1"
PAYLOADS = [
    f"<img data-xss src=x onerror={RUN}>",
    f'"><svg data-xss onload={RUN}>',
    "'><iframe data-xss srcdoc='<script>parent.__xss=1<\\u002fscript>'>",
    f"<script data-xss>{RUN}</script>",
    f"</title></style></textarea></script><img data-xss src=x onerror={RUN}>",
    f"javascript:{RUN}",
    f" JaVaScRiPt\t:{RUN}",
    f"data:text/html,<script data-xss>{RUN}</script>",
    f'" onmouseover="{RUN}" onfocus="{RUN}" autofocus data-xss="',
    f"<math><mtext><table><mglyph><style><img data-xss src=x onerror={RUN}>",
    f"<details data-xss open ontoggle={RUN}>",
    "<base data-xss href=//evil.example><form data-xss action=//evil.example>",
    "{{constructor.constructor('window.__xss=1')()}}${window.__xss=1}",
    "&lt;img data-xss src=x onerror=window.__xss=1&gt;",
    f"red;background:url(//evil.example/x);}}</style><img data-xss src=x onerror={RUN}>",
    f"[click](javascript:{RUN}) $$\\href{{javascript:{RUN}}}{{x}}$$",
    "\x1b]8;;javascript:window.__xss=1\x07link\x1b]8;;\x07\x1b[31m<b data-xss>\x1b[0m",
    "\u202e\u2066<u data-xss>\u2028\x00\x85",
    "__proto__",
    "constructor",
]
CONTROLS = [
    *("area", "button", "colour", "date", "datetime", "dropdown", "file", "multiselect", "number"),
    *("radio", "range", "slider", "table", "text", "time", "toggle", "view", "prose"),
]
# What no text may become; only our own elements are there.
MADE = r"""() => {
    const isBad = text => {
        const url = new URL(text, document.baseURI);
        return !["http:", "https:", "blob:"].includes(url.protocol) || /evil/.test(url.host);
    };
    const leads = element => ["href", "src", "action"].some(name =>
        element.hasAttribute(name) && isBad(element.getAttribute(name)));
    const made = [
        ...document.querySelectorAll("[data-xss], [onerror], [onload], [onfocus], [onmouseover]"),
        ...[...document.querySelectorAll("a, form, base, iframe")].filter(leads),
        ...[...document.querySelectorAll("[style]")]
            .filter(element => /url\(|evil/.test(element.style.cssText)),
    ];
    return [window.__xss ?? null, Object.keys(Object.prototype), ({}).polluted ?? null]
        .concat(made.map(element => element.outerHTML.slice(0, 300)));
}"""
KEY = secrets.token_urlsafe(32)
NOTHING: list[Any] = [None, [], None]


def make_hostile(room: PageRoom) -> None:
    """Put each payload into each place of a room where a text may stand."""
    for number, text in enumerate(PAYLOADS):
        room.push(f"{text} key", text)
        room.push(f"object {number}", {text: [text, {"__proto__": {"polluted": text}}]})
        control = CONTROLS[number % len(CONTROLS)]
        more = {
            "kind": control,
            "label": text,
            "description": text,
            "options": [[text, text], text],
        }
        room.describe(f"control {number}", "state", label=text, control=more)
        room.push(f"control {number}", {"v": text, "type": text, "name": text, "data": text})
        file = {"name": text, "type": text, "size": 1, "data": {"$bytes": text}}
        room.describe(f"file {number}", "state", label=text, control={"kind": "file"})
        room.push(f"file {number}", {"v": file, "i": ""})
        for value in (
            *(text, {"message": text, "level": text, "time": text}),
            {"progress": 1, "id": text, "total": 2, "description": text, "postfix": {text: text}},
        ):
            room.push("log", value, "append")
        room.push("table", [{text: text, "__proto__": text}])
        frame = {"columns": [text], "index": [text], "data": {"0": [text], text: [text]}}
        room.push(f"frame {number}", {"$dataframe": frame})
        room.push(
            "fields", {"apply": {"set": {text: text, "__proto__": {"polluted": 1}}}}, "append"
        )
        room.describe(f"{text} {number}", text, label=text, href=text, control=text)
    room.describe("log", "stream", label=PAYLOADS[0])
    room.describe("fields", "dict", label=PAYLOADS[1])
    for control in CONTROLS:
        asked = {"kind": control, "label": PAYLOADS[0], "options": PAYLOADS, "min": PAYLOADS[0]}
        room.describe(f"each {control}", "state", label=PAYLOADS[0], control=asked)
        room.push(f"each {control}", PAYLOADS[0])


def is_unharmed(page: Page) -> None:
    """Look for what became of texts, also once everything was drawn and events were had."""
    for selector in ("input", "button", "summary", "[tabindex]"):
        for element in page.locator(selector).all()[:20]:
            element.dispatch_event("mouseover")
            element.dispatch_event("focus")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate(MADE) == NOTHING


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    server = Standalone(tmp_path_factory.mktemp("named"))
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.touch(mode=0o600)
    keys.write_text(KEY)
    with server.running("--named-rooms", f"--token-keys={keys}"):
        yield server


def hostile_rooms(named: Standalone) -> list[PageRoom]:
    names = [text.replace("/", "|") for text in PAYLOADS]
    names = [n for n in names if all(character.isprintable() for character in n)]
    return [PageRoom(f"{named.root}room/{quote(name, safe='')}") for name in names]


def test_no_page_makes_anything_of_hostile_texts(named: Standalone, new_window: NewWindow) -> None:
    rooms = hostile_rooms(named)
    assert len(rooms) > 10
    make_hostile(rooms[0])
    page = new_window(bypass_csp=True)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    foreign: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(named.root) else foreign.append(r.url))
    name = unquote(rooms[0].url.rpartition("/")[2])
    with python_room(rooms[0].url) as inside, ExitStack() as people:
        # Names that the server vouches for; controls it takes in none.
        for text in filter(str.isprintable, PAYLOADS):
            token = create_token(
                name, key=KEY, role="write", subject=text, name=text, groups=[text]
            )
            person = people.enter_context(python_room(rooms[0].url, token=token))
            person.presence(value={"colour": text})
        for text in PAYLOADS:
            who: dict[str, Any] = {"name": text, "colour": text, "avatar": text, "color": text}
            inside.presence(f"people {text}", value={**who, text: text})
        inside.presence(value={"name": PAYLOADS[0], "colour": PAYLOADS[14], "avatar": PAYLOADS[5]})
        for path in ("page", "inspect"):
            page.goto(f"{rooms[0].url}/{path}")
            expect(page.locator(".driftdb-badge").first).to_have_attribute(
                "data-phase", "connected"
            )
            expect(page.get_by_text("data-xss").first).to_be_visible()
            badge = page.locator(".top .driftdb-badge > [title], .top .driftdb-badge").first
            expect(badge).to_have_attribute("title", re.compile("data-xss src=x"))
            is_unharmed(page)
        for row in page.locator(".keys .row").all()[:40]:
            row.click()
            is_shown = page.locator(".detail h2")
            expect(is_shown).not_to_be_empty()
        is_unharmed(page)
    rooms[1].push("k", 1)
    for room in rooms[1:]:
        page.goto(f"{room.url}/page")
        expect(page.locator(".driftdb-badge").first).to_have_attribute("data-phase", "connected")
        is_unharmed(page)
    for text in PAYLOADS:
        shown = quote(text, safe="")
        page.goto(f"{rooms[1].url}/page?key={shown}&name={shown}#{shown}")
        is_unharmed(page)
        page.goto(f"{named.root}?error={shown}&next={shown}#{shown}")
        is_unharmed(page)
        missing = page.request.get(f"{named.root}no/such/{shown}?{shown}")
        assert missing.status == 404
        assert missing.headers["content-type"].startswith("text/plain")
        assert text not in missing.text()
    page.goto(f"{rooms[0].url}/page")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    is_unharmed(page)
    assert dialogs == []
    assert foreign == []


CELL = """
import json, ipywidgets
from driftdb_jupyter import room
texts = json.loads({texts!r})
here = room({name!r})
views = []
for number, text in enumerate(texts):
    views += [
        here.state(text + " key", text, label=text),
        here.state(f"object {{number}}", {{text: [text]}}, label=text),
        here.stream(f"log {{number}}", label=text),
        here.pubsub(f"channel {{number}}", label=text),
        here.presence(f"people {{number}}", value={{"name": text, "colour": text, "avatar": text}}),
        here.dict(f"fields {{number}}", {{"name": text}}),
        here.reducer(f"sum {{number}}", lambda total, n: total, [text]),
    ]
    views[-5].append(text)
    views[-5].append({{"message": text, "level": text}})
box = ipywidgets.VBox(views)
here
"""


def test_no_widget_in_a_notebook_makes_anything_of_hostile_texts(jupyter: Jupyter) -> None:
    name = PAYLOADS[0]
    cell = CELL.format(texts=json.dumps(PAYLOADS), name=name)
    path: Path = jupyter.folder / "hostile.ipynb"
    write_notebook(path, cell, "box", "views[0]", "views[2]")
    one = jupyter.open("hostile.ipynb")
    for number in range(4):
        one.run(number)
    expect(one.page.locator(".driftdb-presence").first).to_be_visible()
    expect(one.page.locator(".driftdb-stream").first).to_contain_text("data-xss")
    assert one.page.evaluate(MADE)[0] is None
    made = "[...document.querySelectorAll('.jp-Notebook [data-xss]')].length"
    assert one.page.evaluate(made) == 0
    one.save()
    two = jupyter.open("hostile.ipynb")
    expect(two.page.locator(".driftdb-presence").first).to_be_visible()
    assert two.page.evaluate(MADE)[0] is None
    assert two.page.evaluate(made) == 0
