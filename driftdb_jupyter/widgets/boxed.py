"""Objects that ipywidgets take for widgets, so that boxes hold them."""

from __future__ import annotations

from typing import Any

from ipywidgets import DOMWidget

from .output import Kept

__all__ = ["Boxed"]


class Boxed:
    """An object that has a widget to show it, and stands for that in boxes.

    ipywidgets ask of a box's child that it is a :class:`~ipywidgets.Widget`, and what its model
    is. A sequence or a mapping can't be one: ``Widget.keys`` is a list of names.
    """

    def _widget(self) -> Any:
        raise NotImplementedError

    def _kept_view(self) -> Kept:
        """Return what a notebook keeps of the view, for where there is no kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        made = self._widget()._repr_mimebundle_()
        data: dict[str, Any] = made[0] if isinstance(made, tuple) else made
        return {**data, **self._kept_view().data, "text/plain": repr(self)}

    @property  # type: ignore[misc]  # as proxies have it; type() tells the truth
    def __class__(self) -> Any:
        return DOMWidget

    @property
    def model_id(self) -> str:
        """The id of the widget's model; asking for it makes the model."""
        model_id: str = self._widget().model_id
        return model_id

    @property
    def comm(self) -> Any:
        """The widget's comm."""
        return self._widget().comm

    @property
    def layout(self) -> Any:
        """The widget's :class:`~ipywidgets.Layout`; can be set to one, or to a dict."""
        return self._widget().layout

    @layout.setter
    def layout(self, layout: Any) -> None:
        self._widget().layout = layout

    def add_class(self, name: str) -> None:
        """Give the widget a CSS class."""
        self._widget().add_class(name)

    def remove_class(self, name: str) -> None:
        """Take a CSS class from the widget."""
        self._widget().remove_class(name)
