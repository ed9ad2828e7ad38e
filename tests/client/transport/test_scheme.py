"""A URL with the other scheme than the server's is said to be so."""

from __future__ import annotations

import pytest

from driftdb_jupyter.client.runtime.background import background
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import locate
from driftdb_jupyter.client.transport.opening import open_socket
from driftdb_jupyter.protocol.errors import Unreachable

from ...certificates import CERTIFICATE
from ..fakes import serving


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_speaks_the_other_is_named(tls: bool) -> None:
    with serving(certfile=str(CERTIFICATE) if tls else None) as server:
        right, wrong = ("https:", "http:") if tls else ("http:", "https:")
        location = locate(url=server.url.replace(right, wrong) + "room/r", environ={})
        word = "speaks TLS" if tls else "speaks no TLS"
        with pytest.raises(Unreachable, match=word):
            # On a loop that goes on, where the attempt that nobody waits for ends later.
            background().run(open_socket(location, "s" * 40, Settings()), timeout_seconds=None)
