from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances as models

from driftdb_jupyter.client.room import Room, room
from driftdb_jupyter.widgets.state import SharedState

from ..client.fakes import FakeServer, serving


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
        "_initial": 4,
        "_control": widget.control.told(),
    }
    widget.close()


def test_a_control_is_disabled_while_it_is_shown(here: Room) -> None:
    widget = SharedState("slider", 3, room=here, description="How fast")
    shown(widget)
    widget.disabled = True
    widget.read_only = True
    told = widget.get_state("_control")["_control"]
    assert (told["disabled"], told["read_only"], told["description"]) == (True, True, "How fast")
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
    assert gone.wait(10)


def test_one_that_was_shown_and_closed_is_collected(here: Room) -> None:
    widget = SharedState("slider", 3, room=here)
    shown(widget)
    gone = weakref.ref(widget)
    widget.close()
    here.flush()
    del widget
    gc.collect()
    assert gone() is None


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
