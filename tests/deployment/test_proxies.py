"""Rooms behind nginx and Caddy with TLS, the path kept and stripped: pages, sockets, URLs."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from playwright.sync_api import expect

from driftdb_jupyter import room

from ..browser import NewWindow
from ..certificates import CERTIFICATE
from ..server.processes import COMMAND, Process, environment, started
from .proxies import DEPLOY, behind_caddy, behind_nginx

CLIENT = "127.0.0.2"  # is no trusted proxy


@dataclass
class Deployed:
    """A server behind a proxy; ``root`` is the URL of its root there, ``log`` the proxy's."""

    root: str
    process: Process
    log: Path

    def ask(self, path: str, method: str = "GET", **headers: str) -> Any:
        """Ask from another address than the proxy's."""
        parts = urlsplit(self.root)
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            parts.port,
            timeout=30,
            source_address=(CLIENT, 0),
            context=ssl._create_unverified_context(),
        )
        connection.request(method, parts.path + path, headers={"Host": parts.netloc, **headers})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        connection.close()
        return json.loads(body) if answer.status == 200 else answer.status


@pytest.fixture(scope="module", params=["kept", "stripped"])
def stripped(request: pytest.FixtureRequest) -> bool:
    is_stripped: bool = request.param == "stripped"
    return is_stripped


@pytest.fixture(scope="module", params=[behind_nginx, behind_caddy], ids=["nginx", "caddy"])
def deployed(
    request: pytest.FixtureRequest, stripped: bool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("proxied")
    options = ["--port=0", "--named-rooms", "--trusted-proxy=127.0.0.1"]
    options += [] if stripped else ["--base-url=/rooms"]
    with started([*COMMAND, "serve", *options], cwd=folder, env=environment()) as process:
        port = urlsplit(process.server.root).port
        assert port is not None
        with request.param(folder, port, stripped=stripped) as root:
            yield Deployed(root, process, folder / "access.log")


def test_urls_in_answers_are_those_before_the_proxy(deployed: Deployed) -> None:
    told = deployed.ask("new", "POST")
    assert told["http_url"] == f"{deployed.root}room/{told['room']}/send"
    assert told["socket_url"] == "wss" + told["http_url"].removeprefix("https")[:-4] + "connect"


def test_who_asks_is_whom_the_proxy_names_and_nobody_that_the_client_invents(
    deployed: Deployed,
) -> None:
    spoofed = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "http",
        "X-Real-Ip": "203.0.113.9",
    }
    path = "room/spoofed-here"
    told = deployed.ask(path, **spoofed, Forwarded="for=203.0.113.9;host=evil.example")
    assert told["http_url"] == f"{deployed.root}{path}/send"
    while not any(path in line for line in deployed.process.lines):
        deployed.ask("health")
    (line,) = [line for line in deployed.process.lines if path in line]
    assert CLIENT in line
    assert "203.0.113.9" not in line


def test_its_log_has_no_tickets(deployed: Deployed) -> None:
    deployed.ask("room/logged?ticket=a-secret-of-this-test&client=another-secret")
    for _ in range(1_000):
        if "room/logged" in (text := deployed.log.read_text()):
            break
        deployed.ask("health")
    assert "room/logged" in text
    assert "secret" not in text


def test_traefiks_example_takes_away_what_only_a_proxy_may_say() -> None:
    text = (DEPLOY / "traefik.yml").read_text()
    headers = yaml.safe_load(text)["http"]["middlewares"]["rooms"]["headers"]
    assert headers["customRequestHeaders"] == {"Forwarded": "", "X-Forwarded-Prefix": ""}


def test_a_page_of_another_website_is_refused_behind_it_too(deployed: Deployed) -> None:
    assert deployed.ask("room/a", Origin="https://evil.example") == 403
    own = "/".join(deployed.root.split("/")[:3])
    assert deployed.ask("room/a", Origin=own)["room"] == "a"


def test_the_rooms_page_and_inspector_are_whole(deployed: Deployed, new_window: NewWindow) -> None:
    page = new_window(ignore_https_errors=True)
    page.goto(f"{deployed.root}room/lecture/page")
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "connected")
    page.goto(f"{deployed.root}room/lecture/inspect")
    expect(page.locator(".driftdb-badge").first).to_have_attribute("data-phase", "connected")
    page.goto(deployed.root)
    page.get_by_role("button", name="Make a room").click()
    page.get_by_role("link", name="Open the room").click()
    expect(page.locator(".top .driftdb-badge")).to_have_attribute("data-phase", "connected")
    assert page.url.startswith(f"{deployed.root}room/")


def test_python_joins_through_it(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTDB_CERTFILE", str(CERTIFICATE))
    root = deployed.root.replace("rooms.localhost", "127.0.0.1")
    with room("python", url=root) as here:
        state = here.state("x", 1)
        state.set(2).result()
        assert state.value == 2
