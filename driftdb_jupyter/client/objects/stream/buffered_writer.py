"""The writer of what is printed and logged to a stream."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING

from ....protocol.errors import DriftDBError, NotConnected, QueueFull, TimedOut, TooLarge
from ...runtime.background import background
from ...runtime.waker import wait_for
from ...session.outcome import Outcome, fail, fulfil
from ..describe import hint
from .lines import Lines, encode_line

if TYPE_CHECKING:
    import asyncio

    from ...base_room import BaseRoom
    from ...session.log import LogReplica

__all__ = ["BufferedWriter", "PrintedText"]

_log = logging.getLogger("driftdb_jupyter")

_MOST_ENTRIES = 16_384
_MOST_CHARACTERS = 1024 * 1024
_PAUSE_SECONDS = 0.05
_RETRY_SECONDS = 0.05


class PrintedText:
    """The lines of one file that have no end yet; the background thread alone reads them.

    Each thread has its own, for :func:`print` writes a line in several pieces.
    """

    def __init__(self) -> None:
        self._lines: dict[int, Lines] = {}
        self._read_at = -math.inf
        self.begun: set[int] = set()
        """The threads that are in the middle of a line; each changes its own entry itself."""

    def read(self, thread: int, text: str) -> list[str]:
        """Return the lines that end in a text of a thread."""
        self._read_at = monotonic()
        lines = self._lines.get(thread)
        if lines is None:
            lines = self._lines[thread] = Lines()
        return lines.split(text)

    def flush(self, thread: int) -> list[str]:
        """Return what there is of a thread (see :meth:`.Lines.flush`)."""
        return self._lines[thread].flush() if thread in self._lines else []

    @property
    def waiting(self) -> bool:
        """Whether lines wait that :meth:`settle` would return."""
        return any(lines.waiting for lines in self._lines.values())

    def settle(self, *, now: bool) -> list[str]:
        """Return the lines that waited for what follows, if nothing does: by and by, or now."""
        if not now and monotonic() - self._read_at < _PAUSE_SECONDS:
            return []
        return [line for lines in self._lines.values() for line in lines.settle()]

    def end(self) -> list[str]:
        """Return all that is left."""
        ended, self._lines = self._lines, {}
        return [line for lines in ended.values() for line in lines.end()]


_Entry = tuple[PrintedText, int, str] | bytes | Callable[[], object]
"""Text of a file and a thread, a value, or what is to be done behind those before."""


class BufferedWriter:
    """Appends to a stream, in order and soon, what any thread prints and logs to it.

    A writer only puts it into a queue, without a lock, so that an interrupt, a signal handler, a
    fork or a finalizer may come at any moment. The background thread alone makes lines of it and
    hands them to the connection; it never waits. What the connection doesn't take, because too
    much waits already, stays here and is tried again until it is taken. What is lost all the same
    (the room is closed, a line is too large, the room refuses it) is logged, and raised from the
    next write or flush.
    """

    def __init__(self, room: BaseRoom, replica: LogReplica, *, max_length: int | None) -> None:
        self._room = room  # so that it is not closed before all is written
        self._connection = room.connection
        self._replica = replica
        self._max_length = max_length
        self.forked()
        self._connection.add_writer(self)

    # On any thread.

    @property
    def waiting(self) -> int:
        """About how many values were not handed to the connection yet."""
        written = sum(not callable(entry) for entry in self._entries.copy())
        return written + len(self._values)

    @property
    def busy(self) -> bool:
        """Whether there is something that was not handed to the connection yet."""
        # In this order, because the background thread takes it out of the one for the others.
        return bool(self._entries or self._turning or self._values)

    @property
    def behind(self) -> bool:
        """Whether the connection doesn't take what it was given."""
        return self._behind

    def write(self, source: PrintedText, text: str, *, within_seconds: float) -> None:
        """Take text of a file; raises as :meth:`put` does.

        A loss is raised between two lines: in the middle of one, as between the pieces of a
        :func:`print`, what was taken of it would become the beginning of the next.
        """
        thread, begun = get_ident(), source.begun
        self._check(in_line=thread in begun)
        self._characters += len(text)
        now = monotonic()
        if not now < self._next_turn <= now + within_seconds:
            self._ask(within_seconds)
        self._entries.append((source, thread, text))
        if text[-1] == "\n":
            begun.discard(thread)
        else:
            begun.add(thread)
        if monotonic() >= self._next_turn:  # that turn may be over already
            self._ask(within_seconds)

    def put(self, value: bytes, *, within_seconds: float) -> None:
        """Take a value (JSON text), which is appended as it is.

        Raises :class:`~driftdb_jupyter.protocol.errors.QueueFull` if the connection doesn't take
        what waits here, :class:`~driftdb_jupyter.protocol.errors.NotConnected` if it is closed,
        and why something was lost that was written before. This value was not taken then.
        """
        self._check()
        self._characters += len(value)
        now = monotonic()
        if not now < self._next_turn <= now + within_seconds:
            self._ask(within_seconds)
        self._entries.append(value)
        if monotonic() >= self._next_turn:
            self._ask(within_seconds)

    def flush(self, source: PrintedText) -> None:
        """Have the connection be given all that was written, and this thread's unfinished line.

        Waits only while the connection doesn't take what was written before. Raises as
        :meth:`put` does.
        """
        self._entries.append(partial(self._read, source, source.flush, get_ident()))
        if self.behind:
            self._wait(self._mark())
        else:
            background().call(self._turn)
        self._raise()

    def end(self, source: PrintedText) -> None:
        """Wait until the connection has all of a file that ends; raises as :meth:`put` does."""
        self._entries.append(partial(self._end, source))
        self._wait(self._mark())
        self._raise()

    def end_soon(self, source: PrintedText) -> None:
        """Have the connection be given all of a file that ends. A finalizer may call it."""
        self._entries.append(partial(self._end, source))
        background().call(self._turn)

    def hand_over(self, timeout_seconds: float, *, last: bool) -> None:
        """Wait until the connection has all that was written, but not longer than that.

        ``last``: the lines that have no end, too. Raises nothing; :attr:`waiting` is what is left.
        """
        if not self.busy and not self._sources:
            return
        self._entries.append(self._end_all if last else self._settle_all)
        outcome = self._mark()
        if background().here():
            self._turn()
            return
        wait_for(outcome, timeout_seconds)

    def forked(self) -> None:
        """Forget, in a forked child, what its parent will append."""
        self._entries: deque[_Entry] = deque()
        self._characters = 0
        self._next_turn = 0.0
        self._error: Exception | None = None
        # All that follows is of the background thread.
        self._turning = False
        self._turns = 0
        self._values: list[bytes] = []
        self._behind = False
        self._sources: set[PrintedText] = set()
        self._marks: list[Outcome[None]] = []
        self._retry: asyncio.TimerHandle | None = None
        self._taken = 0
        self._moved_at = 0.0

    def _check(self, *, in_line: bool = False) -> None:
        """Raise what there is to be raised, and wait where too much waits already.

        In the middle of a line (``in_line``) a loss is not raised yet, and twice as much may wait.
        """
        if self._error is not None and not in_line:
            self._raise()
        if self._connection.status == "closed":
            raise NotConnected(f"the connection to {self._connection.location.url} was closed")
        if (
            len(self._entries) + len(self._values) > _MOST_ENTRIES << in_line
            or self._characters > _MOST_CHARACTERS << in_line
        ):
            self._wait(self._mark())

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _ask(self, within_seconds: float) -> None:
        """Have a turn of the background thread after that time."""
        now = monotonic()
        loop = background().loop
        loop.call_soon_threadsafe(loop.call_later, within_seconds, self._turn)
        self._next_turn = now + within_seconds

    def _mark(self) -> Outcome[None]:
        """Return an outcome that comes when the connection has all that was written before."""
        outcome: Outcome[None] = Outcome()
        self._entries.append(partial(self._note_mark, outcome))
        background().call(self._turn)
        return outcome

    def _wait(self, outcome: Outcome[None]) -> None:
        if background().here():
            self._turn()
            if outcome.done():
                outcome.result()
            return
        while True:
            turns = self._turns
            if wait_for(outcome, self._connection.settings.connect_timeout_seconds):
                outcome.result()
                return
            if self._turns == turns:
                raise TimedOut(
                    "the thread that sends what was printed is kept from it by other work"
                )

    # On the background thread.

    def _turn(self) -> None:
        if self._turning:
            return
        self._turning = True
        self._turns += 1
        try:
            self._take()
            for source in self._sources:
                self._encode(source.settle(now=False))
            self._hand_on()
        except Exception as error:
            self._lose(error)
        finally:
            self._turning = False
        if any(source.waiting for source in self._sources):
            self._turn_again(_PAUSE_SECONDS)

    def _take(self) -> None:
        """Read what was written: consecutive texts of a thread as one."""
        self._characters = 0
        texts: list[str] = []
        writer: tuple[PrintedText, int] | None = None
        while self._entries or texts:
            entry = self._entries.popleft() if self._entries else None
            if isinstance(entry, tuple) and entry[:2] == writer:
                texts.append(entry[2])
                continue
            if writer is not None and texts:
                source, thread = writer
                self._read(source, source.read, thread, "".join(texts))
                texts = []
            if isinstance(entry, tuple):
                writer, texts = entry[:2], [entry[2]]
            elif isinstance(entry, bytes):
                self._values.append(entry)
            elif entry is not None:
                entry()

    def _read(self, source: PrintedText, read: Callable[..., list[str]], *args: object) -> None:
        self._sources.add(source)
        self._encode(read(*args))

    def _encode(self, lines: list[str]) -> None:
        self._values += map(encode_line, lines)

    def _end(self, source: PrintedText) -> None:
        self._encode(source.end())
        self._sources.discard(source)

    def _end_all(self) -> None:
        for source in list(self._sources):
            self._end(source)

    def _settle_all(self) -> None:
        for source in self._sources:
            self._encode(source.settle(now=True))

    def _note_mark(self, outcome: Outcome[None]) -> None:
        self._marks.append(outcome)

    def _hand_on(self) -> None:
        """Push what there is, as far as the connection takes it."""
        handed, full = 0, None
        first = self._replica.meta is None
        try:
            for batch in self._replica.batches(self._values):
                try:
                    outcome = self._connection.push(
                        self._replica, *batch, keep=True, max_length=self._max_length
                    )
                except TooLarge as error:  # alone, because others would have fitted without it
                    self._note_loss(len(batch), error)
                else:
                    outcome.add_done_callback(self._note_outcome)
                    if first:
                        hint(self._connection, self._replica.key, "stream")
                        first = False
                handed += len(batch)
        except QueueFull as error:
            full = error
        finally:
            del self._values[:handed]
        was_behind, self._behind = self._behind, full is not None
        if full is None:
            marks, self._marks = self._marks, []
            fulfil(marks, None)
            return
        now, taken = monotonic(), self._connection.taken
        if handed or taken != self._taken or not was_behind:
            self._taken, self._moved_at = taken, now
        patience = self._connection.settings.connect_timeout_seconds
        if self._connection.status != "connected" or now - self._moved_at > patience:
            marks, self._marks = self._marks, []
            fail(marks, full)
        self._turn_again(_RETRY_SECONDS)

    def _turn_again(self, seconds: float) -> None:
        if self._retry is None:
            self._retry = background().loop.call_later(seconds, self._again)

    def _again(self) -> None:
        self._retry = None
        self._turn()

    def _lose(self, error: Exception) -> None:
        """Give up all that waits, and say so."""
        self._note_loss(len(self._values), error)
        self._values.clear()
        marks, self._marks = self._marks, []
        fulfil(marks, None)  # who waits is told by _raise

    def _note_loss(self, count: int, error: Exception) -> None:
        why = error.plain if isinstance(error, DriftDBError) else repr(error)
        key = self._replica.key
        if count:
            _log.warning("%d of the values printed to %r are lost: %s", count, key, why)
        else:
            _log.warning("what was printed to %r could not be handed on: %s", key, why)
        self._error = self._error or error

    def _note_outcome(self, outcome: Outcome[int | None]) -> None:
        # What is refused is logged by the stream itself.
        error = outcome.exception()
        if isinstance(error, Exception):
            self._error = self._error or error
