from __future__ import annotations

import threading

import pytest

from driftdb_jupyter.command.types import Choice, LogLevel, Number


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("debug", 10),
        ("INFO", 20),
        ("WARNING", 30),
        ("Warn", 30),
        ("error", 40),
        ("critical", 50),
        ("FATAL", 50),
        ("0", 0),
        ("30", 30),
        ("35", 35),
    ],
)
def test_a_level_of_the_log_is_a_usual_word_in_any_case_or_a_number(text: str, level: int) -> None:
    assert LogLevel().read(text) == level


@pytest.mark.parametrize("text", ["", "loud", "51", "-1", "notset", "²"])
def test_anything_else_is_no_level(text: str) -> None:
    with pytest.raises(ValueError, match="expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL"):
        LogLevel().read(text)


def test_a_number_has_its_bounds_and_kind() -> None:
    whole = Number(at_least=0, at_most=65535)
    assert [whole.read(text) for text in ("0", "65535")] == [0, 65535]
    for text in ("-1", "65536", "1.5", "many", ""):
        with pytest.raises(ValueError, match=r"^expected a whole number of at least 0 and at most"):
            whole.read(text)


def test_a_time_is_no_longer_than_anybody_can_wait() -> None:
    seconds = Number(at_least=0.1, no_more=threading.TIMEOUT_MAX)
    assert [seconds.read(text) for text in ("0.1", "2", "inf")] == [0.1, 2.0, threading.TIMEOUT_MAX]
    for text in ("0", "nan", "-inf"):
        with pytest.raises(ValueError, match=r"^expected a number of at least 0.1, got "):
            seconds.read(text)


def test_a_choice_is_one_of_its_words() -> None:
    assert Choice(["a", "b"]).read("b") == "b"
    with pytest.raises(ValueError, match=r"^expected one of a, b, got 'A'$"):
        Choice(["a", "b"]).read("A")
