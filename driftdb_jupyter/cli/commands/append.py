"""``driftdb append``."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ...command.parameter import arguments, one, option
from ...command.printing import say
from ...command.types import Number
from ...protocol.errors import (
    DriftDBError,
    EncodingError,
    NotConnected,
    QueueFull,
    TimedOut,
    TooLarge,
)
from ..member import SECONDS, Member, force_option, room_options
from ..outage import Outage
from ..source import Source
from ..status import FAILED, INTERRUPTED, TERMINATED, FileFailed, status_of
from ..subcommand import make_command, standard_input

if TYPE_CHECKING:
    from ...client.connection.connection import Connection
    from ...client.session.outcome import Outcome
    from ..line_values import LineValues

__all__ = ["command"]

_LOOK_SECONDS = 1.0
"""How often is looked whether the room is away."""

_PAUSE_SECONDS = 0.05
"""For how long a bar that has a line end may still be written over."""


@make_command(
    examples="""
    make 2>&1 | driftdb append build --tee
    journalctl -f | driftdb append journal --max-length 10000
    driftdb append measurements --json < measurements.jsonl
    """,
)
@arguments("key", "KEY", callback=one("a key"))
@option(
    "--max-length",
    type=Number(at_least=1),
    help="Keep only the newest values in the stream, this many; by default as many as the server "
    "allows.",
)
@option(
    "--patience",
    metavar="SECONDS",
    type=SECONDS,
    default=300.0,
    show_default=True,
    help="How long the server may be away, or the room take none of the waiting lines, before the "
    "command gives up, in seconds.",
)
@option(
    "--tee",
    is_flag=True,
    help="Write everything to the standard output, too, whatever happens to the room.",
)
@option("--json", is_flag=True, help="The input is JSON Lines.")
@force_option
@room_options(insists=True, timeout=False)
def command(
    member: Member,
    key: str,
    max_length: int | None,
    patience: float,
    tee: bool,
    json: bool,
    force: bool,
) -> None:
    """Append the lines of the standard input to a stream, each as a value of its own.

    Every line arrives once and in order, even if the connection or the server is gone for a
    while, or not there yet: then the program that writes the lines has to wait. The command ends
    when the room has all lines. A key that holds something else than a stream is left as it is.
    """
    status = 0
    given = standard_input().fileno()
    source = Source(given, tee=sys.stdout.fileno() if tee else None)
    member.patience_seconds = patience
    member.wanted = lambda: not source.over
    with _signals(source) as signalled:
        try:
            if not force and not key.startswith("$"):
                member.check_kind(key, "stream")
            with member.joined() as room:
                delivery = _Delivery(room.connection, key, max_length, patience)
                _pass_on(source, delivery, _line_values(room.connection, json=json))
        except DriftDBError as error:
            nothing = signalled and source.over  # it was asked to end before there was a room
            if not tee and not nothing:
                raise
            if not nothing:
                say(error.plain)
                status = status_of(error)
            source.drain()  # the program that writes the lines has to finish its work
    if source.tee_error is not None:
        say(f"can't write: {source.tee_error.strerror}")
        status = status or FAILED
    if status or signalled:
        click.get_current_context().exit(status or signalled[0])


def _line_values(connection: Connection, *, json: bool) -> LineValues:
    from ..line_values import JSONLines, TextLines

    if json:
        return JSONLines(limit_bytes=connection.settings.message_limit_bytes)
    return TextLines()


def _pass_on(source: Source, delivery: _Delivery, lines: LineValues) -> None:
    try:
        while not source.over:
            if lines.waiting and not source.wait(_PAUSE_SECONDS):
                delivery.send(lines.settle())
            delivery.send(lines.split(source.take()))
            lines.check()
        delivery.send(lines.end())
        lines.check()
        if source.error is not None:
            raise FileFailed(f"can't read the standard input: {source.error.strerror}")
    except (EncodingError, FileFailed, TooLarge):
        delivery.finish()  # the lines before are fine
        delivery.report()
        raise
    delivery.finish()


class _Delivery:
    """Brings values to a key in order, however long the room is away."""

    def __init__(
        self,
        connection: Connection,
        key: str,
        max_length: int | None,
        patience_seconds: float,
    ) -> None:
        from ...client.objects.describe import hint

        hint(connection, key, "stream")
        self._connection = connection
        self._key = key
        self._max_length = max_length
        self._patience_seconds = patience_seconds
        self._sent = self._taken = 0
        self._outage = Outage(connection)
        self._failure: BaseException | None = None

    def send(self, values: Sequence[bytes]) -> None:
        """Send values; waits if too many are waiting already. Raises why they can't be sent."""
        for batch in self._connection.batches(self._key, values):
            self._put(batch)
        self._outage.report()
        self._check()

    def finish(self) -> None:
        """Wait until the room has all values; raises why it doesn't take them."""
        while self._connection.waiting:
            self._wait()
        self._check()

    def _put(self, batch: Sequence[bytes]) -> None:
        while True:
            try:
                outcome = self._connection.send(
                    self._key, *batch, action="append", max_length=self._max_length
                )
                break
            except QueueFull:
                self._outage.report(at_once=True)
                self._wait()
        self._sent += len(batch)

        def note(outcome: Outcome[int | None]) -> None:
            if (error := outcome.exception()) is None:
                self._taken += len(batch)
            elif self._failure is None:
                self._failure = error

        outcome.add_done_callback(note)

    def _wait(self) -> None:
        """Wait until the room takes more; raises why it doesn't."""
        connection, seconds = self._connection, self._patience_seconds
        taken, waiting = connection.taken, connection.waiting

        def moved() -> bool:
            return (connection.taken, connection.waiting) != (taken, waiting)

        def decided() -> bool:
            return moved() or connection.status in ("stopped", "closed")

        end = time.monotonic() + seconds
        while not connection.wait_until(decided, min(seconds, _LOOK_SECONDS)):
            self._outage.report()
            if time.monotonic() >= end:
                break
        if moved():
            return
        if connection.status in ("stopped", "closed"):
            why: DriftDBError = NotConnected("the connection was closed")
        else:
            why = TimedOut(f"the room took nothing for {seconds:g} s")
        self.report()
        raise connection.error or why

    def _check(self) -> None:
        if self._failure is not None:
            self.report()
            raise self._failure

    def report(self) -> None:
        """Say how many lines have arrived."""
        say(f"{self._taken} of {self._sent} lines arrived")


@contextmanager
def _signals(source: Source) -> Iterator[list[int]]:
    """Handle SIGINT and SIGTERM; yields a list that gets the exit status for the first of them.

    Ctrl-C also reaches the program that writes to the pipe, so its last lines are still to come.
    SIGTERM, and Ctrl-C if the input is a terminal, end the input. A second signal ends everything.
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
