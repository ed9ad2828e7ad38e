"""``driftdb tail``."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Unicode

from ..client.form import meant
from ..client.log_replica import Heard
from .hearing import Hearing, wait_for_any
from .member import MemberCommand
from .record import record, text_of
from .terminal import flush, put

__all__ = ["TailCommand"]


class TailCommand(MemberCommand):
    """Print the newest values of a stream, one a line.

    A text is printed as it is, all else as JSON. `-f` goes on with what comes, also after the
    connection or the server was gone for a while; Ctrl-C ends it.
    """

    name = "driftdb-tail"
    description = __doc__
    arguments = "KEY"
    examples = """
    driftdb tail build
    driftdb tail -f -n all build | grep --line-buffered error
    driftdb tail -n all --json measurements > measurements.jsonl
    """
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.aliases,
        ("n", "lines"): "TailCommand.lines",
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        ("f", "follow"): ({"TailCommand": {"follow": True}}, "Go on with what comes."),
        "json": (
            {"TailCommand": {"json": True}},
            "Print JSON Lines: key, seq, value, and who wrote it when.",
        ),
    }
    lines = Unicode(
        "10", config=True, help="How many of the newest values to print, or `all`."
    ).tag(metavar="N")
    follow = Bool(False, config=True, help="Whether to go on with what comes.")
    json = Bool(False, config=True, help="Whether to print JSON Lines.")

    def run(self) -> None:
        """Print what there is, then what comes."""
        key = self.only_argument("a key")
        if self.lines != "all" and not self.lines.isdecimal():
            self.misused(f"-n: expected a number or all, got {self.lines!r}")
        with self.joined() as room:
            hearing = Hearing(room, key, timeout_seconds=self.timeout_seconds)
            held = hearing.take()
            self._print(key, held[self._start(len(held)) :])
            while self.follow:
                wait_for_any(room, [hearing])
                self._print(key, hearing.take())

    def _start(self, length: int) -> int:
        return 0 if self.lines == "all" else max(length - int(self.lines), 0)

    def _print(self, key: str, values: list[Heard]) -> None:
        for heard in values:
            heard = heard._replace(value=meant(heard.value))  # a state may have written it
            put(record(key, heard).line() if self.json else text_of(heard.value))
        flush()
