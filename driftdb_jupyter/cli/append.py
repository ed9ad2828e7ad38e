"""``driftdb append``."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from traitlets import Bool, Int

from ..client.connection import Connection
from ..client.describe import hint
from ..client.receipt import Receipt
from ..protocol.errors import (
    DriftDBError,
    EncodingError,
    NotConnected,
    QueueFull,
    TimedOut,
    TooLarge,
)
from .line_values import JSONLines, LineValues, TextLines
from .member import MemberCommand
from .seconds import Seconds
from .source import Source
from .status import FAILED, INTERRUPTED, TERMINATED, FileFailed, status_of

__all__ = ["AppendCommand"]

_MOMENT_SECONDS = 1.0
"""An outage that is no longer is not told."""


class AppendCommand(MemberCommand):
    """Add the lines of the standard input to a stream, each as a value of its own.

    They arrive in their order and once, also where the connection or the server is gone for a
    while, or not there yet: then what writes the lines waits. It ends when the room has them all.
    """

    name = "driftdb-append"
    description = __doc__
    arguments = "KEY"
    insists = True
    examples = """
    make 2>&1 | driftdb append build --tee
    journalctl -f | driftdb append journal --max-length 10000
    driftdb append measurements --json < measurements.jsonl
    """
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **{name: trait for name, trait in MemberCommand.aliases.items() if name != "timeout"},
        "max-length": "AppendCommand.max_length",
        "patience": "AppendCommand.patience",
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "tee": (
            {"AppendCommand": {"tee": True}},
            "Write all to the standard output, too, whatever becomes of the room.",
        ),
        "json": ({"AppendCommand": {"json": True}}, "The input is JSON Lines."),
    }
    max_length = Int(
        None,
        allow_none=True,
        min=1,
        config=True,
        help="How many values to leave in the stream; by default what the server allows.",
    )
    patience = Seconds(
        300.0,
        help="For how long the server may be away, or the room take nothing of what waits, in "
        "seconds, before this gives up.",
    )
    tee = Bool(False, config=True, help="Whether to write all to the standard output, too.")
    json = Bool(False, config=True, help="Whether the input is JSON Lines.")

    _source: Source | None = None

    @property
    def timeout_seconds(self) -> float:
        """How long the room may take to answer."""
        seconds: float = self.patience
        return seconds

    @property
    def wanted(self) -> bool:
        """Whether there is a line that the room is to have, or may be one."""
        return self._source is None or not self._source.over

    def run(self) -> None:
        """Pass the lines on, and wait until the room has them."""
        key = self.only_argument("a key")
        status = 0
        given = self.standard_input().fileno()
        source = self._source = Source(given, tee=sys.stdout.fileno() if self.tee else None)
        with _signals(source) as signalled:
            try:
                with self.joined() as room:
                    self._pass_on(source, key, room.connection)
            except DriftDBError as error:
                nothing = signalled and source.over  # was asked to end before there was a room
                if not self.tee and not nothing:
                    raise
                if not nothing:
                    self.say(error.plain)
                    status = status_of(error)
                source.drain()  # what writes the lines has to do its work all the same
        if source.tee_error is not None:
            self.say(f"can't write: {source.tee_error.strerror}")
            status = status or FAILED
        if status or signalled:
            self.exit(status or signalled[0])

    def _pass_on(self, source: Source, key: str, connection: Connection) -> None:
        hint(connection, key, "stream")
        delivery = _Delivery(connection, key, self.max_length, self.patience, self.say)
        lines: LineValues = TextLines()
        if self.json:
            lines = JSONLines(limit_bytes=connection.settings.message_limit_bytes)
        try:
            while not source.over:
                delivery.send(lines.split(source.take()))
                lines.check()
            delivery.send(lines.end())
            lines.check()
            if source.error is not None:
                raise FileFailed(f"can't read the standard input: {source.error.strerror}")
        except (EncodingError, FileFailed, TooLarge):
            delivery.finish()  # what came before is well
            delivery.tell()
            raise
        delivery.finish()


class _Delivery:
    """Brings values to a key, in their order, however long the room is away."""

    def __init__(
        self,
        connection: Connection,
        key: str,
        max_length: int | None,
        patience_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._key = key
        self._max_length = max_length
        self._patience_seconds = patience_seconds
        self._say = say
        self._sent = self._taken = 0
        self._told = False
        self._failure: BaseException | None = None

    def send(self, values: Sequence[bytes]) -> None:
        """Put values on their way; waits where too many wait already. Raises why it can't."""
        for batch in self._connection.batches(self._key, values):
            self._put(batch)
        self._tell_of_outage()
        self._check()

    def finish(self) -> None:
        """Wait until the room has all; raises why it doesn't take them."""
        while self._connection.waiting:
            self._wait()
        self._check()

    def _put(self, batch: Sequence[bytes]) -> None:
        while True:
            try:
                receipt = self._connection.send(
                    self._key, *batch, action="append", max_length=self._max_length
                )
                break
            except QueueFull as full:
                self._tell_of_outage(full)
                self._wait()
        self._sent += len(batch)

        def note(receipt: Receipt[int | None]) -> None:
            if (error := receipt.exception()) is None:
                self._taken += len(batch)
            elif self._failure is None:
                self._failure = error

        receipt.add_done_callback(note)

    def _tell_of_outage(self, full: QueueFull | None = None) -> None:
        """Say once that the room is away: after a moment, or where lines have to wait for it."""
        connection = self._connection
        since = connection.offline_since
        if since is None:
            self._told = False
        elif not self._told and (full is not None or time.time() - since > _MOMENT_SECONDS):
            self._told = True
            why = connection.error or NotConnected("the connection was lost; trying again")
            self._say(f"waiting for the room: {why.plain}")

    def _wait(self) -> None:
        """Wait until the room takes something more; raises why it doesn't."""
        connection, seconds = self._connection, self._patience_seconds
        with connection.guard:
            taken, waiting = connection.taken, connection.waiting

            def moved() -> bool:
                return (connection.taken, connection.waiting) != (taken, waiting)

            def decided() -> bool:
                return moved() or connection.status in ("stopped", "closed")

            end = time.monotonic() + seconds
            while not connection.guard.wait_for(decided, min(seconds, _MOMENT_SECONDS)):
                self._tell_of_outage()
                if time.monotonic() >= end:
                    break
            if moved():
                return
        if connection.status in ("stopped", "closed"):
            why: DriftDBError = NotConnected("the connection was closed")
        else:
            why = TimedOut(f"the room took nothing for {seconds:g} s")
        self.tell()
        raise connection.error or why

    def _check(self) -> None:
        if self._failure is not None:
            self.tell()
            raise self._failure

    def tell(self) -> None:
        """Say how much has arrived."""
        self._say(f"{self._taken} of {self._sent} lines arrived")


@contextmanager
def _signals(source: Source) -> Iterator[list[int]]:
    """The statuses to end with because of signals; a second signal ends all at once.

    Ctrl-C ends what writes to a pipe, too, so its last lines are still to come; SIGTERM and
    Ctrl-C on a terminal end the input.
    """
    statuses: list[int] = []

    def handle(number: int, _: object) -> None:
        if statuses:
            raise KeyboardInterrupt
        statuses.append(INTERRUPTED if number == signal.SIGINT else TERMINATED)
        if number == signal.SIGTERM or sys.stdin.isatty():
            source.end()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield statuses
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
