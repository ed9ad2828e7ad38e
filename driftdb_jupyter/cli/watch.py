"""``driftdb watch``."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Int

from ..client.form import meant
from ..client.log_replica import Heard
from .hearing import Hearing, wait_for_any
from .member import MemberCommand
from .record import record, text_of
from .terminal import flush, one_line, put

__all__ = ["WatchCommand"]


class WatchCommand(MemberCommand):
    """Print what is written under some keys, each as it comes; Ctrl-C ends it.

    It begins with the value that each key has now, and hears what is relayed, too. With several
    keys each line begins with its key and a tab.
    """

    name = "driftdb-watch"
    description = __doc__
    arguments = "KEY …"
    examples = """
    driftdb watch slider
    driftdb watch slider chat --json
    driftdb watch deploy --changes -n 1  # waits for somebody
    """
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.aliases,
        ("n", "count"): "WatchCommand.count",
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "json": (
            {"WatchCommand": {"json": True}},
            "Print JSON Lines: key, seq, value, and who wrote it when.",
        ),
        "changes": (
            {"WatchCommand": {"changes": True}},
            "Leave out the values that are there already.",
        ),
    }
    count = Int(0, min=0, config=True, help="End after so many values; 0: never.").tag(metavar="N")
    json = Bool(False, config=True, help="Whether to print JSON Lines.")
    changes = Bool(False, config=True, help="Whether to leave out what is there already.")

    _printed = 0

    def run(self) -> None:
        """Print what comes."""
        if not self.extra_args:
            self.misused("expected keys, got none")
        with self.joined() as room:
            keys = dict.fromkeys(self.extra_args)
            hearings = [Hearing(room, key, timeout_seconds=self.timeout_seconds) for key in keys]
            for hearing in hearings:
                held = hearing.take()
                self._print(hearing.key, [] if self.changes else held[-1:])
            while not self._enough():
                flush()
                wait_for_any(room, hearings)
                for hearing in hearings:
                    self._print(hearing.key, hearing.take())

    def _print(self, key: str, values: list[Heard]) -> None:
        for heard in values:
            if self._enough():
                return
            self._printed += 1
            heard = heard._replace(value=meant(heard.value))
            if self.json:
                put(record(key, heard).line())
            else:
                before = f"{one_line(key)}\t" if len(self.extra_args) > 1 else ""
                put(before + text_of(heard.value))

    def _enough(self) -> bool:
        return self._printed >= self.count > 0
