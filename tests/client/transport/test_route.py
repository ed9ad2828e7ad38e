from __future__ import annotations

import socket

from driftdb_jupyter.client.transport.route import local_address, remote_address


def test_this_machine_is_reached_from_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            remote = remote_address(client)
        assert local_address(remote) == "127.0.0.1"


def test_a_socket_that_is_gone_leads_nowhere() -> None:
    with socket.socket() as unconnected:
        assert remote_address(unconnected) is None
    assert remote_address(None) is None
    assert local_address(None) is None


def test_where_no_way_leads_there_is_no_address() -> None:
    assert local_address((socket.AF_INET, ("no address", 1))) is None
