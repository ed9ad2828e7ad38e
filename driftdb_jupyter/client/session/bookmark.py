"""How far somebody has come in a stream."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .log import Heard, News, StartedOver

__all__ = ["Bookmark"]


class Bookmark(NamedTuple):
    """A place in a stream; :meth:`after` picks out of its news what was not seen yet.

    ``skip``: what is there at the beginning counts as seen.
    """

    skip: bool
    seen: Heard | None = None

    def after(self, news: News) -> tuple[Sequence[Heard], Bookmark]:
        """Return the values that come next in some news, and the place behind them."""
        seen = self.seen
        if isinstance(news, Heard):
            if seen is not None and news.seq <= seen.seq:
                return (), self  # the beginning held it
            return (news,), Bookmark(False, news)
        if not isinstance(news, StartedOver):
            return (), self
        held, fresh = news.held, news.held
        if self.skip:
            fresh = []
        elif seen is not None:
            at = bisect_left([each.seq for each in held], seen.seq)
            # In another epoch the numbers may be another's: only the same value is the same.
            if news.same_epoch or held[at : at + 1] == [seen]:
                fresh = [each for each in held[at:] if each.seq > seen.seq]
        if held or not news.same_epoch:
            seen = held[-1] if held else None
        return fresh, Bookmark(False, seen)

    def after_gap(
        self, missed: int, held: Sequence[Heard], later: Iterable[News]
    ) -> tuple[int, Sequence[Heard], Bookmark]:
        """Find again what was not taken in time, in what the stream still ``held``.

        ``later`` are the news behind the ``missed`` ones. Returns how many are gone for good, and
        what :meth:`after` returns.
        """
        if self.skip:
            return missed, (), self
        before = next((each.seq for each in later if isinstance(each, Heard)), None)
        found = [each for each in held if before is None or each.seq < before]
        values, place = self.after(StartedOver(found, same_epoch=True))
        return max(missed - len(values), 0), values, place
