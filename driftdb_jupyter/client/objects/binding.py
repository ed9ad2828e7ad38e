"""A trait of any widget, shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import HasTraits

from ..base_room import BaseRoom
from .state import SharedState

__all__ = ["Binding", "Bindings", "bind", "bind_all"]


class Binding:
    """Keeps a widget's trait and a shared state equal, until :meth:`unbind`.

    What comes from the room is never written back to it, not even if the widget makes something
    else of it (a slider holds a value within its bounds): so two widgets can't disagree for ever.
    """

    def __init__(self, widget: HasTraits, trait: str, state: SharedState) -> None:
        self.widget = widget
        self.trait = trait
        self.state = state
        self._taking = False
        if state.value is not None:
            self._take(state.value)
        widget.observe(self._send, trait)
        state.observe(self._heard)

    def unbind(self) -> None:
        """Share the trait no more; both keep the values that they have."""
        self.widget.unobserve(self._send, self.trait)
        self.state.unobserve(self._heard)
        self.state.close()

    def __enter__(self) -> Binding:
        return self

    def __exit__(self, *_: object) -> None:
        self.unbind()

    def __repr__(self) -> str:
        return f"<Binding of {type(self.widget).__name__}.{self.trait} to {self.state!r}>"

    def _send(self, change: Any) -> None:
        if not self._taking:
            self.state.value = change["new"]

    def _heard(self, change: Any) -> None:
        if change["new"] is not None:
            self._take(change["new"])

    def _take(self, value: Any) -> None:
        present = getattr(self.widget, self.trait)
        if isinstance(present, tuple) and isinstance(value, list):
            value = tuple(value)  # JSON knows lists alone
        self._taking = True
        try:
            setattr(self.widget, self.trait, value)
        finally:
            self._taking = False


class Bindings(list[Binding]):
    """Several bindings, to be ended at once."""

    def unbind(self) -> None:
        """Share the traits no more."""
        for binding in self:
            binding.unbind()
        self.clear()

    def __enter__(self) -> Bindings:
        return self

    def __exit__(self, *_: object) -> None:
        self.unbind()


def bind(
    widget: HasTraits,
    trait: str = "value",
    key: str | None = None,
    *,
    room: str | BaseRoom | None = None,
    url: str | None = None,
    throttle_seconds: float = 0.0,
    timeout_seconds: float = 10.0,
) -> Binding:
    """Share a trait of a widget: any trait of any widget, of ipywidgets, anywidget or others.

    ``key`` is its name in the room, without one the widget's description, else the trait. The
    room's value goes into the widget; a room that has none yet gets the widget's.

    ::

        slider = ipywidgets.IntSlider(description="speed")
        bind(slider)

    Raises what :class:`~driftdb_jupyter.SharedState` does,
    :class:`~traitlets.TraitError` for a value of the room that the widget doesn't take, and
    :class:`ValueError` for a trait that it hasn't got.
    """
    if not widget.has_trait(trait):
        raise ValueError(
            f"expected a trait of {type(widget).__name__} "
            f"({', '.join(sorted(name for name in widget.trait_names() if name[0] != '_'))}), "
            f"got {trait!r}"
        )
    if key is None:
        key = getattr(widget, "description", "") or trait
    state = SharedState(
        key,
        getattr(widget, trait),
        room=room,
        url=url,
        throttle_seconds=throttle_seconds,
        timeout_seconds=timeout_seconds,
    )
    return Binding(widget, trait, state)


def bind_all(
    widgets: Mapping[str, HasTraits | tuple[HasTraits, str]],
    *,
    trait: str = "value",
    room: str | BaseRoom | None = None,
    url: str | None = None,
) -> Bindings:
    """Share many widgets, each under its key; all or none (see :func:`bind`, and its errors).

    ``{"speed": slider, "tab": (tabs, "selected_index")}``: the trait is ``trait`` where none is
    given.
    """
    if not isinstance(widgets, Mapping):
        raise TypeError(
            f"expected widgets by their keys, got one {type(widgets).__name__}: "
            "bind(widget, room=…) shares that"
        )
    bindings = Bindings()
    try:
        for key, given in widgets.items():
            widget, name = given if isinstance(given, tuple) else (given, trait)
            bindings.append(bind(widget, name, key, room=room, url=url))
    except BaseException:
        bindings.unbind()
        raise
    return bindings
