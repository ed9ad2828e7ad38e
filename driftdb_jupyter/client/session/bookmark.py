"""A reader's place in a stream."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .log import Heard, News, StartedOver

__all__ = ["Bookmark"]


class Bookmark(NamedTuple):
    """A place in a stream; its methods pick out of the stream's news what was not seen yet.

    ``skip``: what is there at the beginning counts as seen.
    """

    skip: bool
    seen: Heard | None = None

    def after_all(self, heard: Sequence[Heard]) -> tuple[Sequence[Heard], Bookmark]:
        """Return those of some values in a row that come next, and the place behind them."""
        seen = self.seen
        if seen is not None and heard[0].seq <= seen.seq:  # the beginning held some
            heard = [each for each in heard if each.seq > seen.seq]
        return heard, Bookmark(False, heard[-1]) if heard else self

    def after(self, news: News) -> tuple[Sequence[Heard], Bookmark]:
        """Return the values that come next in some news, and the place behind them."""
        if isinstance(news, Heard):
            return self.after_all((news,))
        seen = self.seen
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
