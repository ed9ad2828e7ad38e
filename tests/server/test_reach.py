"""Where a phone on the same network finds a server."""

from __future__ import annotations

import pytest

from driftdb_jupyter.server import reach as module
from driftdb_jupyter.server.reach import own_address, reach


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "::1", "localhost", "fe80::1"])
def test_nobody_else_finds_what_listens_on_this_machine_alone(host: str) -> None:
    assert reach(host, 8080, "/", scheme="http") is None


@pytest.mark.parametrize("host", ["", "*", "0.0.0.0", "::"])
def test_what_listens_everywhere_is_at_the_machines_own_address(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "own_address", lambda: "10.1.2.3")
    assert reach(host, 8080, "/a/", scheme="http") == "http://10.1.2.3:8080/a/"


def test_what_listens_on_one_address_is_there() -> None:
    assert reach("192.168.1.5", 443, "/", scheme="https") == "https://192.168.1.5:443/"
    assert reach("2001:db8::7", 80, "/", scheme="http") == "http://[2001:db8::7]:80/"
    assert reach("lab.example", 80, "/", scheme="http") == "http://lab.example:80/"


def test_a_machine_without_a_network_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "own_address", lambda: None)
    assert reach("0.0.0.0", 80, "/", scheme="http") is None


def test_the_machines_own_address_is_no_loopback() -> None:
    assert own_address() not in ("127.0.0.1", "::1")
