"""``driftdb get``."""

from __future__ import annotations

from typing import Any

from traitlets import Bool

from .member import MemberCommand
from .record import record, text_of
from .status import NOTHING
from .terminal import put

__all__ = ["GetCommand"]


class GetCommand(MemberCommand):
    """Print the value of a key: a state's, or the newest of a stream.

    A text is printed as it is, all else as JSON. Ends with 3 where the key holds nothing.
    """

    name = "driftdb-get"
    description = __doc__
    arguments = "KEY"
    examples = """
    driftdb get slider
    driftdb get config --json | jq .value
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "json": (
            {"GetCommand": {"json": True}},
            "Print an object: key, seq, value, and who wrote it when.",
        ),
    }
    json = Bool(False, config=True, help="Whether to print JSON.")

    def run(self) -> None:
        """Look, and print."""
        key = self.only_argument("a key")
        found = self.glance(key).get(key)
        if found is None or found.newest is None:
            self.fail(f"expected a key that holds something, got {key!r}", NOTHING)
        put(record(key, found.newest).line() if self.json else text_of(found.newest.value))
