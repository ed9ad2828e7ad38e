"""What the same attacks add to the memory of a server over TLS, and of a Jupyter server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..faults.host import hosting
from .kinds import HEAD, KINDS, options_for, row_of
from .places import PLACES

pytestmark = pytest.mark.asyncio

# What part of the connections is opened where tests are not to take long.
QUICK = {"unread_requests": 16, "unread_sockets": 8, "fragments": 4}


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, list[str]]]:
    """The rows, printed at the end of all."""
    rows: dict[str, list[str]] = {place: [] for place in PLACES}
    yield rows
    for place, table in rows.items():
        print(f"\n{place}:\n{HEAD}")
        print("\n".join(table))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "kind",
    [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS],
)
@pytest.mark.timeout(300)
async def test_an_attack_adds_little_to_the_memory(
    place: str,
    kind: str,
    tmp_path: Path,
    tables: dict[str, list[str]],
    request: pytest.FixtureRequest,
) -> None:
    part = 1 if request.config.getoption("--long") else QUICK[kind]
    async with hosting(tmp_path, *options_for(kind), kind=PLACES[place]) as host:
        tables[place].append(await row_of(kind, host, part=part))
