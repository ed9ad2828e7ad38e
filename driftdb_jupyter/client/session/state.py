"""A state as one client sees it: the room's value under the client's own newest write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ...protocol.errors import Conflict, DriftDBError, Refusal, TooLarge, Uncertain
from .kind import Kind
from .log import Heard
from .messages import Value
from .notices import Notices
from .outcome import Outcome, fail, fulfil
from .pace import Pace
from .pushes import Pushes
from .replica import LOST_MEMORY, Replica
from .stored import meant, written

__all__ = ["StateReplica", "Update"]


@dataclass(eq=False)
class Update:
    """A step from one value to the next, that is to be made on whatever the room holds.

    ``step`` takes and returns JSON text (``None``: there is no value yet) and may be called
    several times, in any thread. ``result`` is what it returned last; the outcome brings it.
    ``pace``: how often its writer sends, if not as soon as possible.
    """

    step: Callable[[bytes | None], bytes]
    result: bytes = b""
    outcome: Outcome[bytes] = field(default_factory=Outcome)
    pace: Pace | None = None


@dataclass(eq=False)
class _Write:
    """A value on its way. ``base`` is what ``updates`` made it of, if it depends on that.

    ``paces`` are those of all who wrote it; empty if one of them may send at any time.
    """

    value: bytes
    depends: bool = False
    base: bytes | None = None
    stale: bool = False
    uncertain: bool = False
    paces: tuple[Pace, ...] = ()
    updates: list[Update] = field(default_factory=list)
    outcomes: list[Outcome[bytes]] = field(default_factory=list)

    def fulfil(self) -> None:
        fulfil(self.outcomes, self.value)
        for update in self.updates:
            fulfil([update.outcome], update.result)

    def fail(self, error: DriftDBError) -> None:
        fail(self.outcomes, error)
        fail([update.outcome for update in self.updates], error)

    @property
    def writes(self) -> int:
        """The number of writes that it stands for."""
        return max(len(self.updates), 1)

    @property
    def paused(self) -> bool:
        """Whether none of those who wrote it may send now."""
        return bool(self.paces) and all(pace.paused for pace in self.paces)

    def share(self, pace: Pace | None) -> None:
        """Note that one more wrote it."""
        if pace is None:
            self.paces = ()
        elif self.paces and pace not in self.paces:
            self.paces = (*self.paces, pace)


class Echo(Protocol):
    """An own write that was handed over and is shown already, until it is taken."""

    value: bytes | None
    taken: bool


class Rebase(NamedTuple):
    """Updates to compute again, one after the other, from this value."""

    base: bytes | None
    updates: Sequence[Update]


class StateReplica(Replica):
    """The value of one key; made by :meth:`.session.Session.state`. All values are JSON text.

    The value shown is the newest own write that isn't acknowledged yet, else the room's, else the
    last that the room held before it forgot, else the initial one. At most one write is in
    flight, and a newer one replaces the one that waits behind it: so others see a smooth stream
    at the pace of the round trip that always ends with the last value, and the own value never
    jumps back while a write is under way. After the ack the room's value shows, so that all
    replicas end equal.

    An :class:`Update` is written only where the room still holds the value that it was made of
    (protocol, "Writing only if nobody was faster"), else it is made again: see :meth:`rebase`.
    """

    def __init__(
        self, key: str, pushes: Pushes, notices: Notices, *, kind: Kind | None = None
    ) -> None:
        super().__init__(key, pushes, notices, kind=kind)
        self.initial: bytes | None = None
        self.confirmed: bytes | None = None
        self.written: Heard | None = None
        """The room's value with who wrote it and when, once :meth:`want_stamps` was called."""
        self.echo: Echo | None = None
        """The newest write of a caller; it is shown from the moment at which it was handed over."""
        self._lost: bytes | None = None  # what the room held in an epoch that has gone
        self._queued: _Write | None = None
        self._flying: _Write | None = None  # sent, with its id
        self._flying_id = 0
        self._offer_id = 0
        self._untakable: bytes | None = None  # an initial value that is too large for the server
        self._stream_seq = 0  # the newest number in the stream, and where it was corrected
        self._heard_to = 0  # what has to be heard before an update makes sense
        self._late: list[Update] = []  # to be made again once the write that waits was sent
        self._shown: bytes | None = None

    @property
    def shown(self) -> bytes | None:
        """The value shown; any thread may read it at any time."""
        echo = self.echo
        return self._shown if echo is None or echo.taken else echo.value

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: every own push was acknowledged."""
        return (
            self._queued is None and self._flying is None and not self._offer_id and not self._late
        )

    @property
    def waiting(self) -> int:
        """The number of own writes that were not even pushed; each update is one."""
        queued, flying = self._queued, self._flying
        waiting = 0 if queued is None else queued.writes
        if flying is not None:  # the push of it is counted already
            waiting += flying.writes - 1
        return waiting + len(self._late)

    def want_stamps(self) -> None:
        """Ask for who wrote the value and when, from now on, and what is known of that already."""
        if not self.stamps:
            self.stamps = True
            if self.current:
                self.read_anew()

    def check_size(self, value: bytes) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.TooLarge` for a value over the limit."""
        self._pushes.check_size(self.key, written(value))

    def write(
        self, value: bytes, *, outcome: Outcome[bytes] | None = None, pace: Pace | None = None
    ) -> bool:
        """Show a value, and send it as soon as possible; False where that would change nothing.

        ``pace``: how often the writer sends, if not as soon as possible.

        The outcome brings the value, or a newer own one that took its place.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` and
        :class:`~driftdb_jupyter.protocol.errors.WrongKind`.
        """
        outcomes = [] if outcome is None else [outcome]
        pending = self._flying if self._queued is None else self._queued
        if pending is None and self.current and value == self.confirmed:
            fulfil(outcomes, value)
            return False
        same = pending is not None and value == pending.value and not pending.depends
        if pending is not None and same and not self._late:
            pending.outcomes += outcomes
            if pace is None and pending.paused:
                pending.share(None)
                self._notices.touched(self.key)
            return False
        self.check_kind()
        self.check_size(value)
        queued = self._queued
        if queued is None:
            queued = self._queued = _Write(value, paces=() if pace is None else (pace,))
        else:
            queued.share(pace)
            queued.value = value
            queued.depends = queued.stale = False
        queued.outcomes += outcomes
        for late in self._late:
            queued.share(late.pace)
        queued.updates += self._late  # this is written over what they would make
        self._late = []
        self._settle()
        return True

    def update(self, update: Update, *, base: bytes | None) -> None:
        """Write what an update made of ``base``; it is made again where that isn't shown any more.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        self.check_kind()
        self.check_size(update.result)
        queued, current = self._queued, base == self._shown
        if queued is not None and not queued.depends and not current:
            queued.share(update.pace)
            self._late.append(update)
            return
        if queued is None:
            paces = _paces([update])
            queued = self._queued = _Write(update.result, depends=True, base=base, paces=paces)
        else:
            queued.share(update.pace)
            queued.value = update.result
        queued.updates.append(update)
        if not current:
            queued.stale = True
            self._notices.overtaken(self.key)
        self._settle()

    def offer(self, initial: bytes) -> None:
        """Take an initial value, if there is none yet: shown, and written, where the room has none.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        if self.initial is None:
            self.check_size(initial)
            self.initial = initial
            self._settle()
            self._offer_if_empty()

    @property
    def stale(self) -> bool:
        """Whether updates wait to be made again, with :meth:`rebase`."""
        return self._queued is not None and self._queued.stale

    def rebase(self) -> Rebase | None:
        """Return what has to be computed again, outside of whatever lock guards this.

        Then :meth:`rebased`.
        """
        if self._queued is None or not self._queued.stale:
            return None
        return Rebase(self._base(), tuple(self._queued.updates))

    def rebased(self, rebase: Rebase, failed: Sequence[Update] = ()) -> None:
        """Take what the updates made now; nothing, if meanwhile there is more to do.

        ``failed`` are given up; what they failed with is theirs to tell.
        """
        queued = self._queued
        if queued is None or not queued.stale:
            return
        queued.updates = [update for update in queued.updates if update not in failed]
        made = [update for update in rebase.updates if update not in failed]
        if not queued.updates:
            self._queued = None
            fulfil(queued.outcomes, queued.value)
        elif made == queued.updates and rebase.base == self._base():
            queued.base, queued.value, queued.stale = rebase.base, made[-1].result, False
        else:
            self._notices.overtaken(self.key)
        self._settle()

    # What the session calls.

    def next_write(self) -> None:
        """Send the write that waits, if none is in flight."""
        queued = self._queued
        if queued is None or self._flying is not None or self._offer_id:
            return
        if queued.paused:
            return
        conditions: tuple[int | None, str | None] = (None, None)
        if queued.depends:
            if queued.stale or not self.current or self.seq < self._heard_to:
                return
            if queued.base != self._base():
                queued.stale = True
                self._notices.overtaken(self.key)
                self._settle()
                return
            conditions = self._stream_seq, self.epoch
        self._flying, self._queued = queued, None
        if self._late:
            self._queued = _Write(
                queued.value,
                depends=True,
                stale=True,
                paces=_paces(self._late),
                updates=self._late,
            )
            self._late = []
            self._notices.overtaken(self.key)
        self._flying_id = self._pushes.push(
            self,
            written(queued.value),
            action="replace",
            if_seq=conditions[0],
            epoch=conditions[1],
        )
        for pace in queued.paces:
            pace.sent()

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """Note that the room took an own push whose broadcast has come already."""
        if push_id == self._flying_id and self._flying is not None:
            self._flying.fulfil()
        self._done(push_id)

    def refused(self, push_id: int, error: Refusal) -> None:
        """Note that the room refused an own push."""
        flying = self._flying
        if push_id == self._offer_id and isinstance(error, TooLarge):
            self._untakable = self.initial if self._lost is None else self._lost
        elif push_id == self._flying_id and flying is not None:
            if isinstance(error, Conflict) and flying.uncertain:
                flying.fail(Uncertain(LOST_MEMORY))
            elif isinstance(error, Conflict) and flying.depends:
                self._try_again(flying, error)
            else:
                flying.fail(error)
        self._done(push_id)

    def disconnected(self) -> None:
        """Note that the connection is gone, and an offer with it.

        The next ``init`` decides anew.
        """
        super().disconnected()
        self._offer_id = self._heard_to = 0

    def abandoned(self, error: DriftDBError) -> None:
        """Drop the writes under way, and fail their outcomes."""
        for write in (self._flying, self._queued):
            if write is not None:
                write.fail(error)
        for update in self._late:
            fail([update.outcome], error)
        self._queued = self._flying = None
        self._flying_id = 0
        self._late = []
        self._settle()

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        if not same_epoch and self._flying is not None:
            # Others may have heard it, and offer what came of it to the room.
            self._flying.uncertain = True
        self._stream_seq = values[-1].seq if values else 0
        self._newest = self.written = None
        if values:
            if self.stamps:
                self.written = Heard.of(values[-1])
            self._confirm(bytes(values[-1].value), several=len(values) > 1)
        elif same_epoch:
            self.confirmed = self._lost = None
        else:
            # The room forgot: what it held is offered anew (protocol, "What the shared objects
            # write").
            if self.confirmed is not None:
                self._lost = self.confirmed
            self.confirmed = None

    def _caught_up(self) -> None:
        self._settle()
        self._offer_if_empty()

    def _heard(self, value: Value) -> None:
        self._stream_seq = value.seq
        if self.stamps:
            self.written = Heard.of(value)
        self._confirm(bytes(value.value))

    def _emptied(self) -> None:
        self.meta = self._newest = self.written = None
        self._stream_seq = 0
        self.confirmed = self._lost = None
        self._settle()
        self._offer_if_empty()

    def _try_again(self, flying: _Write, conflict: Conflict) -> None:
        # Below what was heard it tells of a relay, which is in no stream; above, something is
        # still to come.
        if conflict.seq <= self.seq:
            self._stream_seq = conflict.seq
        self._heard_to = conflict.seq
        if self._queued is None:
            self._queued = flying
        else:
            later = self._queued
            later.updates[:0] = flying.updates
            later.outcomes[:0] = flying.outcomes
            if not flying.paces:
                later.paces = ()
            if later.depends and not later.stale:
                later.stale = True
                self._notices.overtaken(self.key)

    def _offer_if_empty(self) -> None:
        offered = self.initial if self._lost is None else self._lost
        missing = self.current and self.confirmed is None and self.settled and not self.is_another
        if missing and offered is not None and offered != self._untakable:
            self._offer_id = self._pushes.push(
                self, written(offered), action="replace", if_seq=0, offer=True
            )

    def _done(self, push_id: int) -> None:
        if push_id == self._offer_id:  # if it was refused, then for good
            self._offer_id = 0
            self._settle()
        elif push_id == self._flying_id:
            self._flying, self._flying_id = None, 0
            self._settle()
            self._offer_if_empty()  # it may have been deleted meanwhile

    def _base(self) -> bytes | None:
        """Return the value without the own writes."""
        known = (self.confirmed, self._lost, self.initial)
        return next((value for value in known if value is not None), None)

    def _confirm(self, text: bytes, *, several: bool = False) -> None:
        value = meant(text)
        # A state's own form says that it is one; it may be long, and needs no other look.
        self._newest = text if several or value is text else None
        self._several = several
        self.confirmed, self._lost = value, None
        self._settle()

    def _settle(self) -> None:
        queued, flying = self._queued, self._flying
        if queued is not None and not queued.stale:
            self._shown = queued.value
        else:
            self._shown = self._base() if flying is None else flying.value
        self._notices.touched(self.key)


def _paces(updates: Sequence[Update]) -> tuple[Pace, ...]:
    """Return the paces of updates that are written together (see :class:`_Write`)."""
    paces = [update.pace for update in updates if update.pace is not None]
    return tuple(dict.fromkeys(paces)) if len(paces) == len(updates) else ()
