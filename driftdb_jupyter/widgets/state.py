"""A shared state as a control in a cell."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy
from typing import Any as AnyValue

from anywidget import AnyWidget
from ipywidgets import Layout, ValueWidget, Widget, widget_serialization
from traitlets import Instance, TraitType, Unicode, default

from ..client.objects import state
from ..client.objects.chart import ChartStyle
from ..client.runtime.cells import cells
from ..protocol.json_text import read_json
from .bundle import STYLE, bundle, code
from .output import Kept, kept
from .readable import read
from .table import table
from .tunnel import carry
from .view import kept_view, server_of

__all__ = ["SharedState"]

# Who has the model of each place. A model lives until it is closed, because a page that is loaded
# again asks the kernel for it.
_shown: dict[Hashable, SharedState] = {}


class SharedState(state.SharedState, AnyWidget, ValueWidget):  # type: ignore[misc]
    """A :class:`driftdb_jupyter.SharedState` that a cell shows as a control.

    The control's front end joins the room by itself: the value doesn't go through the kernel.
    Its model (a comm) is made when it is first shown, so that an object which never is costs
    nothing beyond the client's own; one that was shown lives until :meth:`close`, or until the
    one is shown that its cell makes in its place when it is run again.

    It goes where ipywidgets' own widgets go: into boxes, ``link`` and ``interact``. ``layout``,
    ``tooltip`` and ``tabbable`` are those of every widget there; ``jslink`` doesn't know the value
    (``link`` does), because it is not in the model but in the room.
    """

    _esm = Unicode().tag(sync=True)
    _css = Unicode(STYLE).tag(sync=True)
    _bundle = Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)
    _hash = Unicode().tag(sync=True)
    _kind = Unicode("state").tag(sync=True)

    _server = Unicode(help="The server's root: a path on the page's own, or a URL.").tag(sync=True)
    _room = Unicode().tag(sync=True)
    _key = Unicode().tag(sync=True)
    # As text: a browser's JSON.parse rounds integers beyond 2^53.
    _initial = Unicode(
        None, allow_none=True, help="The JSON text of the value when it was shown."
    ).tag(sync=True)
    _control = Unicode(help="What the author asked for, as JSON text.").tag(sync=True)

    _settable = (*state.SharedState._settable, "layout", "tooltip", "tabbable")
    _constructed = False
    _own_layout: AnyValue = None

    @default("layout")
    def _plain_layout(self) -> Layout:
        self._own_layout = Layout()
        return self._own_layout

    @default("_esm")
    def _code_of_front_end(self) -> str:
        return code()

    def __init__(
        self,
        *args: AnyValue,
        layout: Layout | Mapping[str, AnyValue] | None = None,
        tooltip: str | None = None,
        tabbable: bool | None = None,
        **kwargs: AnyValue,
    ) -> None:
        super().__init__(*args, **kwargs)
        if layout is not None:
            self.layout = layout
            if not isinstance(layout, Layout):
                self._own_layout = self.layout
        self.tooltip, self.tabbable = tooltip, tabbable
        self._place = cells.place(self._topic)
        self._server = server_of(self)
        self._room = self.room.name
        self._control = self.control.text()
        self._constructed = True
        if self.comm is not None:  # marimo makes every widget's model at once
            self._furnish()

    def traits(self, **metadata: AnyValue) -> dict[str, TraitType[AnyValue, AnyValue]]:
        """Return the traits; see :meth:`traitlets.HasTraits.traits`."""
        found: dict[str, TraitType[AnyValue, AnyValue]] = super().traits(**metadata)
        if not metadata:
            for name in ("value", *self._given):
                if name in found:
                    found[name] = copy(found[name])
                    found[name].metadata = _InTheRoom(found[name].metadata)
        return found

    def _ask(self, changes: Mapping[str, AnyValue], *, value: AnyValue = None) -> None:
        super()._ask(changes, value=value)
        self._control = self.control.text()

    def open(self) -> None:
        """Make the model, if there is none; showing it does so.

        The one that its cell made in the same place when it was run before hands its model on:
        so a cell that is run again costs nothing, and its older outputs are live and look as the
        newest. Outside of cells one that looks the same does.
        """
        if not self._constructed or self.comm is not None:
            return
        self._furnish()
        place = self._place or repr((self.room.url, self.key, self._control))
        before = _shown.get(place)
        if before is None or before.comm is None:
            super().open()
        else:
            self._succeed(before)
        _shown[place] = self
        self._describe()

    def _succeed(self, before: SharedState) -> None:
        """Take another's model, and tell the page what is different now."""
        model, theirs = before.comm, before._own_layout
        if theirs is not None and theirs is not before.layout:
            theirs = None
        if theirs is not None and "layout" not in self._trait_values and _is_plain(theirs):
            self.layout = self._own_layout = theirs
        old, new = before.get_state(), self.get_state()
        before.set_trait("comm", None)
        before._model_id = None
        self.set_trait("comm", model)
        self.send_state([name for name in new if name not in old or old[name] != new[name]])
        if theirs is not None and theirs is not self.layout:
            theirs.close()

    def _furnish(self) -> None:
        """Give the front end the room's value as it is now, and its code."""
        kept = self._kept()
        self._initial = None if kept is None else kept.decode()
        self._bundle = bundle()
        self._hash = "" if self._bundle is None else self._bundle.hash

    def _repr_mimebundle_(self, **options: AnyValue) -> tuple[dict[str, AnyValue], AnyValue] | None:
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        return {**made[0], **self._kept_view().data}, made[1]

    def _kept_view(self) -> Kept:
        shown = self._replica.shown
        rows = None
        if shown is None:
            text = "no value yet"
        elif self.control.kind == "file":
            text = f"a file's value of {len(shown)} bytes"
        else:
            value = read_json(shown)
            text, rows = read(value), table(value)
        kept_text = self._kept()
        told = {
            "server": self._server,
            "room": self._room,
            "key": self._key,
            "kind": self._kind,
            "control": self._control,
            "remembered": None if kept_text is None else kept_text.decode(),
        }
        label = self.control.label or self.key
        return kept(told, label=label, text=text, table=rows)

    def _chart_options(self, style: ChartStyle) -> dict[str, AnyValue]:
        """Return how a front end is to show it as a chart that looks so."""
        return {"label": self.control.label, "chart": style.members()}

    def _kept_chart(self, style: ChartStyle) -> Kept:
        """Return what a notebook keeps of such a chart."""
        shown = self._replica.shown
        value = None if shown is None else read_json(shown)
        text = "no value yet" if shown is None else read(value)
        kept_text = self._kept()
        return kept_view(
            self,
            "chart",
            text,
            table=None if shown is None else table(value),
            remembered=None if kept_text is None else kept_text.decode(),
            **self._chart_options(style),
        )

    def _kept(self) -> bytes | None:
        """Return the value's JSON text, where a notebook may keep it; it is not to hold files."""
        shown = self._replica.shown
        limit = self.room.connection.settings.notebook_limit_bytes
        if shown is None or len(shown) > limit or self.control.kind == "file":
            return None
        return shown

    def _handle_custom_msg(self, content: AnyValue, buffers: AnyValue) -> None:
        carry(content, self.comm, self.room.connection)
        super()._handle_custom_msg(content, buffers)

    @property
    def model_id(self) -> str:
        """The model's id; asking for it makes the model."""
        if self._model_id is None:
            self.open()
        model_id: str = super().model_id
        return model_id

    def close(self) -> None:
        """Hear of the value no more, and take the control out of the page."""
        super().close()
        AnyWidget.close(self)
        for place in [place for place, widget in _shown.items() if widget is self]:
            del _shown[place]

    def __del__(self) -> None:
        """Do nothing: there is no model to close, and a finalizer must wait for no lock."""


class _InTheRoom(dict[str, AnyValue]):
    """The metadata of a trait that is not in the model, so that front ends can't link it."""

    def get(self, name: str, otherwise: AnyValue = None) -> AnyValue:
        """Return what :meth:`dict.get` does; raises :class:`TypeError` where ``jslink`` asks."""
        if name == "sync":
            raise TypeError(
                "jslink() and jsdlink() can't link a SharedState, whose value is in its room and "
                "not in the widget's model: use link() or dlink()"
            )
        return super().get(name, otherwise)


def _is_plain(layout: Layout) -> bool:
    """Return True if a layout says nothing."""
    return all(getattr(layout, name) is None for name in layout.keys if name[0] != "_")
