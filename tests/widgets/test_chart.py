"""Charts as a cell shows them."""

from __future__ import annotations

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets import bundle
from driftdb_jupyter.widgets.chart import Chart
from driftdb_jupyter.widgets.output import VIEW
from driftdb_jupyter.widgets.state import SharedState
from driftdb_jupyter.widgets.stream import Stream

from .test_view import shown


def test_a_chart_of_a_stream_is_its_view_with_a_style(mine: Room) -> None:
    log = Stream("log", room=mine, label="Log")
    assert shown(log)._options == {"label": "Log", "stamps": False}
    chart = Chart(log, log.chart("time", "loss").style)
    options = {
        "label": "Log",
        "stamps": True,
        "chart": {"kind": "line", "x": "time", "y": ["loss"]},
    }
    view = shown(chart)
    assert (view._kind, view._key, view._options) == ("stream", "log", options)
    assert shown(log)._options == options  # the stream is shown as it was asked for last
    told = chart._repr_mimebundle_()[VIEW]
    assert (told["kind"], told["options"]) == ("stream", options)


def test_a_chart_of_a_state_is_a_view_of_its_own(mine: Room) -> None:
    votes = SharedState("votes", {"Paris": 2}, room=mine, label="Votes")
    chart = Chart(votes, votes.chart().style)
    view = shown(chart)
    options = {"label": "Votes", "chart": {"kind": "bar"}}
    assert (view._kind, view._key, view._options) == ("chart", "votes", options)
    told = chart._repr_mimebundle_()[VIEW]
    assert (told["kind"], told["remembered"]) == ("chart", '{"Paris":2}')
    mine.flush()
    described = mine.state("$meta/votes").value
    assert described["control"]["chart"] == {"kind": "bar"}
    votes.close()


def test_a_page_that_asks_is_sent_the_charts_code_and_no_other_file(mine: Room) -> None:
    view = shown(Stream("log", room=mine))
    sent: list[object] = []
    view.send = lambda content, buffers=None: sent.append(content)
    names = [path.name for path in bundle._STATIC.glob("chart-*.js")]
    for name in ("widget.js", "../bundle.py", "chart-../x.js", "chart-none.js"):
        view._handle_custom_msg({"code": name}, [])
        assert sent.pop() == {"code": name, "error": "this kernel's front end has no such file"}
    for other in (3, None):
        view._handle_custom_msg({"code": other}, [])
    assert sent == []
    for name in names:
        view._handle_custom_msg({"code": name}, [])
        assert sent.pop() == {"code": name, "source": bundle._built(name, "")}
    assert len(names) == 1
