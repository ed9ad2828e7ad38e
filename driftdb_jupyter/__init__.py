"""Real-time rooms for Jupyter: values that notebooks, kernels and browsers share.

::

    from driftdb_jupyter import SharedState

    slider = SharedState("slider", 0, min=0, max=100)

Names are loaded when they are first asked for: importing the package alone imports neither
Tornado nor Jupyter.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .client.access import Access
    from .client.objects.binding import Binding, Bindings, bind, bind_all
    from .client.objects.dictionary import SharedDict
    from .client.objects.message import Message
    from .client.objects.presence import Person, Presence
    from .client.objects.pubsub import PubSub
    from .client.objects.reducer import SharedReducer
    from .client.objects.state import SharedState
    from .client.objects.stream.stream import Stream
    from .client.room import Room, room
    from .client.runtime.cells import keep_on_rerun
    from .client.runtime.subscribers import Subscription
    from .client.share import ShareLink
    from .client.tokens import create_token
    from .client.waiting.feed import Feed
    from .client.waiting.handle import Handle
    from .client.waiting.wait import Wait
    from .protocol.errors import (
        Away,
        BadMessage,
        BadSequence,
        Conflict,
        DriftDBError,
        EncodingError,
        Forbidden,
        NoServer,
        NotConnected,
        QueueFull,
        QuotaExceeded,
        RateExceeded,
        Refusal,
        RoomNotFound,
        TimedOut,
        TooLarge,
        Unavailable,
        Uncertain,
        Unreachable,
        WrongKind,
    )

__all__ = [
    "Access",
    "Away",
    "BadMessage",
    "BadSequence",
    "Binding",
    "Bindings",
    "Conflict",
    "DriftDBError",
    "EncodingError",
    "Feed",
    "Forbidden",
    "Handle",
    "Message",
    "NoServer",
    "NotConnected",
    "Person",
    "Presence",
    "PubSub",
    "QueueFull",
    "QuotaExceeded",
    "RateExceeded",
    "Refusal",
    "Room",
    "RoomNotFound",
    "ShareLink",
    "SharedDict",
    "SharedReducer",
    "SharedState",
    "Stream",
    "Subscription",
    "TimedOut",
    "TooLarge",
    "Unavailable",
    "Uncertain",
    "Unreachable",
    "Wait",
    "WrongKind",
    "__version__",
    "bind",
    "bind_all",
    "create_token",
    "keep_on_rerun",
    "room",
]

_MODULES = {
    "Access": ".client.access",
    "Binding": ".client.objects.binding",
    "Bindings": ".client.objects.binding",
    "Feed": ".client.waiting.feed",
    "Handle": ".client.waiting.handle",
    "Message": ".client.objects.message",
    "Person": ".client.objects.presence",
    "Presence": ".client.objects.presence",
    "PubSub": ".client.objects.pubsub",
    "Room": ".client.room",
    "ShareLink": ".client.share",
    "SharedDict": ".client.objects.dictionary",
    "SharedReducer": ".client.objects.reducer",
    "SharedState": ".client.objects.state",
    "Stream": ".client.objects.stream.stream",
    "Subscription": ".client.runtime.subscribers",
    "Wait": ".client.waiting.wait",
    "bind": ".client.objects.binding",
    "bind_all": ".client.objects.binding",
    "create_token": ".client.tokens",
    "keep_on_rerun": ".client.runtime.cells",
    "room": ".client.room",
}

# What a kernel's cells can show; its rooms make these, too.
_SHOWN = {
    "Chart": ".widgets.chart",
    "Presence": ".widgets.presence",
    "PubSub": ".widgets.pubsub",
    "SharedDict": ".widgets.dictionary",
    "SharedReducer": ".widgets.reducer",
    "SharedState": ".widgets.state",
    "Stream": ".widgets.stream",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, ".protocol.errors")
    if name in _MODULES:
        importlib.import_module(".client.room", __name__)  # a room that is found has all methods
        if _shows_widgets() and _loads_widgets():
            module = _SHOWN.get(name, module)
    return getattr(importlib.import_module(module, __name__), name)


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Tell Jupyter Server where the extension is."""
    from .server.jupyter.extension import DriftDBExtension

    return [{"module": "driftdb_jupyter", "app": DriftDBExtension}]


def __dir__() -> list[str]:
    return sorted(__all__)


def _shows_widgets() -> bool:
    """Return True in a process whose cells can show widgets: an IPython kernel, or marimo's."""
    ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(ipython, "kernel", None) is not None:
        return True
    return bool(getattr(sys.modules.get("marimo"), "running_in_notebook", bool)())


def _loads_widgets() -> bool:
    """Have rooms make what cells can show; return False where ipywidgets isn't installed."""
    from .client.objects.made import make

    try:
        for name, module in _SHOWN.items():
            make(getattr(importlib.import_module(module, __name__), name))
        importlib.import_module(".widgets.boxes", __name__).keep_boxes()
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets"):
            raise
        return False
    return True
