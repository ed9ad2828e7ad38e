"""What a notebook keeps of a view for where there is no kernel."""

from __future__ import annotations

from typing import Any

import pandas as pd

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets.dictionary import SharedDict
from driftdb_jupyter.widgets.output import LONGEST, VIEW
from driftdb_jupyter.widgets.presence import Presence
from driftdb_jupyter.widgets.reducer import SharedReducer
from driftdb_jupyter.widgets.state import SharedState
from driftdb_jupyter.widgets.stream import Stream


def output(thing: Any) -> dict[str, Any]:
    made = thing._repr_mimebundle_()
    data: dict[str, Any] = made[0] if isinstance(made, tuple) else made
    return data


def test_a_state_keeps_where_it_is_and_its_value_when_it_was_shown(mine: Room) -> None:
    state = SharedState("speed", 3, room=mine, label="Speed")
    state.value = 7
    data = output(state)
    state.value = 8
    assert data[VIEW] == {
        "server": state._server,
        "room": mine.name,
        "key": "speed",
        "kind": "state",
        "control": state.control.text(),
        "remembered": "7",
    }
    state.value = 2**60 + 1  # as text, for a notebook's JSON would round it in a browser
    assert output(state)[VIEW]["remembered"] == "1152921504606846977"
    assert "<strong>Speed</strong><pre>7</pre>" in data["text/html"]
    assert mine.name in data["text/html"]
    state.close()


def test_a_dictionary_keeps_where_it_is_and_its_items(mine: Room) -> None:
    data = output(SharedDict("<i>", {"name": "<script>"}, room=mine))
    assert data[VIEW] == {
        "server": data[VIEW]["server"],
        "room": mine.name,
        "key": "<i>",
        "kind": "dict",
        "options": {"label": None},
        "remembered": '{"name":"<script>"}',
    }
    assert "<strong>&lt;i&gt;</strong><table " in data["text/html"]
    assert "<tr><td>name</td><td>&lt;script&gt;</td></tr>" in data["text/html"]


def test_a_reducer_keeps_where_it_is_and_its_value(mine: Room) -> None:
    total = SharedReducer("total", lambda value, action: value + action, 40, room=mine)
    total.dispatch(2).result()
    data = output(total)
    assert (data[VIEW]["kind"], data[VIEW]["remembered"]) == ("reducer", "42")
    assert "<strong>total</strong><pre>42</pre>" in data["text/html"]


def test_a_long_value_is_kept_in_no_notebook(mine: Room) -> None:
    form = SharedDict("form", {"text": "x" * 20_000}, room=mine)
    assert "remembered" not in output(form)[VIEW]


def test_a_stream_keeps_its_newest_lines(mine: Room) -> None:
    log = Stream("log", room=mine)
    values = [f"line {n}" for n in range(300)]
    log.extend([*values, "\x1b[31mred\x1b[0m", {"message": "said", "level": "INFO"}, [1]]).result()
    html = output(log)["text/html"]
    assert "line 99\n" not in html
    assert "line 299\nred\nsaid\n[1]</pre>" in html


def test_a_presence_keeps_who_was_here(mine: Room) -> None:
    people = Presence(room=mine, value=1)
    people._wait(lambda: len(people), lambda count: count == 1).result(60)
    assert "<pre>Guest</pre>" in output(people)["text/html"]


def test_no_value_is_html_and_none_is_too_long(mine: Room) -> None:
    hostile = SharedState("<b>", "<script>alert(1)</script>", room=mine)
    html = output(hostile)["text/html"]
    assert "<script" not in html
    assert "<b>" not in html
    hostile.value = "x" * (LONGEST + 5)
    assert "x" * LONGEST + "\n…</pre>" in output(hostile)["text/html"]
    hostile.close()


def test_a_frame_is_kept_as_a_table(mine: Room) -> None:
    state = SharedState("frame", pd.DataFrame({"loss": [0.5]}), room=mine)
    html = output(state)["text/html"]
    assert "<strong>frame</strong><table " in html
    assert "<td>0.5</td>" in html
    assert "$dataframe" not in html
    state.close()
