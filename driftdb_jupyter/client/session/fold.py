"""A reducer's value as one client sees it: a room's actions in their order, and the own on top."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ...protocol.json_text import read_json
from .log import Compacted, Heard, Missed, News, StartedOver

__all__ = ["Fold"]

# What each action costs a room beside its own length.
_ACTION_BYTES = 200
# Beyond it a browser's numbers are not exact.
_LARGEST_SAFE = 2**53 - 1


class _Form(Struct):
    """The form of a value in the stream: an action, a snapshot or a part of one."""

    apply: Raw | UnsetType = UNSET
    reset: Raw | UnsetType = UNSET
    i: Any = None
    initial: Any = None
    parts: Any = None
    part: Any = None
    of: Any = None
    text: Any = None


_read = msgspec.json.Decoder(_Form).decode


class _Unfinished:
    """A snapshot in parts that lacks some of them (protocol, "Snapshots in parts")."""

    __slots__ = ("actions", "count", "of", "texts")

    def __init__(self, of: str, count: int) -> None:
        self.of = of
        self.count = count
        self.texts: dict[int, str] = {}
        self.actions: list[bytes] = []
        """What the room ordered behind it."""


class Proposal(NamedTuple):
    """An own action: its mark, what to append for it, and the value with it."""

    mark: str
    form: bytes
    action: bytes
    value: Any
    shown: list[Any]


class Fold:
    """Applies actions with a pure function; knows no room and no thread.

    ``apply(value, action)`` takes an action as JSON text and returns the next value, or raises:
    then the action counts for nothing, here as with everybody. ``begin()`` is the value of an
    empty stream.

    The room's order decides (``confirmed``); own actions that it has not ordered yet are applied
    behind (``value``). So all folds of a stream end equal.
    """

    def __init__(
        self,
        apply: Callable[[Any, bytes], Any],
        begin: Callable[[], Any],
        read: Callable[[bytes], Any],
        lost: Callable[[Any, Any], object] | None = None,
    ) -> None:
        """``read`` makes a value of a snapshot's JSON text.

        ``lost(forgotten, value)`` is called where the room has forgotten a value that was known
        here, and goes on from another (which may be equal).
        """
        self._apply = apply
        self._begin = begin
        self._read = read
        self.pending: dict[str, bytes] = {}
        """The own actions that the room has not ordered yet, by their marks."""
        self.source = secrets.token_urlsafe(12)
        """What its marks begin with."""
        self._count = itertools.count(1)
        self._lost = lost
        self._unfinished: _Unfinished | None = None
        self._first: bytes | None = None  # by which the stream is known again in another epoch
        self._shown: list[Any] = []  # the value, until something changes it
        self.confirmed: Any = begin()
        self.seq = 0
        """The newest number that is in ``confirmed``."""
        self.epoch: str | None = None
        """The epoch that it is of."""
        self.actions = 0
        """How many actions the stream holds, as far as this knows; a snapshot counts as one."""
        self.cost_bytes = 0
        """What the actions among them cost the room."""
        self.behind = False
        """Whether something was missed, so that the stream has to be read anew."""
        self.empty = False
        """Whether the stream holds nothing."""
        self.left_over = False
        """Whether ``confirmed`` goes on from what the room has forgotten."""
        self.initial = True
        """Whether ``confirmed`` is only where the actions begin."""

    @property
    def unfinished(self) -> bool:
        """Whether the newest snapshot lacks parts."""
        return self._unfinished is not None

    @property
    def missing(self) -> bool:
        """Whether ``confirmed`` is to be offered: the room is empty, or forgot what is known here.

        Not while somebody else is offering a value in parts.
        """
        return self.empty or (self.left_over and self._unfinished is None)

    @property
    def value(self) -> Any:
        """The value with the own actions."""
        shown = self._shown
        if shown:
            return shown[0]
        value = self.confirmed
        for action in list(self.pending.values()):
            value = self._applied(value, action)
        if self._shown is shown:  # else a signal handler changed it meanwhile
            self._shown = [value]
        return value

    def prepare(self, action: bytes) -> Proposal:
        """Apply an own action, and change nothing yet; raises what ``apply`` raises."""
        value = self._apply(self.value, action)
        mark = f"{self.source}-{next(self._count)}"
        form = b'{"apply":%b,"i":%b}' % (action, msgspec.json.encode(mark))
        return Proposal(mark, form, action, value, self._shown)

    def pend(self, proposal: Proposal) -> None:
        """Show an own action, which is on its way by now."""
        self.pending[proposal.mark] = proposal.action
        unchanged = self._shown is proposal.shown
        self._shown = [proposal.value] if unchanged else []

    def settle(self, mark: str) -> bool:
        """Note that an own action was ordered or refused.

        Return True if it was pending until now.
        """
        if self.pending.pop(mark, None) is None:
            return False
        self._shown = []
        return True

    def take(self, news: News) -> bool:
        """Apply what came, in order; tells whether anything did."""
        if isinstance(news, Missed):
            self.behind = True
        elif isinstance(news, StartedOver):
            self._start_over(news)
        elif isinstance(news, Compacted):
            self._first = news.by.value
            # What is lacking may never come now.
            self.behind = self.behind or self.unfinished
            return False
        elif not self.behind:
            self._hear(news)
        else:
            return False
        self._shown = []
        return True

    def shortened(self) -> None:
        """Note that a snapshot takes the place of all that the stream holds."""
        self.actions, self.cost_bytes = 1, 0

    def _start_over(self, news: StartedOver) -> None:
        goes_on = self.left_over and news.same_epoch
        before = self.seq if goes_on else 0
        first = news.held[0].value if news.held else None
        known = first is not None and self._first is not None and _equal(first, self._first)
        self._first = first
        self.behind, self.empty, self._unfinished = False, not news.held, None
        self.epoch = news.epoch
        self.seq, self.actions, self.cost_bytes = before if news.held else 0, 0, 0
        self.left_over = goes_on or not (news.same_epoch or known or self.initial)
        if not self.left_over:
            self.confirmed, self.initial = self._begin(), True
        for heard in news.held:
            if heard.seq > before:
                self._hear(heard)

    def _hear(self, heard: Heard) -> None:
        if self.empty:
            self.empty, self._first = False, heard.value
        self.seq = heard.seq
        try:
            form = _read(heard.value)
        except (msgspec.MsgspecError, RecursionError):
            return  # none of ours: it counts for nothing
        if not isinstance(form.reset, UnsetType):
            initial = isinstance(form.initial, str)
            # Who knows more than where it begins, keeps that.
            if not (initial and self.left_over):
                self._restart(bytes(form.reset), initial=initial)
        elif not isinstance(form.apply, UnsetType):
            action = bytes(form.apply)
            if isinstance(form.i, str):
                self.pending.pop(form.i, None)
            self.actions += 1
            self.cost_bytes += _ACTION_BYTES + len(action)
            self.initial = False
            if self._unfinished is not None:
                self._unfinished.actions.append(action)
            self.confirmed = self._applied(self.confirmed, action)
        elif isinstance(form.of, str):
            self._hear_part(form, form.of)

    def _hear_part(self, form: _Form, of: str) -> None:
        unfinished = self._unfinished
        count, part = _natural(form.parts), _natural(form.part)
        if count:
            self._unfinished = _Unfinished(of, count)
        elif (
            unfinished is not None
            and unfinished.of == of
            and isinstance(form.text, str)
            and part is not None
            and part < unfinished.count
        ):
            unfinished.texts.setdefault(part, form.text)
            if len(unfinished.texts) == unfinished.count:
                self._finish(unfinished)

    def _finish(self, unfinished: _Unfinished) -> None:
        self._unfinished = None
        texts = unfinished.texts
        try:
            text = "".join(texts[part] for part in range(unfinished.count)).encode()
            read_json(text)
        except (ValueError, RecursionError):
            return  # it counts for nothing
        length, cost_bytes = self.actions, self.cost_bytes
        self._restart(text, initial=False, actions=unfinished.actions)
        self.actions, self.cost_bytes = length, cost_bytes

    def _restart(self, text: bytes, *, initial: bool, actions: Sequence[bytes] = ()) -> None:
        """Go on from a snapshot, with the actions behind it."""
        value = self._read(text)
        for action in actions:
            value = self._applied(value, action)
        left_over, before = self.left_over, self.confirmed
        self.confirmed, self.initial = value, initial
        self.shortened()
        self.left_over, self._unfinished = False, None
        if left_over and self._lost is not None:
            self._lost(before, value)

    def _applied(self, value: Any, action: bytes) -> Any:
        try:
            return self._apply(value, action)
        except Exception:
            return value


def _natural(number: object) -> int | None:
    """Return an integer from 0 on, ``None`` for whatever else a message has in its place."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if type(number) is int and 0 <= number <= _LARGEST_SAFE:
        return number
    return None


def _equal(one: bytes, other: bytes) -> bool:
    """Return True if two JSON texts say the same."""
    return one == other or bool(read_json(one) == read_json(other))
