"""A reducer's value as one client sees it: a room's actions in their order, and the own on top."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from .log import Compacted, Heard, Missed, News, StartedOver

__all__ = ["Fold", "snapshot"]


class _Form(Struct):
    """What stands in the stream, as DriftDB's npm client ``Reducer`` writes it."""

    apply: Raw | UnsetType = UNSET
    reset: Raw | UnsetType = UNSET
    i: str = ""


_read = msgspec.json.Decoder(_Form).decode


def snapshot(value: bytes) -> bytes:
    """What stands for all actions up to now: the value, as JSON text."""
    return b'{"reset":%b}' % value


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
    ) -> None:
        """``read`` makes a value of a snapshot's JSON text."""
        self._apply = apply
        self._begin = begin
        self._read = read
        self.pending: dict[str, bytes] = {}
        """The own actions that the room has not ordered yet, by their marks."""
        self.source = secrets.token_urlsafe(12)
        """What its marks begin with."""
        self._count = itertools.count(1)
        self._left_over = False
        self._shown: list[Any] = []  # the value, until something changes it
        self.confirmed: Any = begin()
        self.seq = 0
        """The newest number that is in ``confirmed``."""
        self.epoch: str | None = None
        """The epoch that it is of."""
        self.actions = 0
        """How many actions the stream holds, as far as this knows."""
        self.behind = False
        """Whether something was missed, so that the stream has to be read anew."""
        self.missing = False
        """Whether the stream is empty, so that ``confirmed`` is to be offered to it."""

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

    def propose(self, action: bytes) -> tuple[str, bytes]:
        """Apply an own action that is on its way; returns its mark, and what to append.

        Raises what ``apply`` raises: such an action goes nowhere.
        """
        proposal = self.prepare(action)
        self.pend(proposal)
        return proposal.mark, proposal.form

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
        """An own action was ordered, or refused; tells whether it was pending until now."""
        if self.pending.pop(mark, None) is None:
            return False
        self._shown = []
        return True

    def take(self, news: News) -> bool:
        """Apply what came, in order; tells whether anything did."""
        if isinstance(news, Missed):
            self.behind = True
        elif isinstance(news, StartedOver):
            self.behind = False
            self.missing = not news.held
            self.epoch = news.epoch
            self.seq = self.actions = 0
            # What a room held before it forgot is offered to it anew.
            self._left_over = self.missing and not news.same_epoch
            if not self._left_over:
                self.confirmed = self._begin()
            for heard in news.held:
                self._hear(heard)
        elif isinstance(news, Compacted):
            return False
        elif not self.behind:
            self._hear(news)
        else:
            return False
        self._shown = []
        return True

    def _hear(self, heard: Heard) -> None:
        self.missing = False
        if self._left_over:  # somebody was faster than what was offered
            self._left_over, self.confirmed = False, self._begin()
        self.seq = heard.seq
        self.actions += 1
        try:
            form = _read(heard.value)
        except msgspec.MsgspecError:
            return  # none of ours: it counts for nothing
        self.pending.pop(form.i, None)
        if not isinstance(form.reset, UnsetType):
            self.confirmed, self.actions = self._read(bytes(form.reset)), 1
        elif not isinstance(form.apply, UnsetType):
            self.confirmed = self._applied(self.confirmed, bytes(form.apply))

    def _applied(self, value: Any, action: bytes) -> Any:
        try:
            return self._apply(value, action)
        except Exception:
            return value
