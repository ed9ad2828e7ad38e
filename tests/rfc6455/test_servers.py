"""Every case over sockets: through the whole server, from the handshake to the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..conformance.servers import Server
from .case import Case
from .cases import CASES
from .servers import converse, echoing


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with echoing() as server:
        yield server


@pytest.fixture(scope="module")
def compressing() -> Iterator[Server]:
    with echoing(compression=True) as server:
        yield server


PLAIN = {name: case for name, case in CASES.items() if case.offers is None}
OFFERING = {name: case for name, case in CASES.items() if case.offers is not None}


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN)
def test_a_plain_socket(server: Server, case: Case) -> None:
    case.check(converse(server, case))


@pytest.mark.parametrize("case", OFFERING.values(), ids=OFFERING)
def test_a_server_that_compresses(compressing: Server, case: Case) -> None:
    case.check(converse(compressing, case))
