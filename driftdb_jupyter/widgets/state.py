"""A shared state as a control in a cell."""

from __future__ import annotations

from typing import Any as AnyValue

from anywidget import AnyWidget
from ipywidgets import Widget, widget_serialization
from traitlets import Any, Dict, Instance, Unicode, default

from ..client.objects import state
from ..protocol.json_text import read_json
from .bundle import STYLE, bundle, code
from .output import kept, read
from .table import table
from .tunnel import carry
from .view import server_of

__all__ = ["SharedState"]

# A model lives until it is closed, for a page that is loaded again asks the kernel for it.
_shown: dict[str, SharedState] = {}


class SharedState(state.SharedState, AnyWidget):
    """A :class:`driftdb_jupyter.SharedState` that a cell shows as a control.

    The control's front end joins the room by itself: the value doesn't go through the kernel.
    Its model (a comm) is made when it is first shown, so that an object which never is costs
    nothing beyond the client's own; one that was shown lives until :meth:`close`, or until another
    that looks the same is shown.
    """

    _esm = Unicode().tag(sync=True)
    _css = Unicode(STYLE).tag(sync=True)
    _bundle = Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)
    _hash = Unicode().tag(sync=True)
    _kind = Unicode("state").tag(sync=True)

    _server = Unicode(help="The server's root: a path on the page's own, or a URL.").tag(sync=True)
    _room = Unicode().tag(sync=True)
    _key = Unicode().tag(sync=True)
    _initial = Any(None, allow_none=True, help="The value when it was shown.").tag(sync=True)
    _control = Dict().tag(sync=True)

    _constructed = False

    @default("_esm")
    def _code_of_front_end(self) -> str:
        return code()

    def __init__(self, *args: AnyValue, **kwargs: AnyValue) -> None:
        super().__init__(*args, **kwargs)
        self._server = server_of(self)
        self._room = self.room.name
        self._control = self.control.told()
        self._constructed = True
        if self.comm is not None:  # marimo makes every widget's model at once
            self._furnish()

    @property
    def disabled(self) -> bool:
        """Whether the control is greyed out; may be set while it is shown."""
        return self.control.disabled

    @disabled.setter
    def disabled(self, disabled: bool) -> None:
        self._ask(disabled=disabled)

    @property
    def read_only(self) -> bool:
        """Whether nobody can change the value there; may be set while it is shown."""
        return self.control.read_only

    @read_only.setter
    def read_only(self, read_only: bool) -> None:
        self._ask(read_only=read_only)

    def _ask(self, **changes: bool) -> None:
        self._asked = self.control.but(**changes)
        self._control = self.control.told()
        if self.comm is not None:
            self._describe()

    def open(self) -> None:
        """Make the model, if there is none; showing it does so.

        One that looks the same, as of a cell that was run before, hands its model on: so a cell
        that is run again costs nothing, and its older outputs stay live.
        """
        if not self._constructed or self.comm is not None:
            return
        self._furnish()
        looks = repr((self.room.url, self.key, self._control))
        before = _shown.get(looks)
        if before is None or before.comm is None:
            super().open()
        else:
            model = before.comm
            before.set_trait("comm", None)
            before._model_id = None
            self.set_trait("comm", model)
            self.send_state("_initial")
        _shown[looks] = self
        self._describe()

    def _furnish(self) -> None:
        """Give the front end the room's value as it is now, and its code."""
        shown = self._replica.shown
        self._initial = None if shown is None else read_json(shown)
        self._bundle = bundle()
        self._hash = "" if self._bundle is None else self._bundle.hash

    def _repr_mimebundle_(self, **options: AnyValue) -> tuple[dict[str, AnyValue], AnyValue] | None:
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        shown = self._replica.shown
        value = None if shown is None else read_json(shown)
        told = {
            "server": self._server,
            "room": self._room,
            "key": self._key,
            "kind": self._kind,
            "control": self._control,
            "remembered": value,
        }
        label = self._control["label"] or self.key
        return {**made[0], **kept(told, label=label, text=read(value), table=table(value))}, made[1]

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
        for looks in [looks for looks, widget in _shown.items() if widget is self]:
            del _shown[looks]

    def __del__(self) -> None:
        """Do nothing: there is no model to close, and a finalizer must wait for no lock."""
