"""How long something lasts, as people write it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from driftdb_jupyter.client.duration import duration_seconds


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("90s", 90),
        ("1.5 h", 5400),
        ("2d", 172800),
        ("1w", 604800),
        (0.5, 0.5),
        (timedelta(minutes=2), 120),
        (None, None),
    ],
)
def test_a_duration_is_read(given: Any, seconds: float | None) -> None:
    assert duration_seconds("expires=", given) == seconds


def test_a_time_is_how_far_it_is_off() -> None:
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    assert duration_seconds("expires=", until) == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("given", ["", "2", "h", "2 hours", "-2h", 0, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^expected expires= "):
        duration_seconds("expires=", given)
