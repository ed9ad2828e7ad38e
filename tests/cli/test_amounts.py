"""Numbers of things and bytes, as the commands print them."""

from __future__ import annotations

import pytest

from driftdb_jupyter.cli.amounts import number_of, size_of


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 rooms"), (1, "1 room"), (2, "2 rooms"), (1000, "1,000 rooms")]
)
def test_one_thing_is_no_plural(count: int, shown: str) -> None:
    assert number_of(count, "room") == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_234_567_890, "1,234.6 MB"),
    ],
)
def test_a_size_has_the_unit_that_fits_it(size: int, shown: str) -> None:
    assert size_of(size) == shown
