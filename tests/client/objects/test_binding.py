from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets
import numpy as np
import pytest
from traitlets import Any as TraitAny
from traitlets import HasTraits, Int, List, Tuple, Unicode

from driftdb_jupyter.client.objects.binding import bind, bind_all
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.values.encoding import same

from ..served import come_true


class Knob(HasTraits):
    value = Int(1)
    description = Unicode("volume")
    pair = Tuple(Int(), Int(), default_value=(1, 2))
    items = List(Int())


def test_a_trait_is_shared_both_ways(mine: Room, theirs: Room) -> None:
    one, other = Knob(value=5), Knob()
    bind(one, room=mine)
    mine.flush()
    bind(other, room=theirs)
    assert other.value == 5
    other.value = 7
    come_true(mine, lambda: one.value == 7)
    assert SharedState("volume", room=mine).value == 7


def test_widgets_are_bound_whatever_their_trait_holds(mine: Room, theirs: Room) -> None:
    sliders = [ipywidgets.IntRangeSlider(value=(2, 4)) for _ in range(2)]
    bind(sliders[0], "value", "range", room=mine)
    bind(sliders[1], "value", "range", room=theirs)
    sliders[1].value = (3, 9)
    come_true(mine, lambda: sliders[0].value == (3, 9))


def test_what_interact_makes_is_bound_by_its_widgets(mine: Room, theirs: Room) -> None:
    calls: list[list[tuple[int, str]]] = [[], []]

    def noting(called: list[tuple[int, str]]) -> Callable[[int, str], None]:
        def plot(n: int, colour: str) -> None:
            called.append((n, colour))

        return plot

    for room, called in zip((mine, theirs), calls, strict=True):
        view = ipywidgets.interactive(noting(called), n=(0, 10), colour=["red", "blue"])
        bind_all({widget.description: widget for widget in view.kwargs_widgets}, room=room)
        room.flush()
    view.kwargs_widgets[1].value = "blue"
    view.kwargs_widgets[0].value = 7
    come_true(mine, lambda: calls[0][-1:] == [(7, "blue")])
    assert calls[1][-1] == (7, "blue")


def test_what_an_output_widget_shows_is_shared(mine: Room, theirs: Room) -> None:
    outputs = [ipywidgets.Output() for _ in range(2)]
    bind(outputs[0], "outputs", room=mine, trusted=True)
    bind(outputs[1], "outputs", room=theirs, trusted=True)
    outputs[0].append_stdout("<b>hello</b>")
    outputs[0].append_display_data({"text/plain": "a plot", "image/png": "iVBOR"})
    come_true(theirs, lambda: len(outputs[1].outputs) == 2)
    assert outputs[1].outputs == outputs[0].outputs
    outputs[1].outputs = ()
    come_true(mine, lambda: outputs[0].outputs == ())


def test_what_the_widget_makes_of_a_value_is_not_written_back(mine: Room, theirs: Room) -> None:
    slider = ipywidgets.IntSlider(max=10, description="n")
    bind(slider, room=mine)
    state = SharedState("n", room=theirs)
    state.value = 50
    come_true(mine, lambda: slider.value == 10)
    mine.flush()
    assert state.value == 50
    slider.value = 9
    come_true(theirs, lambda: state.value == 9)


def test_an_unbound_widget_keeps_its_value(mine: Room, theirs: Room) -> None:
    knob = Knob()
    with bind(knob, room=mine):
        mine.flush()
    state = SharedState("volume", room=theirs)
    state.value = 8
    theirs.flush()
    knob.value = 2
    mine.flush()
    assert (knob.value, state.value) == (2, 8)


def test_many_are_bound_and_unbound_at_once(mine: Room, theirs: Room) -> None:
    one, other = Knob(), Knob()
    bindings = mine.bind({"a": one, "pair": (one, "pair")})
    bind_all({"a": other, "pair": (other, "pair")}, room=theirs)
    other.value, other.pair = 9, (3, 4)
    come_true(mine, lambda: (one.value, one.pair) == (9, (3, 4)))
    bindings.unbind()
    assert bindings == []
    one.value = 1
    mine.flush()
    assert other.value == 9


def test_one_widget_is_no_mapping_of_them(mine: Room) -> None:
    with pytest.raises(TypeError, match="expected widgets by their keys, got one Knob: bind"):
        mine.bind(Knob())  # type: ignore[arg-type]


def test_all_are_bound_or_none(mine: Room) -> None:
    one = Knob()
    with pytest.raises(ValueError, match="expected a trait of Knob"):
        bind_all({"a": one, "b": (one, "nothing")}, room=mine)
    one.value = 3
    mine.flush()
    assert mine.state("a").value == 1


def test_a_value_that_the_widget_cannot_take_is_told_and_the_widget_keeps_its_own(
    mine: Room, theirs: Room, caplog: pytest.LogCaptureFixture
) -> None:
    loud = SharedState("volume", "loud", room=theirs)
    theirs.flush()
    knob = Knob(value=4)
    binding = bind(knob, room=mine)
    assert (knob.value, binding.state.value) == (4, "loud")
    said = f"Knob.value can't show the value of 'volume' in {mine.url}, 'loud': "
    assert binding.error is not None
    assert binding.error.startswith(said)
    assert caplog.messages == [binding.error]
    loud.value = 5
    come_true(mine, lambda: knob.value == 5)
    assert binding.error is None
    for value in ("soft", "softer"):
        loud.set(value).result()
        come_true(mine, lambda value=value: f"{value!r}:" in (binding.error or ""))
    assert len(caplog.messages) == 2, "said once, not for each value"


def test_a_value_of_which_the_widget_makes_another_is_told(
    mine: Room, caplog: pytest.LogCaptureFixture
) -> None:
    SharedState("n", 90, room=mine)
    slider = ipywidgets.IntSlider(max=10, description="n")
    binding = bind(slider, room=mine)
    assert (slider.value, binding.state.value) == (10, 90)
    assert "90: the widget makes 10 of it" in caplog.text
    choice = ipywidgets.Dropdown(options=["a", "b"], value="a", description="choice")
    SharedState("choice", "foo", room=mine)
    assert bind(choice, room=mine).error is not None
    assert choice.value == "a"


@pytest.mark.parametrize(
    ("make", "trait", "value"),
    [
        (lambda: ipywidgets.DatePicker(), "value", date(2024, 1, 1)),
        (lambda: ipywidgets.Dropdown(options=["a", "b"], value="b"), "value", "a"),
        (
            lambda: ipywidgets.Accordion([ipywidgets.Label(), ipywidgets.Label()]),
            "selected_index",
            1,
        ),
    ],
)
def test_none_is_a_value_as_any_other(
    mine: Room, theirs: Room, make: Callable[[], Any], trait: str, value: Any
) -> None:
    one, other = make(), make()
    bind(one, trait, "k", room=mine)
    mine.flush()
    bind(other, trait, "k", room=theirs)
    setattr(one, trait, value)
    come_true(theirs, lambda: getattr(other, trait) == value)
    setattr(one, trait, None)
    come_true(theirs, lambda: getattr(other, trait) is None)
    assert getattr(one, trait) is None


def test_a_key_that_is_deleted_leaves_the_widget_as_it_is(mine: Room, theirs: Room) -> None:
    knob = Knob(value=5)
    bind(knob, room=mine)
    mine.flush()
    theirs.delete("volume").result()
    mine.flush()
    assert knob.value == 5


@pytest.mark.parametrize("value", [np.ones(2), [1, [2]], {"a": np.array([float("nan")])}])
def test_observers_of_a_bound_trait_are_told_once(mine: Room, theirs: Room, value: Any) -> None:
    class Holder(HasTraits):
        value = TraitAny(np.zeros(2))

    one, other = Holder(), Holder()
    bind(one, key="k", room=mine)
    mine.flush()
    bind(other, key="k", room=theirs)
    told: list[list[Any]] = [[], []]
    one.observe(told[0].append, "value")
    other.observe(told[1].append, "value")
    one.value = value
    come_true(theirs, lambda: same(other.value, value))
    mine.flush()
    assert [len(each) for each in told] == [1, 1]


def test_what_somebody_sets_while_the_rooms_value_is_taken_is_shared(
    mine: Room, theirs: Room
) -> None:
    slider, taking, done = ipywidgets.IntSlider(), threading.Event(), threading.Event()
    binding = bind(slider, "value", "n", room=mine)
    mine.flush()

    def slow(change: Any) -> None:
        if change["new"] == 10:
            taking.set()
            done.wait(60)

    slider.observe(slow, "value")
    state = SharedState("n", room=theirs)
    state.value = 10
    assert taking.wait(60)
    slider.value = 20
    assert binding.state.value == 20
    done.set()
    come_true(theirs, lambda: state.value == 20)
    mine.flush()
    assert slider.value == 20


def test_two_widgets_that_nobody_named_share_no_key(mine: Room) -> None:
    slider, field = ipywidgets.IntSlider(value=3), ipywidgets.FloatText(value=50.5)
    binding = bind(slider, room=mine)
    with pytest.raises(ValueError, match="expected key= for a FloatText without a description"):
        bind(field, room=mine)
    assert (slider.value, field.value) == (3, 50.5)
    bind(slider, room=mine).unbind()
    binding.unbind()
    bind(field, room=mine)


def test_a_colour_by_its_name_is_shared_as_text(mine: Room) -> None:
    picker = ipywidgets.ColorPicker(value="red", description="ink")
    assert bind(picker, room=mine).state.control.kind is None
    picker = ipywidgets.ColorPicker(value="#ff0000", description="paper")
    assert bind(picker, room=mine).state.control.kind == "colour"


def test_a_page_shows_a_widget_as_it_shows_itself(mine: Room) -> None:
    slider = ipywidgets.IntSlider(max=10, description="n")
    choice = ipywidgets.Dropdown(options={"One": 1, "Two": 2}, description="which")
    empty = ipywidgets.Dropdown(options=[], description="empty")
    log = ipywidgets.FloatLogSlider(description="log")
    mine.bind({"n": slider, "which": choice, "empty": empty, "log": log, "knob": Knob()})
    mine.flush()
    told = mine.state("$meta/n").value["control"]
    assert (told["kind"], told["min"], told["max"], told["label"]) == ("slider", 0, 10, "n")
    told = mine.state("$meta/which").value["control"]
    assert (told["kind"], told["options"]) == ("dropdown", [["One", 1], ["Two", 2]])
    assert mine.state("$meta/log").value["control"]["max"] is None
    assert "$meta/knob" not in mine.keys("$meta/")
    slider.max, slider.description = 50, "many"
    choice.options = ["a"]
    mine.flush()
    told = mine.state("$meta/n").value["control"]
    assert (told["max"], told["label"]) == (50, "many")
    assert mine.state("$meta/which").value["control"]["options"] == [["a", "a"]]


def test_html_is_shared_with_a_room_that_is_trusted_alone(mine: Room, theirs: Room) -> None:
    SharedState("news", "<img src=x onerror=alert(1)>", room=theirs)
    theirs.flush()
    html = ipywidgets.HTML("calm")
    with pytest.raises(
        ValueError, match=r"expected trusted=True to share HTML\.value: it is shown as HTML"
    ):
        bind(html, "value", "news", room=mine)
    with pytest.raises(ValueError, match=r"expected trusted=True to share HTML\.value"):
        mine.bind({"news": html})
    with pytest.raises(ValueError, match=r"expected trusted=True to share HTML\.value"):
        bind_all({"news": html}, room=mine)
    html.value = "<b>mine</b>"
    mine.flush()
    assert theirs.state("news").value == "<img src=x onerror=alert(1)>", "nor is it given away"
    mine.bind({"news": html}, trusted=True)
    come_true(mine, lambda: html.value == "<img src=x onerror=alert(1)>")


def test_what_becomes_html_later_takes_nothing_more_from_the_room(mine: Room, theirs: Room) -> None:
    slider, state = ipywidgets.IntSlider(description="n"), SharedState("title", room=theirs)
    binding = bind(slider, "description", "title", room=mine)
    state.value = "<i>text</i>"
    come_true(mine, lambda: slider.description == "<i>text</i>")
    slider.description, slider.description_allow_html = "mine", True
    state.value = "<img src=x onerror=alert(1)>"
    come_true(mine, lambda: "it is shown as HTML" in (binding.error or ""))
    assert slider.description == "mine"


def test_choices_and_layouts_are_shared(mine: Room, theirs: Room) -> None:
    here, there = (ipywidgets.Dropdown(options=["a", "b"]) for _ in "12")
    bind(here, "options", "choices", room=mine)
    bind(there, "options", "choices", room=theirs)
    bind(here.layout, "width", "width", room=mine)
    bind(there.layout, "width", "width", room=theirs)
    here.options = [("one", 1), ("<b>two", 2)]
    here.layout.width = "50%"
    come_true(theirs, lambda: there.layout.width == "50%")
    come_true(theirs, lambda: there._options_labels == ("one", "<b>two"))
    there.value = 2
    assert there.label == "<b>two"


@pytest.mark.parametrize("trusted", [False, True])
def test_a_trait_that_holds_a_widget_is_refused(mine: Room, trusted: bool) -> None:
    box = ipywidgets.VBox([ipywidgets.IntSlider()])
    for trait in ("layout", "children"):
        with pytest.raises(ValueError, match=rf"got VBox\.{trait}, which holds another widget"):
            bind(box, trait, room=mine, trusted=trusted)
