"""What Jupyter's own log says of requests below ours."""

from __future__ import annotations

import logging
import socket
from urllib.parse import urlsplit

import pytest

from ...conformance.servers import Server

HEADERS = [
    "",
    "Referer: http://h/\x9b2J?token=of-the-page\r\n",
    "Origin: http://\x9b2J\r\n",
    "User-Agent: \x9b2J\r\n",
]


def ask(server: Server, head: str) -> bytes:
    """The answer to a head as it stands, without a login."""
    place = urlsplit(server.root)
    with socket.create_connection((place.hostname or "", place.port or 0), 60) as connection:
        connection.sendall(head.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("method", ["GET", "POST", "TRACE"])
@pytest.mark.parametrize(
    "path", ["", "room/\x9b/connect", "\x9b", "nowhere/\x9b", "admin/rooms/\x9b", "health?\x9b"]
)
def test_it_has_nothing_that_a_terminal_obeys_and_no_secret(
    jupyter_server: Server, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    loggers = [logging.getLogger(), jupyter_server.extension.serverapp.log]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    below = urlsplit(jupyter_server.root).path + path
    more = "&" if "?" in path else "?"
    try:
        for header in HEADERS:
            head = f"{method} {below}{more}ticket=of-the-room HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            assert ask(jupyter_server, f"{head}{header}Connection: close\r\n\r\n")
    finally:
        for logger in loggers:
            logger.removeHandler(caplog.handler)
    lines = [record.getMessage() for record in caplog.records]
    assert any(method in line for line in lines)
    for line in lines:
        assert line.isprintable(), ascii(line)
        assert "of-the" not in line


def test_a_path_without_a_route_is_nothing_to_who_is_logged_in(jupyter_server: Server) -> None:
    path = urlsplit(jupyter_server.root).path + "nowhere"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    token = jupyter_server.headers["Authorization"]
    assert b" 403 " in ask(jupyter_server, head + "\r\n").splitlines()[0]
    answer = ask(jupyter_server, f"{head}Authorization: {token}\r\n\r\n")
    assert b" 404 " in answer.splitlines()[0]
    assert b"There is nothing here" in answer
