"""The values of a key that came and were not taken yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, islice
from typing import NamedTuple, cast

from .bookmark import Bookmark
from .log import Follower, Heard, Missed, News

__all__ = ["Unread"]


class _Turn(NamedTuple):
    values: deque[Heard]
    news: deque[News]
    place: Bookmark | None
    missed: int


class Unread:
    """The values of a key that came and were not taken yet, in their order.

    An interrupt at any line loses none of them. Not for several threads at once; the news are told
    on another.
    """

    def __init__(self, place: Bookmark | None = None) -> None:
        """``place`` in what the stream holds; ``None``: only what is pushed counts."""
        self.follower = Follower()
        """What is to be given to :meth:`.LogReplica.add`."""
        self.held: Callable[[], Sequence[Heard]] | None = None
        """What the stream holds, where that is known: what was not taken in time is found there."""
        self._turn = _Turn(deque(), deque(), place, 0)

    def __bool__(self) -> bool:
        """Whether there is something to take, or may be after :meth:`fetch`."""
        return bool(self._turn.values or self._turn.news or self.follower)

    @property
    def values(self) -> deque[Heard]:
        """The values that were fetched; to take one is to remove it here, from the left."""
        return self._turn.values

    @property
    def missed(self) -> int:
        """How many values were not taken in time, and are gone."""
        return self._turn.missed

    def fetch(self) -> None:
        """Add what came since the last call to :attr:`values`, which is another deque then."""
        turn = self._turn
        news = turn.news
        self.follower.move_to(news)
        if not news:
            return
        values = turn.values.copy()
        place, missed = turn.place, turn.missed
        number = 0
        for kind, run in groupby(news, type):
            if kind is Heard:  # nearly all are: without a call for each
                heard: Sequence[Heard] = list(cast("Iterable[Heard]", run))
                number += len(heard)
                if place is not None:
                    heard, place = place.after_all(heard)
                values.extend(heard)
                continue
            for each in run:
                number += 1
                gone, fresh, place = self._pick(place, each, islice(news, number, None))
                values.extend(fresh)
                missed += gone
        # All of it in one step.
        self._turn = _Turn(values, deque(), place, missed)

    def _pick(
        self, place: Bookmark | None, news: News, later: Iterable[News]
    ) -> tuple[int, Sequence[Heard], Bookmark | None]:
        """Take news that are no push.

        Returns how many values are gone, those that come next, and the place behind them.
        """
        if place is None:
            return news.number if isinstance(news, Missed) else 0, (), None
        if not isinstance(news, Missed):
            return 0, *place.after(news)
        if self.held is None:
            return news.number, (), place
        return place.after_gap(news.number, self.held(), later)
