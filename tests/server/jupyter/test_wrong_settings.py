"""A Jupyter server whose settings of rooms are wrong runs on without rooms."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ...conformance.peer import fetch
from ...conformance.servers import jupyter

pytestmark = pytest.mark.asyncio

TOO_SHORT = json.dumps({"keys": [{"kty": "oct", "k": "AQ", "alg": "HS256"}]})


@pytest.mark.parametrize("wrong", ["no file", "no keys", "a key that is too short", "redis"])
async def test_it_tells_no_kernel_of_rooms(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    if wrong != "no file":
        file.write_text("no keys" if wrong == "no keys" else TOO_SHORT)
    rooms = {"redis": "http://localhost"} if wrong == "redis" else {"token_keys_file": str(file)}
    before = os.environ.get("DRIFTDB_SECRET")
    with jupyter(rooms=rooms) as server:
        assert server.jupyter is not None
        status = server.root.removesuffix("driftdb/") + "api/status"
        assert (await fetch(status, headers=server.headers)).status == 200
        answer = await fetch(server.root + "health", headers=server.headers)
        assert answer.status == 404
        assert os.environ.get("DRIFTDB_SECRET") == before
