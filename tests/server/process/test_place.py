"""The places of rooms are a user's and a folder's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter.server.process.place import jupyter_prefix


def test_the_keys_of_a_jupyter_server_are_of_a_user_and_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    ada = jupyter_prefix(str(tmp_path / "a"))
    assert ada.startswith("driftdb-jupyter:ada:")
    assert jupyter_prefix(str(tmp_path / "link")) == ada
    assert jupyter_prefix(str(tmp_path)) != ada
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    assert jupyter_prefix(str(tmp_path / "a")) == ada.replace(":ada:", ":bob:")


def test_no_user_has_a_name_that_reaches_anothers_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ada:*")
    assert jupyter_prefix(str(tmp_path)).startswith("driftdb-jupyter:ada%3A%2A:")


def test_without_a_hub_it_is_the_user_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "jo")
    assert jupyter_prefix(str(tmp_path)).startswith("driftdb-jupyter:jo:")
