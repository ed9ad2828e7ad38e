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
    from .client.binding import Binding, Bindings, bind, bind_all
    from .client.dictionary import SharedDict
    from .client.feed import Feed
    from .client.handle import Handle
    from .client.message import Message
    from .client.presence import Person, Presence
    from .client.pubsub import PubSub
    from .client.reducer import SharedReducer
    from .client.room import Room, room
    from .client.state import SharedState
    from .client.stream import Stream
    from .client.subscribers import Subscription
    from .client.wait import Wait
    from .protocol.errors import (
        DriftDBError,
        EncodingError,
        Forbidden,
        NoServer,
        NotConnected,
        QueueFull,
        Refusal,
        RoomNotFound,
        TimedOut,
        TooLarge,
        Uncertain,
        Unreachable,
    )

__all__ = [
    "Binding",
    "Bindings",
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
    "Refusal",
    "Room",
    "RoomNotFound",
    "SharedDict",
    "SharedReducer",
    "SharedState",
    "Stream",
    "Subscription",
    "TimedOut",
    "TooLarge",
    "Uncertain",
    "Unreachable",
    "Wait",
    "__version__",
    "bind",
    "bind_all",
    "room",
]

_MODULES = {
    "Binding": ".client.binding",
    "Bindings": ".client.binding",
    "Feed": ".client.feed",
    "Handle": ".client.handle",
    "Message": ".client.message",
    "Person": ".client.presence",
    "Presence": ".client.presence",
    "PubSub": ".client.pubsub",
    "Room": ".client.room",
    "SharedDict": ".client.dictionary",
    "SharedReducer": ".client.reducer",
    "SharedState": ".client.state",
    "Stream": ".client.stream",
    "Subscription": ".client.subscribers",
    "Wait": ".client.wait",
    "bind": ".client.binding",
    "bind_all": ".client.binding",
    "room": ".client.room",
}

# What a kernel's cells can show.
_SHOWN = {
    "Presence": ".widgets.presence",
    "PubSub": ".widgets.pubsub",
    "SharedState": ".widgets.state",
    "Stream": ".widgets.stream",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, ".protocol.errors")
    if name in _SHOWN and _shows_widgets():
        try:
            return getattr(importlib.import_module(_SHOWN[name], __name__), name)
        except ModuleNotFoundError as error:
            if error.name not in ("anywidget", "ipywidgets"):
                raise
    return getattr(importlib.import_module(module, __name__), name)


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter Server finds the extension."""
    from .server.extension import DriftDBExtension

    return [{"module": "driftdb_jupyter", "app": DriftDBExtension}]


def __dir__() -> list[str]:
    return sorted(__all__)


def _shows_widgets() -> bool:
    """Whether this is a process whose cells can show widgets: an IPython kernel, or marimo's."""
    ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(ipython, "kernel", None) is not None:
        return True
    return bool(getattr(sys.modules.get("marimo"), "running_in_notebook", bool)())
