"""The control that shows a widget of ipywidgets elsewhere as the widget shows itself."""

from __future__ import annotations

from typing import Any

from traitlets import HasTraits

from .control import is_colour

__all__ = ["look_of", "look_traits"]

# By the names of the classes: the client doesn't import ipywidgets.
_CONTROLS = {
    "BoundedFloatText": "number",
    "BoundedIntText": "number",
    "Checkbox": "toggle",
    "ColorPicker": "colour",
    "Combobox": "text",
    "DatePicker": "date",
    "DatetimePicker": "datetime",
    "Dropdown": "dropdown",
    "FloatLogSlider": "number",
    "FloatProgress": "slider",
    "FloatRangeSlider": "range",
    "FloatSlider": "slider",
    "FloatText": "number",
    "IntProgress": "slider",
    "IntRangeSlider": "range",
    "IntSlider": "slider",
    "IntText": "number",
    "NaiveDatetimePicker": "datetime",
    "Play": "slider",
    "RadioButtons": "radio",
    "Select": "dropdown",
    "SelectMultiple": "multiselect",
    "SelectionSlider": "dropdown",
    "Text": "text",
    "Textarea": "area",
    "TimePicker": "time",
    "ToggleButton": "toggle",
    "ToggleButtons": "radio",
}
_BOUNDED = ("number", "range", "slider")
_CHOSEN = ("dropdown", "multiselect", "radio")
_TRAITS = ("description", "max", "min", "options", "step")


def look_of(widget: HasTraits) -> dict[str, Any]:
    """Return the arguments of :class:`.SharedState` that say how a widget shows its value.

    Empty for a widget that is none of ipywidgets' controls.
    """
    name = _name_of(widget)
    if name is None:
        return {}
    control = _CONTROLS[name]
    look: dict[str, Any] = {"label": getattr(widget, "description", "") or None}
    if control in _BOUNDED and name != "FloatLogSlider":  # whose bounds are exponents
        step = getattr(widget, "step", None)
        look |= {"min": getattr(widget, "min", None), "max": getattr(widget, "max", None)}
        look["step"] = step if isinstance(step, (int, float)) and step > 0 else None
    if control in _CHOSEN:
        labels = getattr(widget, "_options_labels", ())
        values = getattr(widget, "_options_values", ())
        look["options"] = tuple(zip(labels, values, strict=False)) or None
    if control == "colour" and not is_colour(getattr(widget, "value", None)):
        return look  # a name, such as "red", which the control can't show
    if control not in _CHOSEN or look["options"]:
        look["control"] = control
    if name in ("FloatProgress", "IntProgress"):
        look["read_only"] = True
    return look


def look_traits(widget: HasTraits) -> list[str]:
    """Return the traits of a widget that its look follows from."""
    if _name_of(widget) is None:
        return []
    return [name for name in _TRAITS if widget.has_trait(name)]


def _name_of(widget: HasTraits) -> str | None:
    for kind in type(widget).__mro__:
        if kind.__module__.startswith("ipywidgets.") and kind.__name__ in _CONTROLS:
            return kind.__name__
    return None
