"""How long something took."""

from __future__ import annotations

from driftdb_jupyter.server.process.durations import Durations


def test_each_is_counted_up_to_its_bound() -> None:
    durations = Durations((0.1, 1))
    for seconds in (0.05, 0.1, 0.5, 1.5, 100):
        durations.add(seconds)
    assert durations.counts == [2, 1, 2]
    assert durations.seconds == 0.05 + 0.1 + 0.5 + 1.5 + 100
