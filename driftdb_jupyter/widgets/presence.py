"""Who is here, as a cell shows it."""

from __future__ import annotations

from typing import Any

from ..client.objects import presence
from .view import shown

__all__ = ["Presence"]


class Presence(presence.Presence):
    """A :class:`driftdb_jupyter.Presence` that a cell shows as avatars.

    ``label`` stands above them in place of the key. A value's ``name`` is shown where the
    server's authentication knows none, its ``colour`` always.
    """

    def __init__(self, *args: Any, label: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label = label
        """What stands above the avatars."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = ", ".join(person.name for person in self.people)
        return shown(self, "presence", text, label=self.label)
