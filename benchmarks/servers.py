"""The servers that are measured, and how each is started and reached."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "BARE_TORNADO",
    "BUILD",
    "OURS",
    "Running",
    "Server",
    "driftdb_server",
    "other_ways",
    "pinned",
    "start",
    "with_journal",
    "with_redis",
]

HERE = Path(__file__).resolve().parent
BUILD = HERE / ".build"
START_SECONDS = 30
CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, or another way into one.

    ``command``: ``{port}`` in it stands for the port.
    ``prefix``: the path below which its rooms lie.
    ``named_rooms``: whether a room is made by its first use.
    ``generator_options``: how the load generator has to speak to it (head of loadgen.c).
    """

    name: str
    command: tuple[str, ...]
    prefix: str = ""
    named_rooms: bool = False
    generator_options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that was started."""

    server: Server
    port: int
    pid: int

    def new_rooms(self, count: int) -> list[str]:
        """Ids of new rooms, that many."""
        if self.server.named_rooms:
            return [f"bench-{secrets.token_hex(8)}" for _ in range(count)]
        url = f"http://127.0.0.1:{self.port}{self.server.prefix}/new"
        ids = []
        for _ in range(count):
            request = urllib.request.Request(url, method="POST")
            with urllib.request.urlopen(request, timeout=10) as answer:
                ids.append(json.load(answer)["room"])
        return ids


def pinned(command: list[str], *, to: str) -> list[str]:
    """Return the command on the core of the ``"server"`` or on that of the ``"generator"``."""
    return ["taskset", "-c", str(CORES[0] if to == "server" else CORES[-1]), *command]


@contextmanager
def start(server: Server, folder: Path) -> Iterator[Running]:
    """Run a server on its core and a free port; what it logs goes into the folder.

    Exits with the end of the log where the server doesn't start.
    """
    port = _free_port()
    command = [part.replace("{port}", str(port)) for part in server.command]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "JUPYTER_NO_CONFIG": "1",  # the figures are those of the defaults, not of somebody's own
        "JUPYTER_RUNTIME_DIR": str(folder),
        "JUPYTER_DATA_DIR": str(folder / "data"),
    }
    log = folder / f"{server.name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            pinned(command, to="server"), env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(
                    f"{server.name} did not start: {' '.join(command)}\n{log.read_text()[-2000:]}"
                )
            time.sleep(0.05)
        yield Running(server=server, port=port, pid=process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


_SERVE = (sys.executable, "-m", "driftdb_jupyter.cli", "serve", "--host=127.0.0.1", "--port={port}")
OURS = Server(name="ours", command=_SERVE)
BARE_TORNADO = Server(
    name="tornado", command=(sys.executable, str(HERE / "bare_tornado.py"), "{port}")
)


def with_journal(folder: Path) -> list[Server]:
    """Our server with a journal, a new one at each start."""
    return [
        Server(
            name=f"ours-{durability}",
            command=(
                *(*_SERVE, f"--data={folder}/{durability}-{{port}}"),
                f"--DriftDB.durability={durability}",
            ),
        )
        for durability in ("batched", "synced")
    ]


def with_redis(folder: Path) -> list[Server]:
    """Our server with its rooms in a Redis, which runs to the end, on the generator's core.

    Empty where there is no ``redis-server``.
    """
    program = shutil.which("redis-server")
    if program is None:
        print("No figures with Redis: they need redis-server.")
        return []
    path = folder / "redis.socket"
    options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder))
    process = subprocess.Popen(
        pinned([program, *options], to="generator"), stdout=subprocess.DEVNULL
    )
    atexit.register(process.kill)
    while not path.exists():
        time.sleep(0.05)
    return [Server(name="ours-redis", command=(*_SERVE, f"--redis=unix://{path}"))]


def other_ways(folder: Path, *, tls: bool) -> list[Server]:
    """Return the ways into our server that can carry less.

    ``tls``: whether the load generator speaks it.
    """
    token = secrets.token_hex(16)
    jupyter = Server(
        name="ours-jupyter",
        command=(
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", "--port={port}", "--ServerApp.port_retries=0"),
            *(f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"),
            "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
        ),
        prefix="/driftdb",
        named_rooms=True,
        generator_options=("-h", f"Authorization: token {token}"),
    )
    ways = [Server(name="ours-cbor", command=_SERVE, generator_options=("-b",)), jupyter]
    if tls and shutil.which("openssl"):
        cert, key = _certificate(folder)
        ways.append(
            Server(
                name="ours-tls",
                command=(*_SERVE, f"--certfile={cert}", f"--keyfile={key}", "--named-rooms"),
                named_rooms=True,
                generator_options=("-t",),
            )
        )
    else:
        print("No figures over TLS: they need the openssl command and its headers (libssl-dev).")
    return ways


def _certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1")
    names = ("-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert))
    subprocess.run([*request, *names], check=True, capture_output=True)
    return cert, key


def driftdb_server(given: Path | None) -> Server | None:
    """DriftDB's own server: the program given, one on the PATH, or one installed into .build.

    None where there is none and no cargo that could install it.
    """
    installed = BUILD / "bin" / "driftdb-server"
    found = given or shutil.which("driftdb-server") or installed
    if found == installed and not installed.exists():
        if not shutil.which("cargo"):
            print("No figures of DriftDB's own server: installing it needs cargo (rustup.rs).")
            return None
        print("Installing DriftDB's own server (some minutes): cargo install driftdb-server")
        install = ["cargo", "install", "--quiet", "driftdb-server", "--root", str(BUILD)]
        if subprocess.run(install).returncode:
            sys.exit("DriftDB's own server could not be installed; cargo says why, above")
    if not Path(found).exists():
        sys.exit(f"expected DriftDB's server at {found}, got nothing there")
    return Server(name="driftdb", command=(str(found), "--port", "{port}"))
