"""A value that everybody in a room changes by actions, in one order for all."""

from __future__ import annotations

import contextlib
import logging
import secrets
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from ...protocol.errors import Conflict, Forbidden, NotConnected, Refusal, Uncertain
from ..arguments import check_function, check_hooks
from ..base_room import BaseRoom
from ..runtime.callbacks import callbacks
from ..runtime.subscribers import Subscribers, Subscription
from ..runtime.turn_lock import TurnLock
from ..session.fold import Fold
from ..session.kind import Kind, kind_of
from ..session.log import Follower, StartedOver
from ..session.outcome import Outcome
from ..session.snapshot import Snapshot
from ..session.snapshot_writer import SnapshotWriter
from ..values.encoding import decode, encode, same
from ..waiting.handle import Handle
from ..waiting.wait import Wait
from .describe import hint
from .shared import Shared, brief_of

__all__ = ["SharedReducer"]

_log = logging.getLogger("driftdb_jupyter")
# How many actions a stream holds, at least, before a snapshot takes their place.
_COMPACT_AT = 100


class SharedReducer(Shared):
    """A value with a name (``key``) that is made of all the actions that anybody dispatched.

    ``fn(value, action)`` returns the next value. It has to be the same for all who take part, and
    depend on nothing else. It may change its arguments, which are its own, as what :attr:`value`
    returns is the caller's. ``initial`` is where it begins in a
    room that has nothing yet. Own actions show at once, and are applied anew behind those that
    the room ordered before them: so all end with the same value. An action for which ``fn``
    raises counts for nothing. The stream is kept short by itself.

    The room is found as by :class:`~driftdb_jupyter.SharedState`, and the same
    errors are raised. ``encode`` and ``decode`` are for actions and values that JSON can't hold.
    """

    _kind: ClassVar[Kind] = "reducer"
    _made = False

    def __init__(
        self,
        key: str,
        fn: Callable[[Any, Any], Any],
        initial: Any = None,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[Any], Any] | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        check_function("fn", fn)
        check_hooks(encode, decode)
        self._encode, self._decode = encode, decode
        first = self._write(initial)
        self._enter(key, room, url, timeout_seconds)
        self._initial = first
        self._compacts = self._is_compacting = False
        self._snapshot_bytes = 0  # how long the newest one is
        self._untold = {Conflict.code, Forbidden.code}  # for what reasons it stays long unsaid
        self._lock = TurnLock()  # held while fn works
        self._subscribers = Subscribers(self._topic)
        self._fn = fn
        self._fold = Fold(
            self._next, lambda: self._keep(self._initial), self._keep, lost=self._lost
        )
        self._settled: deque[str] = deque()
        self._uncertain: deque[str] = deque()  # the actions that may be lost, until that is said
        self._unfinished = self._reads_anew = False
        # The newest value of which it notified, and whether it did.
        self._notified = (self._fold.value, False)
        connection = self._home.connection
        restore = weakref.WeakMethod(self._restore)
        self._follower = Follower(restore=lambda: (method := restore()) and method())
        self._is_decided = True  # whether the room knows that nothing has to be offered
        self._replica = connection.listen(
            key,
            self,
            kind=kind_of(key, self._kind),
            keep=False,
            held=True,
            follower=self._follower,
        )
        self._writer = SnapshotWriter(self._replica)
        self._wait_ready(self._replica, timeout_seconds)
        self._made = True
        self._notified = (self._current(), False)

    @property
    def value(self) -> Any:
        """The value now, own actions included; a copy, so that changing it changes nothing else."""
        return self._hand_out(self._current())

    def dispatch(self, action: Any) -> Handle[None]:
        """Apply an action; the handle tells when the room has it.

        Raises what ``fn`` raises for it, :class:`EncodingError`, :class:`TooLarge`,
        :class:`QueueFull` and :class:`NotConnected` (:mod:`driftdb_jupyter.protocol.errors`).
        """
        self._check_open()
        text = self._write(action)
        with self._lock:
            self._catch_up()
            proposal = self._fold.prepare(text)
            first = self._replica.meta is None
            outcome = self._home.connection.push(
                self._replica, proposal.form, keep=True, dated=True
            )

            def settled(_: object) -> None:
                # Not under the lock, because this is called on the background thread.
                self._settled.append(proposal.mark)
                if isinstance(outcome.exception(), Uncertain):
                    self._uncertain.append(proposal.mark)
                callbacks.schedule(self)

            outcome.add_done_callback(settled)
            # Only now, so that nothing is shown that is not on its way, or for good.
            self._fold.pend(proposal)
            if outcome.done():  # a signal handler may have settled it too early
                self._settled.append(proposal.mark)
            length = self._fold.actions + len(self._fold.pending)
            self._compacts = self._compacts or length >= _COMPACT_AT
        if first:
            hint(self._home.connection, self._key, self._kind)
        callbacks.schedule(self)
        return self._handle(outcome, lambda _: None)

    def subscribe(self, handler: Callable[[Any], object]) -> Subscription:
        """Call ``handler(value)`` when the value changed, with the newest.

        See :meth:`.PubSub.subscribe`.
        """
        return self._subscribers.add(handler)

    def wait_for(
        self, predicate: Callable[[Any], object], *, timeout_seconds: float | None = None
    ) -> Any:
        """Wait until ``predicate(value)`` is true, and return that value.

        See :meth:`.SharedState.wait_for`.
        """
        return self.when(predicate).result(timeout_seconds)

    def when(self, predicate: Callable[[Any], object]) -> Wait[Any]:
        """Like :meth:`wait_for`, for async code (see :meth:`.SharedState.when`)."""
        return self._wait(lambda: self.value, predicate)

    def close(self) -> None:
        """Hear no more, and write no more; the room's connection stays for others."""
        self._closed = True
        self._subscribers.clear()
        self._home.connection.unsubscribe(self._key, self)

    def deliver(self) -> None:
        """Tell the subscribers, if the value is another (the callbacks call this)."""
        super().deliver()
        if not self._made:
            return
        if uncertain := len(self._uncertain):
            self._uncertain.clear()
            _log.warning(
                "%s %r: the room lost its memory before it confirmed %d changes; they may count "
                "or not",
                self._class_name(),
                self._key,
                uncertain,
            )
        value = self._current()
        if not same(self._notified[0], value):
            self._notified = (value, True)
        newest, is_news = news = self._notified
        if is_news:  # or was, and an interrupt left some handlers untold
            self._subscribers.notify(news, lambda: self._hand_out(newest))
        self._keep_short()

    def __repr__(self) -> str:
        value = brief_of(lambda: self.value)
        return f"{self._class_name()}({self._key!r}, {value}, room={self._home.name!r})"

    # Nobody is given what the fold keeps, or replicas would differ where somebody changed it. A
    # reducer keeps its value as JSON text; a dictionary, whose actions change no item, its items.

    def _keep(self, text: bytes) -> Any:
        """Return what to keep of a value, which is JSON text."""
        return text

    def _kept_text(self, kept: Any) -> bytes:
        """Return a value that is kept, as JSON text."""
        text: bytes = kept
        return text

    def _hand_out(self, kept: Any) -> Any:
        """Return a value that is kept, for whoever may change it."""
        return self._read(kept)

    def _next(self, kept: Any, action: bytes) -> Any:
        """Return what to keep after an action."""
        return self._write(self._fn(self._read(kept), self._read(action)))

    def _current(self) -> Any:
        """Return what is kept now, own actions included; not to be changed."""
        with self._lock:
            self._catch_up()
            return self._fold.value

    def _catch_up(self) -> None:
        """Apply what came; under the lock."""
        connection, fold = self._home.connection, self._fold
        if self._unfinished:  # an interrupt came, and news are lost
            fold.behind, self._reads_anew = True, False
        settled = len(self._settled)
        self._unfinished = True
        for each in self._follower.take():
            fold.take(each)
            if isinstance(each, StartedOver):
                self._is_decided = False
        for _ in range(settled):  # what the room ordered was among the news
            with contextlib.suppress(IndexError, ValueError):  # a signal handler was here
                mark = self._settled[0]
                fold.settle(mark)
                self._settled.remove(mark)
        self._unfinished = False
        if not fold.behind:
            self._reads_anew = False
        elif not self._reads_anew:
            connection.read_anew(self._replica)
            self._reads_anew = True
        if fold.behind:
            return
        if fold.missing:
            name = secrets.token_urlsafe(12) if fold.initial else None
            offered = Snapshot(self._kept_text(fold.confirmed), initial=name)
            seq = 0 if fold.empty else fold.seq
            outcome: Outcome[int | None] = Outcome()
            outcome.add_done_callback(self._offered)
            self._do(partial(self._writer.offer, offered, outcome, seq=seq))
        elif not self._is_decided:
            self._do(partial(self._replica.decide, self._follower, fold.epoch))
            self._is_decided = True

    def _do(self, work: Callable[[], object]) -> None:
        """Have something done to the session, unless the connection is closed."""
        with contextlib.suppress(NotConnected):
            self._home.connection.do(work)

    def _restore(self) -> None:
        """Offer what the room forgot (on any thread)."""
        if self._made:
            self._current()

    def _keep_short(self) -> None:
        """Put a snapshot in the place of the actions, where there are many."""
        with self._lock:
            fold = self._fold
            if not self._compacts or self._is_compacting or fold.pending:
                return
            if fold.behind or fold.unfinished or fold.left_over or self._unfinished:
                return
            # As long as a snapshot costs more than twice what it saves, it is not worth it.
            if 2 * fold.cost_bytes < self._snapshot_bytes:
                return
            seq, epoch, snapshot = fold.seq, fold.epoch, Snapshot(self._kept_text(fold.confirmed))
            self._snapshot_bytes = len(snapshot.text)
            if 2 * fold.cost_bytes < self._snapshot_bytes:
                return
            self._compacts = False
            fold.shortened()
        outcome: Outcome[int | None] = Outcome()
        outcome.add_done_callback(self._compacted)

        def work() -> None:
            # Only now, or an interrupt may leave it so.
            self._is_compacting = True
            self._writer.compact(snapshot, outcome, seq=seq, epoch=epoch)

        self._do(work)  # somebody else will, or the next action of ours

    def _offered(self, outcome: Outcome[int | None]) -> None:
        error = outcome.exception()
        # Somebody was faster, or this one may only read.
        if isinstance(error, Refusal) and not isinstance(error, (Conflict, Forbidden)):
            self.refused(error)

    def _compacted(self, outcome: Outcome[int | None]) -> None:
        self._is_compacting = False
        error = outcome.exception()
        if isinstance(error, Refusal) and error.code not in self._untold:
            self._untold.add(error.code)
            _log.warning(
                "%s %r: its stream can't be kept short: %s", self._class_name(), self._key, error
            )
        callbacks.schedule(self)

    def _lost(self, forgotten: Any, value: Any) -> None:
        """Say that the room goes on from another value than the one that was shown."""
        if not same(self._hand_out(forgotten), self._hand_out(value)):
            _log.warning(
                "%s %r: the room lost its memory, and goes on from another value than the one "
                "that was shown",
                self._class_name(),
                self._key,
            )

    def _write(self, value: Any) -> bytes:
        return encode(value, hook=self._encode)

    def _read(self, text: bytes) -> Any:
        return decode(text, hook=self._decode)
