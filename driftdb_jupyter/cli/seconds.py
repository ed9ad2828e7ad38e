"""A length of time, as an option gives it."""

from __future__ import annotations

import threading
from math import isnan
from typing import Any

from traitlets import Float

__all__ = ["Seconds"]


class Seconds(Float[Any, Any]):
    """A trait: at least 0.1 s. What is longer than anybody can wait is as long as that."""

    def __init__(self, default: float | None, *, help: str) -> None:
        """``None``: there need be no value."""
        super().__init__(  # type: ignore[call-overload]
            default, allow_none=default is None, min=0.1, config=True, help=help
        )
        self.tag(metavar="SECONDS")

    def validate(self, obj: Any, value: Any) -> Any:
        """Refuse what is no number; see :class:`traitlets.Float`."""
        value = super().validate(obj, value)
        if isnan(value):
            self.error(obj, value)
        return min(value, threading.TIMEOUT_MAX)
