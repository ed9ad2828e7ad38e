from __future__ import annotations

import pytest

from driftdb_jupyter.client.settings import Settings


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment(
        {"DRIFTDB_MESSAGE_LIMIT_BYTES": "2048", "DRIFTDB_FLUSH_SECONDS": "0.5"}
    )
    assert settings == Settings(message_limit_bytes=2048, flush_seconds=0.5)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "nan", "inf"])
def test_a_setting_that_is_no_positive_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="DRIFTDB_FLUSH_SECONDS: expected a positive float, got"):
        Settings.from_environment({"DRIFTDB_FLUSH_SECONDS": text})


def test_bytes_are_whole() -> None:
    with pytest.raises(ValueError, match=r"expected a positive int, got '1\.5'"):
        Settings.from_environment({"DRIFTDB_RECEIVE_LIMIT_BYTES": "1.5"})


@pytest.mark.parametrize(("text", "describe"), [("0", False), ("1", True)])
def test_a_switch_is_0_or_1(text: str, describe: bool) -> None:
    assert Settings.from_environment({"DRIFTDB_DESCRIBE": text}).describe is describe


def test_a_switch_that_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="DRIFTDB_DESCRIBE: expected 0 or 1, got 'maybe'"):
        Settings.from_environment({"DRIFTDB_DESCRIBE": "maybe"})
