"""A trait of any widget, shared."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from traitlets import HasTraits

from ...protocol.errors import EncodingError
from ..arguments import got
from ..base_room import BaseRoom
from ..connection.connection import Connection
from ..runtime.cells import cells
from ..values.encoding import same
from .look import look_of, look_traits
from .shared import brief
from .state import SharedState
from .trust import risk

__all__ = ["Binding", "Bindings", "bind", "bind_all"]

_log = logging.getLogger("driftdb_jupyter")

# Which widgets without a description have a key that nobody chose.
_undescribed: WeakKeyDictionary[Connection, WeakValueDictionary[str, Binding]]
_undescribed = WeakKeyDictionary()


class Binding:
    """Keeps a widget's trait and a shared state equal, until :meth:`unbind`.

    What comes from the room is never written back to it, not even if the widget makes something
    else of it (a slider holds a value within its bounds): so two widgets can't disagree for ever.
    A value that the widget doesn't take as it is, is logged, and :attr:`error` says so.

    Made in a notebook's cell, it ends when that cell is run again
    (:func:`~driftdb_jupyter.keep_on_rerun`).
    """

    def __init__(
        self, widget: HasTraits, trait: str, state: SharedState, *, trusted: bool = False
    ) -> None:
        self.widget = widget
        self.trait = trait
        self.state = state
        self.trusted = trusted
        """Whether everybody who may write to the room may run scripts where the widget is seen."""
        self.error: str | None = None
        """Why the widget doesn't show the room's value; ``None``: it does."""
        self._taking: int | None = None
        self._bound = True
        self._take()
        widget.observe(self._send, trait)
        self._looks = look_traits(widget) if trait == "value" else []
        if self._looks:
            widget.observe(self._look, self._looks)
        state.observe(self._heard)
        cells.own(state._topic, self)

    def unbind(self) -> None:
        """Share the trait no more; both keep the values that they have."""
        if not self._bound:
            return
        self._bound = False
        self.widget.unobserve(self._send, self.trait)
        if self._looks:
            self.widget.unobserve(self._look, self._looks)
        self.state.close()

    def end(self) -> None:
        """Share the trait no more."""
        self.unbind()

    def __enter__(self) -> Binding:
        return self

    def __exit__(self, *_: object) -> None:
        self.unbind()

    def __repr__(self) -> str:
        return f"<Binding of {self._name} to {self.state!r}>"

    @property
    def _name(self) -> str:
        return f"{type(self.widget).__name__}.{self.trait}"

    def _send(self, change: Any) -> None:
        # On another thread it is somebody else's change, also while this takes the room's.
        if self._taking != threading.get_ident():
            self.state.value = change["new"]

    def _look(self, _: Any) -> None:
        with contextlib.suppress(ValueError):  # a look that only this widget has
            self.state._ask(look_of(self.widget))

    def _heard(self, _: Any) -> None:
        self._take()

    def _take(self) -> None:
        """Give the widget the room's value, unless it has it, or the room has none."""
        while True:
            shown = self.state._replica.shown
            if shown is None or shown == self._encoded():
                self.error = None
                return
            value = self.state._decode(shown)
            if not self.trusted and (why := risk(self.widget, self.trait)) is not None:
                self._complain(value, f"{why}, and the room isn't trusted")
                return
            present = getattr(self.widget, self.trait)
            if isinstance(present, tuple) and isinstance(value, list):
                value = tuple(value)  # JSON knows lists alone
            self._taking = threading.get_ident()
            try:
                setattr(self.widget, self.trait, value)
            except Exception as error:
                self._complain(value, str(error))
            else:
                made = getattr(self.widget, self.trait)
                if same(made, value) or self.state._replica.shown != shown:
                    self.error = None
                else:
                    self._complain(value, f"the widget makes {brief(made)} of it")
            finally:
                self._taking = None
            if self.state._replica.shown == shown:
                return

    def _complain(self, value: Any, why: str) -> None:
        before = self.error
        why = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in why)
        self.error = (
            f"{self._name} can't show the value of {self.state.key!r} in {self.state.room.url}, "
            f"{brief(value, 100)}: {why[:300]}"
        )
        if before is None:  # once, and not for each value of a drag
            _log.warning("%s", self.error)

    def _encoded(self) -> bytes | None:
        """Return the widget's value, encoded as the room has it."""
        try:
            return self.state._encode(getattr(self.widget, self.trait))
        except EncodingError:
            return None


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
    trusted: bool = False,
    throttle_seconds: float = 0.0,
    timeout_seconds: float = 10.0,
) -> Binding:
    """Share a trait of a widget: any trait of any widget, of ipywidgets, anywidget or others.

    ``key`` is its name in the room, without one the widget's description, else the trait's name.
    The room's value goes into the widget; a room that has none yet gets the widget's. A value of
    the room that the widget doesn't take stays there, and the widget keeps its own
    (:attr:`Binding.error`). The room's page shows ipywidgets' controls with their range, options
    and description.

    ::

        slider = ipywidgets.IntSlider(description="speed")
        bind(slider)

    ``trusted``: share also what may hold HTML or scripts, as ``ipywidgets.HTML``, outputs and the
    text of widgets whose views aren't known. Who may write to the room may then do what every
    person may who sees the widget, under Jupyter run code.

    Raises what :class:`~driftdb_jupyter.SharedState` does, and :class:`ValueError` for a trait
    that the widget hasn't got, that holds other widgets, or that may hold HTML and isn't
    ``trusted``, and where ``key`` is left out for a second widget without a description: the two
    would be one.
    """
    if not isinstance(widget, HasTraits):
        raise TypeError(f"expected a widget, got {got(widget)}")
    if not widget.has_trait(trait):
        raise ValueError(
            f"expected a trait of {type(widget).__name__} "
            f"({', '.join(sorted(name for name in widget.trait_names() if name[0] != '_'))}), "
            f"got {trait!r}"
        )
    if _holds_widgets(getattr(widget, trait)):
        raise ValueError(
            f"expected a trait that holds a value, got {type(widget).__name__}.{trait}, which holds"
            ' another widget: share the traits of that one, such as bind(widget.layout, "width")'
        )
    if not trusted and (why := risk(widget, trait)) is not None:
        raise ValueError(
            f"expected trusted=True to share {type(widget).__name__}.{trait}: {why}, so whoever may"
            " write to the room might run code where the widget is seen; without it numbers, "
            "choices, layouts, and text in ipywidgets' Label and Text can be shared"
        )
    described = key is not None or bool(getattr(widget, "description", ""))
    if key is None:
        key = getattr(widget, "description", "") or trait
    state = SharedState(
        key,
        getattr(widget, trait),
        room=room,
        url=url,
        throttle_seconds=throttle_seconds,
        timeout_seconds=timeout_seconds,
        **(look_of(widget) if trait == "value" else {}),
    )
    if described:
        return Binding(widget, trait, state, trusted=trusted)
    others = _undescribed.setdefault(state.room.connection, WeakValueDictionary())
    other = others.get(key)
    if other is not None and other._bound and (other.widget, other.trait) != (widget, trait):
        state.close()
        raise ValueError(
            f"expected key= for a {type(widget).__name__} without a description: "
            f"{key!r} is the key of another such widget already"
        )
    binding = others[key] = Binding(widget, trait, state, trusted=trusted)
    return binding


def _holds_widgets(value: object) -> bool:
    parts = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(parts, HasTraits):
        return True
    return isinstance(parts, (list, tuple)) and any(isinstance(each, HasTraits) for each in parts)


def bind_all(
    widgets: Mapping[str, HasTraits | tuple[HasTraits, str]],
    *,
    trait: str = "value",
    room: str | BaseRoom | None = None,
    url: str | None = None,
    trusted: bool = False,
) -> Bindings:
    """Share many widgets, each under its key; all or none (see :func:`bind`, and its errors).

    ``{"speed": slider, "tab": (tabs, "selected_index")}``: the trait is ``trait`` where none is
    given, and ``trusted`` goes for all of them.
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
            bindings.append(bind(widget, name, key, room=room, url=url, trusted=trusted))
    except BaseException:
        bindings.unbind()
        raise
    return bindings
