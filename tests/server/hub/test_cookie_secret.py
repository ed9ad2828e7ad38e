"""The secret of cookies is one for all processes of a service, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter.server.hub.cookie_secret import cookie_secret


def test_a_folder_keeps_it(tmp_path: Path) -> None:
    assert cookie_secret(str(tmp_path)) == cookie_secret(str(tmp_path))
    assert (tmp_path / "cookie_secret").stat().st_mode & 0o077 == 0


def test_without_a_folder_it_follows_from_the_token_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "one")
    one = cookie_secret("")
    assert cookie_secret("") == one
    assert len(one) == 32
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "another")
    assert cookie_secret("") != one


def test_without_both_it_is_another_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    assert cookie_secret("") != cookie_secret("")
