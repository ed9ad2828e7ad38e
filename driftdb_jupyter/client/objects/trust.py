"""Trust in who may write to a room: which traits of widgets nobody can make a script of.

A widget's view is code in a browser. Some views put a trait into the page as HTML, and what that
runs there may do all that the person may who looks at it: under Jupyter, run code. Which views do
can't be told from here, so what may hold text is shared untrusted only where the view is known.
"""

from __future__ import annotations

from typing import Any

import traitlets
from traitlets import HasTraits

__all__ = ["risk"]

_CONTROLS = "@jupyter-widgets/controls"
_LAYOUT = ("@jupyter-widgets/base", "LayoutView")
_CHOICE = ("value", "index", "label", "options")
_FIELD = ("value", "placeholder")
# What the views of ipywidgets show as text, as an attribute or not at all; read in their source.
_TEXTS = {
    "AccordionView": ("titles",),
    "ComboboxView": (*_FIELD, "options"),
    "DropdownView": _CHOICE,
    "FileUploadView": ("value",),
    "LabelView": _FIELD,
    "PasswordView": _FIELD,
    "RadioButtonsView": _CHOICE,
    "SelectMultipleView": _CHOICE,
    "SelectView": _CHOICE,
    "SelectionRangeSliderView": _CHOICE,
    "SelectionSliderView": _CHOICE,
    "TabView": ("titles",),
    "TagsInputView": _FIELD,
    "TextView": _FIELD,
    "TextareaView": _FIELD,
    "ToggleButtonsView": _CHOICE,
}
_HTML = ("HTMLMathView", "HTMLView", "OutputView")
_MEDIA = ("AudioView", "ImageView", "VideoView")
_NUMBERS = (traitlets.Int, traitlets.Float, traitlets.Complex, traitlets.Bool)
# Of ipywidgets, which the client doesn't import: their values are dates, or held to a pattern.
_CHECKED = ("Color", "Date", "Datetime", "Time", "NaiveDatetime")
_SHOWN_BY = ("_ipython_display_", "_repr_html_", "_repr_javascript_", "_repr_mimebundle_")


def risk(widget: HasTraits, trait: str) -> str | None:
    """Return why a browser may run what somebody writes into a trait; ``None``: it never does.

    That is text in a view that may put it into the page as HTML, load it as an address or run it,
    and what makes text HTML (``description_allow_html``). Never so are traits of numbers, dates and
    fixed choices, what ipywidgets are known to show as text or as a style, and objects without a
    view.
    """
    if trait.startswith("_"):
        return "it is meant for the widget's own code in the browser"
    if trait.endswith("_allow_html"):
        return "it makes HTML of text"
    if _is_checked(widget.traits()[trait]):
        return None
    if not widget.has_trait("_model_module"):
        shown = any(hasattr(type(widget), name) for name in _SHOWN_BY)
        return "it may be shown as HTML" if shown else None
    module, view = getattr(widget, "_view_module", None), getattr(widget, "_view_name", None)
    if (module, view) == _LAYOUT:
        return None  # each is one property of a style, and none of them takes an address
    if module != _CONTROLS:
        return "nobody knows whether the widget's view shows it as HTML"
    if trait == "description":
        allowed = getattr(widget, "description_allow_html", False)
        return "it is shown as HTML (description_allow_html)" if allowed else None
    if view in _MEDIA and trait == "value":
        # As bytes they are shown from memory. A drawing may hold scripts, which run where it is
        # opened by itself.
        form = str(getattr(widget, "format", ""))
        if form.startswith("url"):
            return "it is loaded from the address that it holds"
        return "a drawing (SVG) may hold scripts" if form.startswith("svg") else None
    if trait in (*_TEXTS.get(str(view), ()), "tooltip"):
        return None
    if view in _HTML:
        return "it is shown as HTML"
    return "it isn't one of those that ipywidgets show as plain text"


def _is_checked(trait: object) -> bool:
    """Return True if a trait takes nothing but numbers, dates and what its widget's maker wrote."""
    if isinstance(trait, (*_NUMBERS, traitlets.Enum, traitlets.UseEnum)):
        return True
    if type(trait).__name__ in _CHECKED and type(trait).__module__.startswith("ipywidgets."):
        return True
    if isinstance(trait, traitlets.Union):
        return all(map(_is_checked, trait.trait_types))
    parts: list[Any] = []
    if isinstance(trait, traitlets.Tuple):
        parts = list(trait._traits)
    elif isinstance(trait, traitlets.Container):
        parts = [trait._trait]
    elif isinstance(trait, traitlets.Dict):
        parts = [trait._key_trait, trait._value_trait]
    return bool(parts) and all(map(_is_checked, parts))
