from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import pytest
from traitlets import HasTraits, Int, List, TraitError, Tuple, Unicode

from driftdb_jupyter.client.objects.binding import bind, bind_all
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.room import Room

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
    bind(outputs[0], "outputs", room=mine)
    bind(outputs[1], "outputs", room=theirs)
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


def test_a_value_that_the_widget_cannot_take_is_an_error_at_once(mine: Room) -> None:
    SharedState("volume", "loud", room=mine)
    with pytest.raises(TraitError, match="expected an int"):
        bind(Knob(), room=mine)
