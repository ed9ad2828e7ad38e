"""The load generator, loadgen.c: compiling it and running it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, TypeAlias

from .scenarios import Idle, Scenario
from .servers import BUILD, Running, pinned

__all__ = ["Figures", "compile_generator", "hold", "load", "speaks_tls"]

SOURCE = Path(__file__).with_name("loadgen.c")
PROGRAM = BUILD / "loadgen"
GIVE_UP_SECONDS = 40
WARM_UP_CONNECTIONS = 100

Figures: TypeAlias = "dict[str, float]"
"""What one run gave: a number for each name, as loadgen.c's ``report`` writes them."""


def compile_generator() -> None:
    """Compile the load generator if its source changed; with TLS where OpenSSL's headers are."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    if not shutil.which("cc"):
        sys.exit("expected a C compiler (cc) for the load generator, got none; install gcc")
    BUILD.mkdir(exist_ok=True)
    plain = ["cc", "-O2", "-o", str(PROGRAM), str(SOURCE)]
    tls = [*plain, "-DWITH_TLS", "-lssl", "-lcrypto"]
    if subprocess.run(tls, capture_output=True).returncode:
        subprocess.run(plain, check=True)


def speaks_tls() -> bool:
    """Whether the generator was compiled with TLS."""
    answer = subprocess.run([PROGRAM, "-t"], capture_output=True)
    return b"without TLS" not in answer.stderr


def load(running: Running, scenario: Scenario) -> Figures:
    """Put the scenario's load on a server, in new rooms; exits where the generator can't."""
    rooms = running.new_rooms(scenario.rooms)
    command = _command(running, scenario, rooms)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{running.server.name}: {done.stderr.strip()}")
    figures: Figures = json.loads(done.stdout)
    return figures


def hold(running: Running, idle: Idle) -> Figures:
    """Open idle connections: how fast, and what each costs the server in memory."""
    # What a server fetches once, for the first connections, is no connection's own cost.
    load(running, _connecting(WARM_UP_CONNECTIONS))
    before = _resident_kilobytes(running.pid)
    command = _command(running, _connecting(idle.connections), running.new_rooms(1), "-k")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as all:
        line = _stream(all.stdout).readline()
        after = _resident_kilobytes(running.pid)
        _stream(all.stdin).close()
    if not line:
        sys.exit(f"{running.server.name}: expected {idle.connections} connections; see above")
    figures: Figures = json.loads(line)
    figures["kilobytes_each"] = (after - before) / idle.connections
    figures["connections_per_second"] = idle.connections / figures["connect_seconds"]
    return figures


def _connecting(connections: int) -> Scenario:
    return Scenario(title="connect and subscribe", subscribers=connections - 1, messages=0)


def _command(running: Running, scenario: Scenario, rooms: list[str], *more: str) -> list[str]:
    numbers = (
        *(scenario.subscribers, scenario.messages, scenario.window),
        *(scenario.payload_bytes, scenario.rate, GIVE_UP_SECONDS),
    )
    about = ["-a", scenario.action, "-p", str(running.pid)]
    options = [*running.server.generator_options, *about, *more]
    place = ["127.0.0.1", str(running.port), running.server.prefix]
    return pinned([str(PROGRAM), *options, *place, *map(str, numbers), *rooms], to="generator")


def _stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _resident_kilobytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])
