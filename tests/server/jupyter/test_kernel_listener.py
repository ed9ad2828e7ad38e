"""Kernels of a Jupyter server that demands certificates of its clients."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError

from driftdb_jupyter.server.jupyter.kernels import Kernels

from ...certificates import CERTIFICATE
from ...conformance.peer import Room, fetch, get, push
from ...conformance.servers import TOKEN, Server, jupyter

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated"),  # Jupyter's own
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with jupyter(certfile=str(CERTIFICATE), client_ca=str(CERTIFICATE)) as server:
        yield server


@pytest.fixture
def environment(server: Server) -> dict[str, str]:
    """What a kernel finds there."""
    return server.extension.kernel_environment()


async def test_others_need_a_certificate(server: Server) -> None:
    with pytest.raises((ssl.SSLError, OSError, HTTPClientError)):
        await fetch(server.root, headers=server.headers, validate_cert=False)


async def test_a_kernel_comes_in_by_its_secret(server: Server, environment: dict[str, str]) -> None:
    assert "DRIFTDB_CERTFILE" not in environment
    assert urlsplit(environment["DRIFTDB_URL"]).scheme == "http"
    assert urlsplit(environment["DRIFTDB_URL"]).hostname == "127.0.0.1"
    own = server.extension.kernels.secret_of("k-1", of_person=False)
    for secret in (environment["DRIFTDB_SECRET"], own):
        headers = {"Authorization": f"DriftDB {secret}"}
        room = Room(Server(environment["DRIFTDB_URL"], server.stop, headers=headers), "r")
        peer = await room.join()
        await peer.send(push("k", secret, "replace"), get("k"))
        assert [entry["value"] for entry in (await peer.receive())["data"]] == [secret]
        asked = await fetch(f"{room.server.root}notebook?kernel=x&started_as=a", headers=headers)
        assert asked.json["room"]
        await peer.leave()


async def test_nobody_else_is_answered_there(server: Server, environment: dict[str, str]) -> None:
    root = environment["DRIFTDB_URL"]
    jupyters = root.removesuffix("driftdb/")
    kernel = {"Authorization": f"DriftDB {environment['DRIFTDB_SECRET']}"}
    assert server.jupyter is not None
    other = Kernels(server.jupyter)
    others = other.secret_of("k", of_person=False)
    gone = server.extension.kernels.secret_of("k", of_person=True)
    for url, headers in (
        (root, {}),
        (f"{root}driftdb.js", {}),
        (f"{root}room/r", {"Authorization": f"token {TOKEN}"}),
        (f"{root}room/r?token={TOKEN}", {}),
        (f"{root}room/r", {"Authorization": f"DriftDB {other.secret}"}),
        (f"{root}room/r", {"Authorization": f"DriftDB {others}"}),
        (f"{root}room/r", {"Authorization": f"DriftDB {gone}"}),
        (f"{jupyters}api/status", kernel),
        (f"{jupyters}api/contents?token={TOKEN}", kernel),
        (f"{root}../api/status?token={TOKEN}", kernel),
        (f"{jupyters}lab?token={TOKEN}", kernel),
    ):
        answer = await fetch(url, headers=headers)
        assert answer.status in (403, 404), url
        assert b"version" not in answer.body


async def test_it_takes_little_of_who_has_shown_no_secret(environment: dict[str, str]) -> None:
    address = urlsplit(environment["DRIFTDB_URL"])
    assert address.hostname is not None
    for head in (b"X: " + b"x" * 30_000 + b"\r\n\r\n", b"Content-Length: 100000\r\n\r\n"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head)
        answer = await reader.read()
        assert b"404" not in answer
        writer.close()


async def test_a_kernel_sends_more_than_that(environment: dict[str, str]) -> None:
    headers = {"Authorization": f"DriftDB {environment['DRIFTDB_SECRET']}"}
    url = f"{environment['DRIFTDB_URL']}room/large/send"
    body = json.dumps(push("k", "x" * 200_000))
    await fetch(url.removesuffix("/send"), headers=headers)
    answer = await fetch(url, method="POST", body=body, headers=headers)
    assert answer.status == 200, answer.body


async def test_the_command_reaches_it_there(server: Server, environment: dict[str, str]) -> None:
    headers = {"Authorization": f"DriftDB {server.extension._admin_secret}"}
    answer = await fetch(environment["DRIFTDB_URL"] + "admin/rooms", headers=headers)
    assert isinstance(answer.json, list)
