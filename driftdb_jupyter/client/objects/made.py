"""The classes that a room's methods make."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["class_of", "make"]

# The client's own, loaded when they are first asked for.
_MODULES = {
    "Chart": ".chart",
    "Presence": ".presence",
    "PubSub": ".pubsub",
    "SharedDict": ".dictionary",
    "SharedReducer": ".reducer",
    "SharedState": ".state",
    "Stream": ".stream.stream",
}
_others: dict[str, type[Any]] = {}


def make(other: type[Any]) -> None:
    """Have rooms make objects of another class in the place of the client's own of that name."""
    _others[other.__name__] = other


def class_of(name: str) -> type[Any]:
    """Return the class of that name which rooms make objects of."""
    found: type[Any] | None = _others.get(name)
    return found or getattr(import_module(_MODULES[name], __package__), name)
