"""The place that somebody has reached in a stream."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from .log import Heard, News, StartedOver

__all__ = ["Bookmark"]


class Bookmark:
    """Picks out of the news of a stream what was not seen yet."""

    def __init__(self, *, skip: bool) -> None:
        """``skip``: what was there at the beginning counts as seen."""
        self._skip = skip
        self._seen: Heard | None = None

    def catch_up(
        self, missed: int, held: Sequence[Heard], news: Sequence[News]
    ) -> tuple[int, list[Heard]]:
        """Find again what was not taken in time, in what the stream still holds.

        ``news`` are those that came behind the ``missed`` ones. Returns how many are gone, and the
        values that come next.
        """
        if self._skip:
            return missed, []
        before = next((each.seq for each in news if isinstance(each, Heard)), None)
        fresh = self.pick(StartedOver([e for e in held if before is None or e.seq < before], True))
        return max(missed - len(fresh), 0), list(fresh)

    def pick(self, news: News) -> Sequence[Heard]:
        """Return the values that come next."""
        if isinstance(news, Heard):
            if self._seen is not None and news.seq <= self._seen.seq:
                return ()  # the beginning held it
            self._skip, self._seen = False, news
            return (news,)
        if not isinstance(news, StartedOver):
            return ()
        held, fresh = news.held, news.held
        if self._skip:
            self._skip, fresh = False, []
        elif self._seen is not None:
            seen = self._seen
            at = bisect_left([each.seq for each in held], seen.seq)
            # In another epoch the numbers may be another's: only the same value is the same.
            if news.same_epoch or held[at : at + 1] == [seen]:
                fresh = [each for each in held[at:] if each.seq > seen.seq]
        if held or not news.same_epoch:
            self._seen = held[-1] if held else None
        return fresh
