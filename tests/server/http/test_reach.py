"""Where a phone on the same network finds a server."""

from __future__ import annotations

import socket

import pytest

from driftdb_jupyter.server.http import reach as module
from driftdb_jupyter.server.http.reach import near, own_address, reach


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "::1", "localhost", "fe80::1"])
def test_nobody_else_finds_what_listens_on_this_machine_alone(host: str) -> None:
    assert reach(host, 8080, "/", scheme="http") is None


OLD, NEW = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("host", "families"),
    [("", (OLD, NEW)), ("*", (OLD, NEW)), ("0.0.0.0", (OLD,)), ("::", (NEW,))],
)
def test_what_listens_everywhere_is_at_the_machines_own_address_of_that_kind(
    host: str, families: tuple[socket.AddressFamily, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = {(OLD, NEW): "10.1.2.3", (OLD,): "10.1.2.3", (NEW,): "2001:db8::7"}
    monkeypatch.setattr(module, "own_address", lambda *asked: addresses[asked])
    shown = "[2001:db8::7]" if families == (NEW,) else "10.1.2.3"
    assert reach(host, 8080, "/a/", scheme="http") == f"http://{shown}:8080/a/"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        *((host, "127.0.0.1") for host in ("", "*", "0.0.0.0", "localhost", "127.0.0.1")),
        *((host, "[::1]") for host in ("::", "::1")),
        ("192.168.1.5", "192.168.1.5"),
    ],
)
def test_on_its_own_machine_it_is_at_an_address_that_is_one(host: str, shown: str) -> None:
    assert near(host, 8080, "/a/", scheme="https") == f"https://{shown}:8080/a/"


def test_what_listens_on_one_address_is_there() -> None:
    assert reach("192.168.1.5", 443, "/", scheme="https") == "https://192.168.1.5:443/"
    assert reach("2001:db8::7", 80, "/", scheme="http") == "http://[2001:db8::7]:80/"
    assert reach("lab.example", 80, "/", scheme="http") == "http://lab.example:80/"


def test_a_machine_without_a_network_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "own_address", lambda *asked: None)
    assert reach("0.0.0.0", 80, "/", scheme="http") is None


def test_the_machines_own_address_is_no_loopback_and_of_the_kind_that_is_asked_for() -> None:
    assert own_address(OLD, NEW) not in ("127.0.0.1", "::1")
    assert ":" not in (own_address(OLD) or "")
    assert ":" in (own_address(NEW) or ":")
