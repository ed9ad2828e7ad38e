"""Under Jupyter its own rules say which names are let in, and a refusal names the setting."""

from __future__ import annotations

import pytest

from driftdb_jupyter.server.jupyter.extension import DriftDBExtension
from driftdb_jupyter.server.settings import DriftDB

from ...conformance.peer import Room, fetch
from ...conformance.servers import Server

pytestmark = pytest.mark.asyncio


async def test_a_name_that_was_bound_anew_has_nothing(
    jupyter_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jupyter_server.jupyter is not None
    settings = jupyter_server.jupyter.web_app.settings
    monkeypatch.setitem(settings, "allow_remote_access", False)
    rebound = {**jupyter_server.headers, "Host": "rebound.example"}
    room = Room(jupyter_server, "rebound")
    for path in ("", "/page", "/figures"):
        answer = await fetch(room.url + path, headers=rebound)
        assert answer.status == 403, path
    answer = await fetch(room.url, headers=rebound)
    assert "ServerApp.local_hostnames" in answer.json["message"]
    assert (await fetch(jupyter_server.root + "driftdb.js", headers=rebound)).status == 403


async def test_where_the_rooms_are_is_the_hubs_word_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert DriftDB(parent=DriftDBExtension()).public_url == ""
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.example/user/ada/")
    assert DriftDB(parent=DriftDBExtension()).public_url == (
        "https://hub.example/user/ada/driftdb/"
    )
