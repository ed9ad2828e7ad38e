from __future__ import annotations

import logging
import pickle

import pytest

from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room

from ...served import come_true


@pytest.fixture
def logger() -> logging.Logger:
    logger = logging.Logger("training")  # of no tree
    return logger


def test_each_record_is_a_value(mine: Room, logger: logging.Logger) -> None:
    log = Stream("log", room=mine)
    logger.addHandler(log.handler(logging.INFO))
    logger.debug("no")
    logger.warning("loss is %s", "high")
    come_true(mine, lambda: len(log) == 1)
    assert {**log[0], "time": 0} == {
        "level": "WARNING",
        "logger": "training",
        "message": "loss is high",
        "time": 0,
    }


def test_what_can_not_be_sent_fails_as_logging_does(
    mine: Room, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.addHandler(Stream("log", room=mine).handler())
    mine.close()
    logger.error("lost")
    assert "NotConnected" in capsys.readouterr().err


def test_reports_about_the_connection_are_not_sent_over_it(mine: Room) -> None:
    log = Stream("log", room=mine)
    handler = log.handler()
    handler.handle(logging.LogRecord("driftdb_jupyter", 30, "", 1, "refused", (), None))
    mine.flush()
    assert len(log) == 0


def test_a_traceback_is_one_value_as_a_terminal_shows_it(
    mine: Room, logger: logging.Logger
) -> None:
    log = Stream("log", room=mine)
    logger.addHandler(log.handler())
    try:
        raise ValueError("caf\udce9\r\n1 %\r\x1b]0;title\x072 %")
    except ValueError:
        logger.exception("failed")
    mine.flush()
    come_true(mine, lambda: len(log) == 1)
    message = log[0]["message"]
    assert message.startswith("failed\nTraceback (most recent call last):\n")
    assert message.endswith("\nValueError: caf\ufffd\n2 %")


def test_a_cell_that_is_run_again_logs_once(mine: Room, logger: logging.Logger) -> None:
    for _ in range(3):
        logger.addHandler(Stream("log", room=mine).handler())
    assert logger.handlers == [Stream("log", room=mine).handler()]
    log = Stream("log", room=mine)
    logger.warning("once")
    mine.flush()
    come_true(mine, lambda: [each["message"] for each in log] == ["once"])


def test_the_one_handler_of_a_key_has_the_newest_level_and_stream(mine: Room) -> None:
    handler = Stream("log", room=mine).handler()
    newest = Stream("log", room=mine, max_length=1)
    assert newest.handler(logging.ERROR) is handler
    assert handler.level == logging.ERROR
    assert Stream("other", room=mine).handler() is not handler
    for message in ("one", "two"):
        handler.handle(logging.LogRecord("training", 40, "", 1, message, (), None))
    handler.flush()
    mine.flush()
    come_true(mine, lambda: [each["message"] for each in newest] == ["two"])
    handler.close()
    assert newest.handler() is not handler


def test_it_is_not_pickled(mine: Room) -> None:
    with pytest.raises(TypeError, match="cannot pickle a StreamHandler"):
        pickle.dumps(Stream("log", room=mine).handler())
