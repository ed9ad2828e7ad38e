from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from driftdb_jupyter.client.connection.gathered import Gathered, gather
from driftdb_jupyter.client.connection.inbox import Append, Job
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.protocol.errors import Forbidden, NotConnected, QuotaExceeded

LOG = Session().log("a", keep=True)
OTHER = Session().log("b", keep=True)


def append(*values: bytes, replica: Any = LOG, keep: bool = True) -> Append:
    return Append(replica, values or [b"1"], Outcome(), keep=keep, max_length=None)


def answers(appends: Sequence[Append]) -> list[Any]:
    outcomes = [each.outcome for each in appends if each.outcome is not None]
    return [each.exception() or each.result() for each in outcomes if each.done()]


def test_neighbours_of_one_key_and_kind_travel_together() -> None:
    jobs: list[Job] = [
        *(append(), append(), append(keep=False), append(replica=OTHER), append(replica=OTHER)),
        *(Job(print), append(replica=OTHER)),
    ]
    assert [gather(jobs, start) for start in (0, 2, 3, 6)] == [2, 3, 5, 7]


def test_no_more_travel_together_than_a_server_takes_for_sure() -> None:
    assert gather([append(b"x" * 20_000)] * 4, 0) == 1
    assert gather([append(b"x" * 10_000)] * 4, 0) == 3
    assert gather([append()] * 5_000, 0) == 1_000


def test_each_has_the_number_of_its_last_value() -> None:
    appends = [append(), append(b"1", b"2"), append()]
    Gathered(appends, split=print).set_result(9)
    assert answers(appends) == [6, 8, 9]


def test_those_that_are_refused_together_are_sent_again_in_smaller_messages() -> None:
    again: list[Sequence[Append]] = []
    appends = [append(), append(), append()]
    Gathered(appends, again.append).set_exception(QuotaExceeded("full"))
    assert again == [appends[:1], appends[1:]]
    assert answers(appends) == []


def test_where_that_does_not_help_all_fail() -> None:
    for error in (Forbidden("no"), NotConnected("closed")):
        appends = [append(), append()]
        Gathered(appends, split=print).set_exception(error)
        assert answers(appends) == [error, error]
