"""The parts that all replicas of a key share: they start over, go on, and know how far they are."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.errors import DriftDBError, Refusal, WrongKind
from . import messages
from .kind import Kind, check, looks_like
from .messages import Incoming, Value
from .notices import Notices
from .pushes import Pushes

__all__ = ["LOST_MEMORY", "Replica"]

LOST_MEMORY = "the room lost its memory before it confirmed this; it may count or not"


class Replica:
    """One client's copy of one key; values are JSON text.

    The session made it, and tells it what comes. Each connection brings the answer to a ``get``
    first: either what was missed, or, where the server doesn't know that any more, all that the
    stream holds (protocol, "Missing nothing"); a long answer comes in pages, and is taken as a
    whole. A server that knows no epochs gives all each time.
    """

    stamps = False
    """Whether who wrote and when is asked for, too."""
    held = False
    """Whether what the stream holds is asked for, too (protocol, "What a stream holds")."""

    def __init__(
        self, key: str, pushes: Pushes, notices: Notices, *, kind: Kind | None = None
    ) -> None:
        """``kind``: what the key is used as (protocol, "What a key is"); ``None``: as anything."""
        self.key = key
        self.kind = kind
        self.meta: Kind | None = None
        """What the key is said to be."""
        self.tells_held = False
        """Whether the server says what the stream holds."""
        self._pushes = pushes
        self._notices = notices
        self.epoch: str | None = None
        """The room's epoch when this was heard last, ``None`` before and where there are none."""
        self.seq = 0
        """The newest sequence number that was heard."""
        self.ready = False
        """Whether the room's answer was ever heard."""
        self.current = False
        """Whether it was heard on the connection that is open now."""
        self.recovered: bool | None = None
        """Whether this connection went on where the last one ended; ``None``: not known (yet)."""
        self.withheld = False
        """Whether the room said on this connection that the key may not be read."""
        self.asked = b""
        """The ``get`` that was sent last."""
        self._anew = False
        self._newest: bytes | None = None  # the newest value in the stream
        self._several = False  # whether there are others
        self._above = 0  # what was asked for last
        self._asked_stamps = False
        self._pages: list[Value] = []
        self._from_start = False
        self._pages_failed = False

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: every own push was acknowledged."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """The number of own writes that were not even pushed."""
        return 0

    @property
    def restored(self) -> bool:
        """Whether pushes may be sent that wait until what the room forgot was offered."""
        return True

    @property
    def is_another(self) -> bool:
        """Whether the key is of another kind than it is used as."""
        try:
            self.check_kind()
        except WrongKind:
            return True
        return False

    def check_kind(self) -> None:
        """Raise :class:`WrongKind` where the key is of another kind than it is used as."""
        if self.kind is not None and self.meta != self.kind:
            looks = None
            if self.meta is None and self._newest is not None:
                looks = looks_like(self._newest, several=self._several)
            check(self.key, self.kind, meta=self.meta, looks=looks)

    # What the session calls.

    def ask(self) -> bytes:
        """Return the ``get`` for what isn't known yet, on a new connection."""
        self._pages, self._pages_failed = [], False
        epoch = None if self._anew else self.epoch
        above = 0 if epoch is None else self.seq
        return self._get(epoch=epoch, above=above, limit=self._notices.page)

    def ask_anew(self) -> bytes:
        """Return the ``get`` for all that the stream holds, as if nothing was known of it."""
        self.current, self._anew = False, True
        return self.ask()

    def read_anew(self) -> None:
        """Ask for all that the stream holds, now, if there is a connection."""
        self._notices.ask(self.ask_anew())

    def initialized(self, answer: Incoming) -> bytes | None:
        """Take the answer to a ``get``; returns the next ``get``, where there is more."""
        begins = not self._pages
        if self.current and self.withheld:  # it may be read now (protocol, "Grants")
            self.withheld = False
            return self.ask_anew()
        if self.withheld and self.ready and not answer.data and not answer.recovered:
            # As if the key were empty (protocol, "Grants"): what was known stays in view.
            self.current, self.recovered, self._pages = True, False, []
            self._caught_up()
            return None
        if self.current or (begins and answer.recovered and self.epoch is None):
            return None  # a second answer, or one to who asked for this key before
        if not begins and not answer.recovered:
            # The stream changed between two pages, so that there are pages anew. Should that
            # happen again, the next one is asked to hold the rest.
            self._pages, self._pages_failed, begins = [], True, True
        if begins:
            self._from_start = not answer.recovered
        known, data, oldest = self._pages[-1].seq if self._pages else 0, answer.data, None
        if answer.size and answer.recovered and data and data[0].seq <= self._above:
            oldest, *data = data
        self._pages += [value for value in data if value.seq > known]
        if answer.more and self._pages:
            limit = None if self._pages_failed else self._notices.page
            return self._get(epoch=answer.epoch, above=self._pages[-1].seq, limit=limit)
        values, self._pages = self._pages, []
        if self.stamps and not self._asked_stamps:
            return self.ask_anew()  # they were asked for meanwhile
        if self._from_start and answer.size is not None:
            if oldest is not None:
                values = [oldest, *(value for value in values if value.seq > oldest.seq)]
            if len(values) != answer.size:  # it changed between two pages
                self._pages_failed = True
                return self._get(epoch=None, above=0, limit=None)
        if self.ready:
            self.recovered = not self._from_start
        same_epoch = self.epoch is not None and self.epoch == answer.epoch
        if self.ready and not same_epoch:
            self.meta = None  # what was said of it may be forgotten, too
        self.epoch = answer.epoch
        self._anew = False
        if self._from_start:
            # Within an epoch all up to the newest number ever heard is accounted for.
            self.seq = max(values[-1].seq if values else 0, self.seq if same_epoch else 0)
            self._started_over(values, same_epoch=same_epoch)
        else:
            self.tells_held = False  # not of each of these
            for value in values:
                if value.seq > self.seq:
                    self.seq = value.seq
                    self._heard(value)
            if answer.size is not None:
                self._holds(answer.first or 0, answer.size, oldest)
        # Only now, because other threads take it for the sign that the values are there; and not
        # where it turned out that they have to be read anew.
        self.ready, self.current = True, not self._anew
        self.tells_held = answer.size is not None
        if answer.seq is not None:  # up to there nothing else was pushed
            self.seq = max(self.seq, answer.seq)
        self._caught_up()
        return None

    def pushed(self, value: Value) -> None:
        """Take a push that arrived; what was heard already is not heard again."""
        if self.current and value.seq > self.seq:
            self.seq = value.seq
            self._heard(value)

    def pushed_all(self, values: Sequence[Value]) -> None:
        """Take pushes that arrived together, each as :meth:`pushed` does."""
        for value in values:
            self.pushed(value)

    def compacted(self, value: Value) -> None:
        """Put a value in the place of all up to its number."""

    def deleted(self, seq: int) -> None:
        """Note that the stream was emptied."""
        if self.current and seq > self.seq:
            self.seq = seq
            self._emptied()

    def next_write(self) -> None:
        """Push what waits for its turn."""

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """Note that the room took an own push whose broadcast has come already.

        ``seq`` is its number, ``None`` where the server took it too long ago to know.
        """
        raise NotImplementedError

    def refused(self, push_id: int, error: Refusal) -> None:
        """Note that the room refused an own push."""
        raise NotImplementedError

    def disconnected(self) -> None:
        """Note that the connection is gone."""
        self.current = self.withheld = False
        self.recovered = None

    def abandoned(self, error: DriftDBError) -> None:
        """Drop the writes under way, and fail their outcomes."""
        raise NotImplementedError

    def _get(self, *, epoch: str | None, above: int, limit: int | None) -> bytes:
        self._above = above
        self._asked_stamps = self.stamps
        self.asked = messages.get(
            self.key, epoch=epoch, above=above, limit=limit, stamps=self.stamps, held=self.held
        )
        return self.asked

    # What a kind of replica does.

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        """Replace all that was known of the stream by what it holds now."""
        raise NotImplementedError

    def _caught_up(self) -> None:
        """Go on after the answer was taken: what waited for it has its turn."""
        self._notices.touched(self.key)

    def _heard(self, value: Value) -> None:
        """Take the next push."""
        raise NotImplementedError

    def _holds(self, first: int, size: int, oldest: Value | None) -> None:
        """Note that the stream holds ``size`` values, the oldest of which has the number ``first``.

        ``oldest`` is that value, where it may have been put there while nobody could be told.
        """

    def _emptied(self) -> None:
        """Note that the stream holds nothing any more."""
        raise NotImplementedError
