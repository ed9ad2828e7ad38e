from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances as models

from driftdb_jupyter.client.room import Room, room
from driftdb_jupyter.widgets.output import VIEW
from driftdb_jupyter.widgets.state import SharedState

from ..client.fakes import FakeServer, serving
from ..client.served import come_true


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as server:
        yield server


@pytest.fixture
def here(server: FakeServer) -> Iterator[Room]:
    place = room("here", url=server.url)
    yield place
    place.close()


def shown(widget: SharedState) -> str:
    answer = widget._repr_mimebundle_()
    assert answer is not None
    model_id: str = answer[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    return model_id


def test_the_front_end_is_told_where_the_value_is(server: FakeServer, here: Room) -> None:
    widget = SharedState("slider", 3, room=here, min=0, max=10, label="Speed")
    widget.value = 4
    shown(widget)
    state = widget.get_state()
    told = ("_server", "_room", "_key", "_initial", "_control")
    assert {name: state[name] for name in told} == {
        "_server": server.url,
        "_room": "here",
        "_key": "slider",
        "_initial": "4",
        "_control": widget.control.text(),
    }
    widget.close()


def test_a_control_is_disabled_while_it_is_shown(here: Room) -> None:
    widget = SharedState("slider", 3, room=here, description="How fast")
    shown(widget)
    widget.disabled = True
    widget.read_only = True
    told = json.loads(widget.get_state("_control")["_control"])
    assert (told["disabled"], told["read_only"], told["description"]) == (True, True, "How fast")
    widget.close()


def test_how_it_looks_is_set_while_it_is_shown(here: Room) -> None:
    widget = SharedState("slider", 3, room=here, max=10)
    shown(widget)
    widget.min, widget.max, widget.step = -5, 200, 0.5
    widget.label, widget.description = "Speed", "How fast"
    assert (widget.min, widget.max, widget.label) == (-5, 200, "Speed")
    assert widget.get_state("_control")["_control"] == widget.control.text()
    assert (widget.control.max, widget.control.description) == (200, "How fast")
    widget.options = [("slow", 3), ("fast", 9)]
    assert widget.control.kind == "dropdown"
    assert json.loads(widget.control.text())["options"] == [["slow", 3], ["fast", 9]]
    widget.options = None
    assert widget.control.kind is None
    widget.control = "number"
    assert json.loads(widget.control.text())["kind"] == "number"
    with pytest.raises(ValueError, match="expected min <= max, got min=300 and max=200"):
        widget.min = 300
    assert widget.min == widget.control.min == -5
    widget.close()


def test_how_it_looks_is_observed_and_linked(here: Room) -> None:
    widget, box, seen = SharedState("slider", 3, room=here), ipywidgets.Checkbox(), list[Any]()
    widget.observe(seen.append, names="disabled")
    ipywidgets.link((box, "value"), (widget, "disabled"))
    box.value = True
    assert (widget.disabled, widget.control.disabled) == (True, True)
    widget.disabled = False
    assert box.value is False
    assert [(change.old, change.new) for change in seen] == [(False, True), (True, False)]
    widget.close()


def test_what_it_has_not_got_cannot_be_set(here: Room) -> None:
    class Mine(SharedState):
        pass

    widget, mine = SharedState("slider", 3, room=here), Mine("slider", 3, room=here)
    with pytest.raises(AttributeError, match="a SharedState has no 'readout_format'; what can be"):
        widget.readout_format = ".2f"
    mine.history = [1]
    assert mine.history == [1]
    widget._note = "one's own"
    for each in (widget, mine):
        each.close()


def test_it_has_the_layout_that_it_is_given(here: Room) -> None:
    wide = SharedState("wide", 0, room=here, layout={"width": "50%"}, tooltip="how wide")
    assert (layout_of(wide).width, wide.tooltip) == ("50%", "how wide")
    layout = ipywidgets.Layout(width="20em")
    assert layout_of(SharedState("other", 0, room=here, layout=layout)) is layout
    wide.close()


def layout_of(widget: SharedState) -> Any:
    return widget.layout


def test_interact_calls_with_its_value(here: Room) -> None:
    widget, called = SharedState("n", 3, room=here, min=0, max=9), list[int]()

    def call(value: int) -> None:
        called.append(value)

    view = ipywidgets.interactive(call, value=widget)
    widget.value = 5
    assert called == [3, 5]
    assert view.children[0] is widget
    assert widget.control.description is None, "interact describes those that have no description"
    ipywidgets.interactive_output(call, {"value": widget})
    assert called[2:] == [5]
    widget.close()


def test_a_front_end_cannot_link_what_is_in_the_room(here: Room) -> None:
    widget, slider = SharedState("n", 3, room=here), ipywidgets.IntSlider()
    for pair in ((widget, "value"), (slider, "value")), ((slider, "value"), (widget, "value")):
        with pytest.raises(TypeError, match=r"use link\(\) or dlink\(\)"):
            ipywidgets.jslink(*pair)
        with pytest.raises(TypeError, match=r"use link\(\) or dlink\(\)"):
            ipywidgets.jsdlink(*pair)
    widget.close()


def test_each_press_of_a_button_is_a_click(here: Room) -> None:
    button, clicks = SharedState("go", 0, room=here, control="button"), list[SharedState]()
    button.on_click(clicks.append)
    button.on_click(clicks.append)
    button.value += 1
    button.value += 2
    assert clicks == [button] * 3
    button.value = 0
    button.on_click(clicks.append, remove=True)
    button.value += 1
    assert len(clicks) == 3
    with pytest.raises(ValueError, match='expected a control="button" to press, got None'):
        SharedState("n", 0, room=here).on_click(print)
    button.close()


def test_a_notebook_keeps_no_large_value_and_no_file(here: Room) -> None:
    large = SharedState("large", "x" * 30_000, room=here)
    file = SharedState("file", b"secret" * 100, room=here, control="file")
    for widget in (large, file):
        made = widget._repr_mimebundle_()
        assert made is not None
        data = made[0]
        assert data[VIEW]["remembered"] is None
        assert widget.get_state("_initial")["_initial"] is None
        assert len(data["text/plain"]) < 1_500
        assert len(data["text/html"]) < 21_000
    assert "c2VjcmV0" not in repr(file._repr_mimebundle_())
    for widget in (large, file):
        widget.close()


def test_the_kernels_own_server_is_a_path_on_the_pages(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTDB_URL", server.url)
    widget = SharedState("slider", 3, room="mine")
    assert widget._server == "/"
    widget.room.close()


def test_a_model_is_made_when_it_is_first_shown_and_once(here: Room) -> None:
    widget = SharedState("slider", 3, room=here)
    assert widget.comm is None
    assert shown(widget) == shown(widget) == widget.model_id
    widget.close()


def test_it_stands_in_a_box(here: Room) -> None:
    widget = SharedState("slider", 3, room=here)
    box = ipywidgets.VBox([widget])
    assert box.get_state()["children"] == [f"IPY_MODEL_{widget.model_id}"]
    widget.close()
    box.close()


def test_it_links_with_a_widget(here: Room) -> None:
    widget, slider = SharedState("slider", 3, room=here), ipywidgets.IntSlider()
    ipywidgets.link((widget, "value"), (slider, "value"))
    slider.value = 9
    assert widget.value == 9
    widget.close()
    slider.close()


def test_its_value_does_not_go_over_the_comm(here: Room) -> None:
    assert "value" not in SharedState("slider", 3, room=here).keys


def test_one_that_was_never_shown_is_collected(here: Room) -> None:
    widget = SharedState("slider", 3, room=here)
    gone = threading.Event()
    weakref.finalize(widget, gone.set)
    here.flush()
    del widget
    gc.collect()
    # The connection's thread may be telling it of its own write just now.
    assert gone.wait(60)


def test_one_that_was_shown_and_closed_is_collected(here: Room) -> None:
    widget = SharedState("slider", 3, room=here)
    shown(widget)
    gone = weakref.ref(widget)
    widget.close()
    here.flush()
    del widget

    def is_collected() -> bool:
        gc.collect()
        return gone() is None

    come_true(here, is_collected)  # the callbacks may hold it for a moment


def test_a_cell_that_is_run_a_thousand_times_costs_as_much_as_once(here: Room) -> None:
    def run() -> str:
        return shown(SharedState("again", 3, room=here, min=0, max=10))

    first = run()
    here.flush()
    gc.collect()
    before = count_states()
    for _ in range(1000):
        assert run() == first
    gc.collect()
    assert count_states() <= before + 2  # the callbacks may hold one for a moment
    assert models[first].comm is not None
    models[first].close()


def test_the_newest_of_those_that_look_the_same_has_the_model(here: Room) -> None:
    old, new = SharedState("twice", 3, room=here), SharedState("twice", 3, room=here)
    other = SharedState("twice", 3, room=here, max=5)
    assert shown(old) == shown(new)
    assert (old.comm, models[shown(new)]) == (None, new)
    assert shown(other) != shown(new)
    assert shown(old) == shown(old)
    for widget in (old, new, other):
        widget.close()


def count_states() -> int:
    return sum(isinstance(each, SharedState) for each in gc.get_objects())


def test_choices_that_are_long_integers_keep_their_digits(here: Room) -> None:
    long = 2**63 + 1
    widget = SharedState("id", long, room=here, options={"mine": long}, min=None)
    shown(widget)
    assert f'[["mine",{long}]]' in widget.get_state("_control")["_control"]
    widget.close()
