"""Schedules: what happens in a simulation, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import strategies as st

__all__ = ["Schedules", "Step"]

Step = tuple[str, int, int]
"""What happens, to which client or server, and a number that the step may choose by."""

_PICKS = 24


class Schedules:
    """Random schedules of ``least`` to ``most`` steps.

    ``weights``: how often each thing happens beside the others; ``count``: to how many clients or
    servers.
    """

    def __init__(self, weights: Mapping[str, int], *, count: int, least: int, most: int) -> None:
        self._actions = [action for action, weight in weights.items() for _ in range(weight)]
        self._count = count
        self._least = least
        self._most = most

    def strategy(self) -> st.SearchStrategy[list[Step]]:
        """Return all of them, for Hypothesis."""
        step = st.tuples(
            st.sampled_from(self._actions),
            st.integers(0, self._count - 1),
            st.integers(0, _PICKS - 1),
        )
        return st.lists(step, min_size=self._least, max_size=self._most)

    def one(self, random: Random) -> list[Step]:
        """Return one by chance."""
        return [
            (random.choice(self._actions), random.randrange(self._count), random.randrange(_PICKS))
            for _ in range(random.randint(self._least, self._most))
        ]
