"""Objects whose view has a heading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..arguments import check_text
from .describe import describe
from .shared import Shared

__all__ = ["Labelled"]


class Labelled(Shared):
    """An object with a :attr:`label`, which the room is told."""

    _kind: ClassVar[str]
    _settable: ClassVar[Sequence[str]] = ("label",)
    _label: str | None = None

    @property
    def label(self) -> str | None:
        """The text above its view in place of the key, wherever it is shown from now on."""
        return self._label

    @label.setter
    def label(self, label: str | None) -> None:
        check_text("label", label)
        if label != self._label:
            self._label = label
            self._describe("label")

    def _describe(self, *said: str) -> None:
        describe(self, self._kind, label=self._label, said=said)
