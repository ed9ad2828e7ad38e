"""What attacks add to a server's memory at the defaults, in a table of all kinds.

One attack for each kind of thing that a room, a peer, a request or the process keeps. Here rooms
keep next to nothing, or as much as is said; how kept values are bounded is in :mod:`.test_kept`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..faults.host import hosting
from .kinds import HEAD, KINDS, options_for, row_of

pytestmark = pytest.mark.asyncio

LONG = pytest.mark.long
QUICK = {"unread_requests", "unread_sockets", "heads", "fragments", "subscriptions", "leavers"}


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The rows, printed at the end of all."""
    rows: list[str] = []
    yield rows
    print(f"\n{HEAD}")
    print("\n".join(rows))


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=LONG) for kind in KINDS]
)
@pytest.mark.timeout(300)
async def test_an_attack_adds_little_to_the_memory(
    kind: str, tmp_path: Path, table: list[str]
) -> None:
    async with hosting(tmp_path, *options_for(kind)) as host:
        table.append(await row_of(kind, host))
