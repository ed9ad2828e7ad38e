"""Proxies with the configuration that deploy/ has, before servers that run here."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..certificates import CERTIFICATE

__all__ = ["DEPLOY", "behind_caddy", "behind_nginx"]

DEPLOY = Path(__file__).parents[2] / "deploy"
_PLACES = "/usr/local/sbin:/usr/sbin:/sbin"


def _program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=_PLACES)
    assert path, f"expected {name} on the PATH (./dev test installs it)"
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def behind_nginx(folder: Path, upstream_port: int, *, stripped: bool) -> Iterator[str]:
    """Run nginx; gives the URL of the rooms' root behind it."""
    port = _free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    if stripped:
        location = (DEPLOY / "nginx-stripped.conf").read_text()
        text, count = re.subn(r" *location /rooms/ \{[^}]*\}\n", lambda _: location, text)
        assert count == 1
    for before, after in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/var/log/nginx/rooms.log": str(folder / "access.log"),
        "/etc/ssl/rooms.pem": str(CERTIFICATE),
        "/etc/ssl/rooms.key": str(CERTIFICATE),
        "http://127.0.0.1:8080": f"http://127.0.0.1:{upstream_port}",
    }.items():
        assert before in text
        text = text.replace(before, after)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if folder.owner() == "root" else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\n{temporary}{text}}}\n"
    )
    command = [
        _program("nginx"),
        "-p",
        str(folder),
        "-e",
        str(folder / "error.log"),
        "-c",
        str(config),
    ]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with _running(command, port) as root:
        yield root


@contextmanager
def behind_caddy(folder: Path, upstream_port: int, *, stripped: bool) -> Iterator[str]:
    """Run Caddy; gives the URL of the rooms' root behind it."""
    port = _free_port()
    text = (DEPLOY / "Caddyfile").read_text()
    if stripped:
        handle = (DEPLOY / "Caddyfile-stripped").read_text()
        text, count = re.subn(
            r"\thandle /rooms/\* \{.*?\n\t\}\n", lambda _: handle, text, flags=re.S
        )
        assert count == 1
    for before, after in {
        "rooms.example {": f"https://:{port} {{\n\ttls {CERTIFICATE} {CERTIFICATE}",
        "/var/log/caddy/rooms.log": str(folder / "access.log"),
        "127.0.0.1:8080": f"127.0.0.1:{upstream_port}",
    }.items():
        assert before in text
        text = text.replace(before, after)
    config = folder / "Caddyfile"
    # It needs no port for redirects here, and nobody configures it while it runs.
    general = "admin off\nauto_https disable_redirects\ndefault_bind 127.0.0.1\n"
    config.write_text(f"{{\n{general}}}\n{text}")
    command = [_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]
    home = {f"XDG_{kind}_HOME": str(folder) for kind in ("CONFIG", "DATA")}
    with _running(command, port, **home) as root:
        yield root


@contextmanager
def _running(command: list[str], port: int, **variables: str) -> Iterator[str]:
    process = subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"https://rooms.localhost:{port}/rooms/"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "the proxy has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            continue
        return
