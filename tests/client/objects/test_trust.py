from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets
import pytest
from traitlets import Any as TraitAny
from traitlets import Bool, Dict, HasTraits, Int, List, Set, Tuple, Unicode, Union

from driftdb_jupyter.client.objects.trust import risk


class Gauge(anywidget.AnyWidget):
    """A widget whose view nobody knows."""

    _esm = "export default { render({ el, model }) { el.innerHTML = model.get('title') } }"
    number = Int(1).tag(sync=True)
    title = Unicode("").tag(sync=True)
    anything = TraitAny().tag(sync=True)
    numbers = List(Int()).tag(sync=True)
    untyped: List[object] = List().tag(sync=True)
    pair = Tuple(Int(), Int(), default_value=(1, 2)).tag(sync=True)
    mixed = Tuple(Int(), Unicode(), default_value=(1, "")).tag(sync=True)
    empty = Tuple().tag(sync=True)
    some = Set(Int()).tag(sync=True)
    counts = Dict(key_trait=Int(), value_trait=Int()).tag(sync=True)
    named = Dict(value_trait=Int()).tag(sync=True)
    either = Union([Int(), Bool()]).tag(sync=True)
    any_of = Union([Int(), Unicode()]).tag(sync=True)


class Disguised(ipywidgets.Text):  # type: ignore[misc]
    """A text field by its class, HTML by its view."""

    _view_name = Unicode("HTMLView").tag(sync=True)


class Elsewhere(ipywidgets.Text):  # type: ignore[misc]
    """A text field whose view is somebody else's."""

    _view_module = Unicode("mine").tag(sync=True)


class Shown(HasTraits):
    text = Unicode()

    def _repr_html_(self) -> str:
        return self.text


class Model(HasTraits):
    text = Unicode()
    anything = TraitAny()


def _dropdown() -> Any:
    return ipywidgets.Dropdown(options=["a", "<b>"])


def _picture(form: str) -> Callable[[], Any]:
    return lambda: ipywidgets.Image(format=form)


@pytest.mark.parametrize(
    ("make", "traits"),
    [
        (ipywidgets.IntSlider, "value min max description tooltip disabled"),
        (ipywidgets.FloatRangeSlider, "value"),
        (ipywidgets.Text, "value placeholder description"),
        (ipywidgets.Textarea, "value"),
        (ipywidgets.Password, "value"),
        (ipywidgets.Combobox, "value"),
        (ipywidgets.Label, "value"),
        (ipywidgets.TagsInput, "value"),
        (ipywidgets.ColorPicker, "value"),
        (ipywidgets.DatePicker, "value"),
        (ipywidgets.NaiveDatetimePicker, "value"),
        (ipywidgets.TimePicker, "value"),
        (ipywidgets.FileUpload, "value"),
        (ipywidgets.ToggleButton, "value button_style"),
        (ipywidgets.Tab, "selected_index titles"),
        (_dropdown, "value index label options"),
        (ipywidgets.Combobox, "options"),
        (ipywidgets.Layout, "width border_top grid_template_areas"),
        (_picture("png"), "value"),
        (Gauge, "number numbers pair some counts either"),
        (Model, "text anything"),
    ],
)
def test_no_value_of_these_runs(make: Callable[[], Any], traits: str) -> None:
    widget = make()
    assert [name for name in traits.split() if risk(widget, name) is not None] == []


@pytest.mark.parametrize(
    ("make", "traits"),
    [
        (ipywidgets.HTML, "value placeholder"),
        (ipywidgets.HTMLMath, "value"),
        (ipywidgets.Output, "outputs msg_id"),
        (ipywidgets.IntSlider, "description_allow_html readout_format layout style _view_name"),
        (ipywidgets.IntSlider, "_dom_classes _model_module"),
        (ipywidgets.VBox, "children"),
        (ipywidgets.Button, "icon"),
        (ipywidgets.DOMWidget, "tooltip"),
        (_dropdown, "_options_labels"),
        (_picture("url"), "value format"),
        (_picture("svg+xml"), "value"),
        (Gauge, "title anything untyped mixed empty named any_of _esm _css"),
        (Disguised, "value"),
        (Elsewhere, "value"),
        (Shown, "text"),
    ],
)
def test_a_value_of_these_may_run(make: Callable[[], Any], traits: str) -> None:
    widget = make()
    held = [name for name in traits.split() if widget.has_trait(name)]
    assert [name for name in held if risk(widget, name) is None] == []
    assert held


def test_a_description_is_markup_where_the_widget_says_so() -> None:
    slider = ipywidgets.IntSlider()
    assert risk(slider, "description") is None
    slider.description_allow_html = True
    assert risk(slider, "description") == "it is shown as HTML (description_allow_html)"


@pytest.mark.parametrize(
    ("make", "trait", "why"),
    [
        (ipywidgets.HTML, "value", "it is shown as HTML"),
        (ipywidgets.Button, "icon", "it isn't one of those that ipywidgets show as plain text"),
        (Gauge, "title", "nobody knows whether the widget's view shows it as HTML"),
        (Gauge, "_esm", "it is meant for the widget's own code in the browser"),
        (_picture("url"), "value", "it is loaded from the address that it holds"),
        (_picture("svg+xml"), "value", "a drawing (SVG) may hold scripts"),
        (Shown, "text", "it may be shown as HTML"),
    ],
)
def test_it_says_what_a_value_might_do(make: Callable[[], Any], trait: str, why: str) -> None:
    assert risk(make(), trait) == why
