from __future__ import annotations

import logging

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
