from __future__ import annotations

import traceback

from driftdb_jupyter.client.runtime.subscribers import call_each
from driftdb_jupyter.client.runtime.user_traceback import trimmed
from driftdb_jupyter.client.settings import Settings


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_the_frames_before_the_users_function_are_cut_and_no_others() -> None:
    def inner() -> None:
        raise ZeroDivisionError

    def observer(value: object) -> None:
        call_each([lambda _: inner()], [value], raises=True)

    try:
        observer(1)
    except ZeroDivisionError as error:
        own = error
    own.__traceback__ = own.__traceback__ and own.__traceback__.tb_next  # without this function
    assert names_of(trimmed(own))[0] == "observer"
    assert names_of(own)[-2:] == ["<lambda>", "inner"]


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    try:
        Settings.read("flush_seconds", {"DRIFTDB_FLUSH_SECONDS": "x"})
    except ValueError as error:
        ours = error
    ours.__traceback__ = ours.__traceback__ and ours.__traceback__.tb_next
    assert names_of(trimmed(ours)) == ["read"]
