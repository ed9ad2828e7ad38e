"""What a client says in its handshake."""

from __future__ import annotations

import asyncio

from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import locate
from driftdb_jupyter.client.transport.opening import _request


def test_the_secret_of_a_client_stands_in_no_url() -> None:
    location = locate("r", url="http://127.0.0.1:9/", token="t")
    request = asyncio.run(_request(location, "s" * 40, Settings()))
    assert request.url == "ws://127.0.0.1:9/room/r/connect"
    assert request.headers["Sec-WebSocket-Protocol"] == "driftdb, " + "s" * 40
    assert request.headers["Authorization"] == "token t"
