"""The JavaScript client in plain pages, which have one import and no bundler."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from driftdb_jupyter import room as join

from ..browser import NewWindow
from .standalone import Standalone

PAGE = """<!doctype html><meta charset="utf-8"><title>plain</title>
<script type="module">
import {{ room }} from "{root}driftdb.js";
window.here = room("{room}");
window.slider = here.state("slider", 0);
window.chat = here.pubsub("chat");
window.log = here.stream("log");
window.form = here.dict("form");
window.people = here.presence("presence", {{ colour: "red" }});
window.votes = here.reducer("votes", (value, n) => [...value, n], []);
window.heard = [];
chat.subscribe((value) => heard.push(value));
await Promise.all([slider.ready, log.ready, form.ready, votes.ready]);
window.ready = true;
</script>"""


def plain_page(page: Page, standalone: Standalone, url: str) -> Page:
    page.set_content(PAGE.format(root=standalone.root, room=url))
    page.wait_for_function("window.ready")
    return page


def until(page: Page, condition: str) -> None:
    page.wait_for_function(condition)


def test_two_pages_and_python_share_everything(
    standalone: Standalone, new_window: NewWindow
) -> None:
    url = standalone.new_room().url
    one, two = (plain_page(new_window(), standalone, url) for _ in range(2))
    here = join(url)
    slider, log = here.state("slider"), here.stream("log")
    one.evaluate("slider.set(5)")
    until(two, "slider.value === 5")
    slider.set(6).result()
    for page in (one, two):
        until(page, "slider.value === 6")
    two.evaluate("Promise.all([log.append('a'), log.extend(['b', 'c'])])")
    until(one, "log.values.join() === 'a,b,c'")
    assert list(log) == ["a", "b", "c"]
    log.append(float("nan")).result()
    until(one, "Number.isNaN(log.values[3])")
    here.pubsub("chat").publish("<b>hello</b>").result()
    until(one, "heard[0] === '<b>hello</b>'")
    one.evaluate("form.set({ name: 'Ann' })")
    form = here.dict("form")
    assert dict(form) == {"name": "Ann"}
    form["age"] = 3
    until(two, "form.get('age') === 3")
    until(one, "people.people.length === 2")
    assert len(here.presence()) == 2
    late = plain_page(new_window(), standalone, url)
    assert late.evaluate("[slider.value, log.length, form.get('name')]") == [6, 4, "Ann"]
    here.close()


NAMES = ["__proto__", "constructor", "prototype", "__class__", "__dict__"]


def test_names_of_a_prototype_or_class_are_names_as_any_other_on_both_sides(
    standalone: Standalone, new_window: NewWindow
) -> None:
    url = standalone.new_room().url
    page = plain_page(new_window(), standalone, url)
    here = join(url)
    hostile = {name: {"polluted": 1, name: [{name: {"polluted": 2}}]} for name in NAMES}
    slider, form = here.state("slider"), here.dict("form")
    slider.set(hostile).result()
    form.update(hostile)
    until(page, "Object.keys(slider.value ?? {}).length === 5 && form.get('__dict__')")
    page.evaluate("slider.update((value) => ({ ...value, more: 1 })).then(() => 0)")
    page.evaluate("form.set(JSON.parse(JSON.stringify(form.value)))")
    page.evaluate('form.set(JSON.parse(\'{"__proto__": {"polluted": 3}}\'))')
    slider.update(lambda value: {**value, "most": 2})
    here.flush()
    form.wait_for(lambda items: items["__proto__"] == {"polluted": 3}, timeout_seconds=30)
    assert slider.value == {**hostile, "more": 1, "most": 2}
    assert dict(form) == {**hostile, "__proto__": {"polluted": 3}}
    assert type(form).__name__ == "SharedDict"
    untouched = "({}).polluted === undefined && Object.keys(Object.prototype).length === 0"
    assert page.evaluate(untouched)
    here.close()


DESCRIBE = """here.state("$meta/slider").set({
    kind: "state", label: "Speed", control: { kind: "slider", min: 0, max: 8 },
})"""


def test_the_rooms_page_shows_what_a_page_publishes_to_and_describes(
    standalone: Standalone, new_window: NewWindow
) -> None:
    url = standalone.new_room().url
    plain, shown = plain_page(new_window(), standalone, url), new_window()
    shown.goto(f"{url}/page")
    plain.evaluate("chat.publish('hello')")
    channel = shown.locator(".card", has_text="chat")
    expect(channel.locator(".tag")).to_have_text("messages")
    plain.evaluate("chat.publish('hello again')")
    expect(channel.locator(".driftdb-line")).to_contain_text("hello again")
    plain.evaluate(DESCRIBE)
    slider = shown.get_by_role("slider", name="Speed")
    expect(slider).to_have_attribute("max", "8")


WORKER = """
import {{ room }} from "{root}driftdb.js";
import {{ CBOR }} from "{root}driftdb-cbor.js";
const here = room("{room}", {{ codec: CBOR }});
const slider = here.state("slider", 0);
const log = here.stream("log");
await Promise.all([slider.ready, log.ready]);
slider.subscribe(async (value) => {{
  await log.append(`the worker heard ${{value}}`);
  postMessage(log.values);
}});
postMessage([slider.value]);
"""


@pytest.mark.parametrize("kind", ["Worker", "SharedWorker"])
def test_a_worker_shares_in_cbor_what_pages_share_in_json(
    standalone: Standalone, new_window: NewWindow, kind: str
) -> None:
    url = standalone.new_room().url
    page = new_window()
    page.goto(url)  # nothing but JSON: an origin for the worker
    code = WORKER.format(root=standalone.root, room=url)
    if kind == "SharedWorker":
        code = code.replace("postMessage(", "port.postMessage(")
        code = f"const port = await new Promise((r) => (onconnect = (e) => r(e.ports[0])));{code}"
    page.evaluate(
        """([code, kind]) => {
            const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
            window.heard = [];
            window.worker = new window[kind](url, { type: "module" });
            (worker.port ?? worker).onmessage = ({ data }) => heard.push(data);
        }""",
        [code, kind],
    )
    page.wait_for_function("heard.length === 1")
    plain = plain_page(new_window(), standalone, url)
    plain.evaluate("slider.set(5)")
    page.wait_for_function("heard.length === 2")
    assert page.evaluate("heard") == [[0], ["the worker heard 5"]]
    assert plain.evaluate("log.values") == ["the worker heard 5"]


NOTHING_KEPT = """
for (const name of ["localStorage", "sessionStorage", "indexedDB"])
    Object.defineProperty(window, name, { get() { throw new DOMException("denied"); } });
delete Crypto.prototype.randomUUID;
delete Crypto.prototype.subtle;
"""


def test_a_page_shares_where_the_browser_keeps_nothing_and_it_came_over_plain_http(
    standalone: Standalone, new_window: NewWindow
) -> None:
    url = standalone.new_room().url
    page = new_window()
    page.add_init_script(NOTHING_KEPT)
    page.goto(url)
    plain_page(page, standalone, url)
    page.evaluate("Promise.all([slider.set(5), votes.dispatch(1), form.set({ a: 1 })])")
    other = plain_page(new_window(), standalone, url)
    assert other.evaluate("[slider.value, votes.value[0], people.people.length]") == [5, 1, 2]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_written_offline_arrives_after_a_restart_once_and_in_order(
    tmp_path: Path, new_window: NewWindow, end: signal.Signals
) -> None:
    server = Standalone(tmp_path)
    with server.running():
        url = server.new_room().url
        one, two = (plain_page(new_window(), server, url) for _ in range(2))
        for page in (one, two):
            page.evaluate(LOOP)
        one.evaluate("Promise.all([1, 2, 3].map((n) => votes.dispatch(n)))")
        one.evaluate("log.append('before')")
        until(two, "votes.value.length === 3 && heard.length === 1")
        server.process.end(end)
    for page in (one, two):
        until(page, "here.status.phase === 'reconnecting'")
    one.evaluate("void slider.set(7); for (const n of [4, 5, 6]) void votes.dispatch(n)")
    one.evaluate("void log.append('meanwhile')")
    two.evaluate("for (const n of [7, 8]) void votes.dispatch(n)")
    with server.running():
        for page in (one, two):
            page.evaluate("here.retry()")
            until(page, "here.waiting === 0 && votes.value.length === 8 && slider.value === 7")
        values: list[Any] = [page.evaluate("votes.value") for page in (one, two)]
        assert values[0] == values[1]
        assert values[0][:3] == [1, 2, 3]
        assert [n for n in values[0] if n in (4, 5, 6)] == [4, 5, 6]
        for page in (one, two):
            until(page, "heard.length === 2")
            assert page.evaluate("heard") == ["before", "meanwhile"]
            page.close()


LOOP = "() => { (async () => { for await (const value of log) heard.push(value) })() }"


def test_who_closes_a_page_or_leaves_the_room_is_gone_at_once(
    tmp_path: Path, new_window: NewWindow
) -> None:
    server = Standalone(tmp_path)
    with server.running("--DriftDB.presence_grace_seconds=1e6"):
        url = server.new_room().url
        stays, closes, leaves, goes = (plain_page(new_window(), server, url) for _ in range(4))
        until(stays, "people.people.length === 4")
        closes.close()
        until(stays, "people.people.length === 3")
        leaves.evaluate("here.close()")
        until(stays, "people.people.length === 2")
        goes.goto(url)
        until(stays, "people.people.length === 1")
        stays.close()


def test_a_promise_tells_that_the_room_has_it_or_why_not(
    standalone: Standalone, new_window: NewWindow
) -> None:
    page = plain_page(new_window(), standalone, standalone.new_room().url)
    assert page.evaluate("log.append('x')") > 0
    assert page.evaluate("slider.update((n) => n + 1)") == 1
    huge = "log.append('x'.repeat(2_000_000)).then(() => 'taken', ({ code }) => code)"
    assert page.evaluate(huge) == "too_large"
    said = page.evaluate(
        "() => { try { slider.set(() => 1) } catch (error) { return `${error}` } }"
    )
    assert said == "TypeError: value: expected what JSON holds, bytes or a Date, got function"


LEAVE = {
    "navigates": "location.href = 'about:blank'",
    "reloads": "location.reload()",
    "closes": "window.close()",
}
WRITE_AND_LEAVE = """() => void setTimeout(() => {{
    for (let n = 1; n <= 50; n += 1) slider.value = n;
    for (let n = 0; n < 3; n += 1) log.append(n);
    form.set({{ last: "word" }});
    {leave};
}})"""


@pytest.mark.parametrize("how", LEAVE)
def test_what_a_page_wrote_last_arrives_though_it_is_left_at_once(
    standalone: Standalone, new_window: NewWindow, how: str
) -> None:
    url = standalone.new_room().url
    opener = new_window()
    with opener.expect_popup() as opened:  # which may close itself
        opener.evaluate("void open('about:blank')")
    page = plain_page(opened.value, standalone, url)
    here = join(url)
    slider, log, form = here.state("slider"), here.stream("log"), here.dict("form")
    page.evaluate(WRITE_AND_LEAVE.format(leave=LEAVE[how]))
    slider.wait_for(lambda value: value == 50, timeout_seconds=60)
    form.wait_for(lambda items: items.get("last") == "word", timeout_seconds=60)
    assert list(log) == list(range(3))
    here.close()
