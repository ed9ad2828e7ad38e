#!/usr/bin/env python3
"""How fast the servers are, side by side: DriftDB's own (Rust) and ours, in several ways in.

The servers take turns, each pinned to one core and the load generator to another; of several
rounds the best and the median are shown. The generator is compiled, and DriftDB's server installed
from crates.io, where they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILD = HERE / ".build"
SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS = 30


@dataclass(frozen=True)
class Scenario:
    """A load: ``rooms`` with a publisher and ``subscribers`` each, ``window`` pushes in flight.

    ``goal`` is the least ratio of our deliveries a second to those of DriftDB's server.
    """

    title: str
    rooms: int = 1
    subscribers: int = 100
    messages: int = 2000
    window: int = 16
    payload_bytes: int = 64
    rate: int = 0
    goal: float | None = None
    lossless: bool = False
    fast_tail: bool = False


SCENARIOS = {
    "fan-out": Scenario("1 room × 100 subscribers, 16 in flight", goal=3),
    "rooms": Scenario("50 rooms × 3", rooms=50, subscribers=2, messages=800, goal=2),
    "large": Scenario(
        "16 KiB to 50", subscribers=50, messages=400, payload_bytes=16384, window=8, goal=3
    ),
    "echo": Scenario("echo, 16 in flight", subscribers=0, messages=200_000, goal=0.4),
    "steady": Scenario(
        "100 messages/s to 101", messages=300, window=1000, rate=100, fast_tail=True
    ),
    "crowd": Scenario("1 room × 1000", subscribers=1000, messages=300, lossless=True),
    "window": Scenario("256 in flight × 100", messages=4000, window=256, lossless=True),
}


@dataclass(frozen=True)
class Way:
    """A way into a server: how it is started, and how the generator speaks to it."""

    name: str
    command: list[str]
    prefix: str = ""
    generator: tuple[str, ...] = ()
    token: str = ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, where the system can do that."""
    return ["taskset", "-c", str(core), *command] if shutil.which("taskset") else command


@contextmanager
def running(way: Way) -> Iterator[tuple[int, int]]:
    """Start a server; gives its port and process id."""
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in way.command]
    environment = dict(os.environ, PYTHONPATH=str(HERE.parent), RUST_LOG="error")
    process = subprocess.Popen(
        pinned(SERVER_CORE, command),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"run.py: {way.name} did not start: {' '.join(command)}")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listening(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def new_rooms(way: Way, port: int, count: int) -> list[str]:
    """Make rooms; under Jupyter, and over TLS, a named one is made by its first use."""
    if way.token or "-t" in way.generator:
        return [f"bench-{secrets.token_hex(4)}-{number}" for number in range(count)]
    rooms = []
    for _ in range(count):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{way.prefix}/new", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            rooms.append(json.load(answer)["room"])
    return rooms


def generate(way: Way, port: int, scenario: Scenario, *, action: str = "relay") -> dict[str, Any]:
    """Run the load generator once."""
    command = [str(BUILD / "loadgen"), *way.generator, "-a", action]
    if way.token:
        command += ["-h", f"Authorization: token {way.token}"]
    numbers = (
        *(scenario.subscribers, scenario.messages, scenario.window),
        *(scenario.payload_bytes, scenario.rate, 10),
    )
    command += ["127.0.0.1", str(port), way.prefix, *map(str, numbers)]
    command += new_rooms(way, port, scenario.rooms)
    done = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, timeout=180)
    if done.returncode:
        sys.exit(f"run.py: {way.name}: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def idle(way: Way, *, connections: int) -> dict[str, Any]:
    """What connections cost that do nothing: kilobytes of memory each, and how fast they open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * connections:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * connections), hard))
    with running(way) as (port, pid), ExitStack() as stack:
        (room,) = new_rooms(way, port, 1)
        path = f"{way.prefix}/room/{room}/connect"
        for _ in range(50):  # what the first ones cost is not theirs
            upgraded(port, path).close()
        before = resident_kilobytes(pid)
        start = time.perf_counter()
        for _ in range(connections):
            stack.enter_context(upgraded(port, path))
        took = time.perf_counter() - start
        each = (resident_kilobytes(pid) - before) / connections
    return {"kilobytes_each": each, "connections_per_second": connections / took}


def upgraded(port: int, path: str) -> socket.socket:
    """A WebSocket that was just opened."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    if b" 101 " not in answer:
        sys.exit(f"run.py: expected 101, got {answer[:40]!r}")
    return connection


def resident_kilobytes(pid: int) -> int:
    """The memory that a process holds."""
    found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def build_generator() -> None:
    """Compile the load generator, with TLS where OpenSSL's headers are."""
    source, program = HERE / "loadgen.c", BUILD / "loadgen"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return
    BUILD.mkdir(exist_ok=True)
    command = ["cc", "-O2", "-o", str(program), str(source)]
    tls = [*command, "-DWITH_TLS", "-lssl", "-lcrypto"]
    if subprocess.run(tls, capture_output=True).returncode:
        print("OpenSSL's headers are missing (libssl-dev): no figures over TLS", flush=True)
        subprocess.run(command, check=True)


def has_tls() -> bool:
    """Whether the generator speaks TLS."""
    answer = subprocess.run([str(BUILD / "loadgen"), "-t", *"0123456789"], capture_output=True)
    return b"without TLS" not in answer.stderr


def find_driftdb(given: str | None) -> str | None:
    """DriftDB's own server: the one given, on the PATH, or installed into .build."""
    installed = BUILD / "bin" / "driftdb-server"
    found = (
        given or shutil.which("driftdb-server") or (str(installed) if installed.exists() else None)
    )
    if found is None and shutil.which("cargo"):
        print("Installing DriftDB's server: cargo install driftdb-server", flush=True)
        subprocess.run(["cargo", "install", "driftdb-server", "--root", str(BUILD)], check=True)
        found = str(installed)
    if found is None:
        print("cargo is missing: no figures of DriftDB's own server", flush=True)
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the figures over TLS."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def ways(driftdb: str | None, folder: Path) -> list[Way]:
    """DriftDB's server first, then ours by each way in."""
    serve = [sys.executable, "-m", "driftdb_jupyter.cli", "serve", "--port={port}"]
    token = secrets.token_hex(16)
    jupyter = [
        *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"),
        *("--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"),
        f"--IdentityProvider.token={token}",
        "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
    ]
    found = [
        Way("ours", serve),
        Way("ours, CBOR", serve, generator=("-b",)),
        Way("ours, Jupyter", jupyter, prefix="/driftdb", token=token),
    ]
    if driftdb is not None:
        found.insert(0, Way("DriftDB", [driftdb, "--port", "{port}"]))
    if has_tls() and shutil.which("openssl"):
        cert, key = certificate(folder)
        command = [*serve, "--named-rooms", f"--certfile={cert}", f"--keyfile={key}"]
        found.append(Way("ours, TLS", command, generator=("-t",)))
    return found


def progress(text: str) -> None:
    """Say what is under way, on a line that the next one takes the place of."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(
    chosen: list[Way], names: list[str], *, rounds: int
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Run every scenario on every server, in turns."""
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in names:
        for number in range(rounds):
            for way in chosen:
                progress(f"{name}, round {number + 1} of {rounds}: {way.name}")
                with running(way) as (port, _):
                    result = generate(way, port, SCENARIOS[name])
                results.setdefault(name, {}).setdefault(way.name, []).append(result)
    progress("")
    return results


def show(results: dict[str, dict[str, list[dict[str, Any]]]]) -> bool:
    """Print a table for each scenario; tells whether every goal was met."""
    met = True
    head = ("", "best/s", "median/s", "ratio", "lost", "gaps", "p50 µs", "p99 µs", "p99.9 µs")
    for name, servers in results.items():
        scenario = SCENARIOS[name]
        print(f"\n{scenario.title} (deliveries a second)")
        print("{:<15}{:>11}{:>11}{:>8}{:>9}{:>6}{:>9}{:>9}{:>9}".format(*head))
        reference = best(servers["DriftDB"]) if "DriftDB" in servers else None
        for server, rounds in servers.items():
            rates = [result["deliveries_per_second"] for result in rounds]
            top = best(rounds)
            ratio = (
                top["deliveries_per_second"] / reference["deliveries_per_second"]
                if reference
                else 0
            )
            lost, gaps = (
                sum(r[what] + r["reordered"] for r in rounds) for what in ("lost", "gaps")
            )
            tails = [min(r[q] for r in rounds) for q in ("p50_us", "p99_us", "p999_us")]
            goals = verdict(server, scenario, ratio, lost, rounds, servers.get("DriftDB"))
            met &= "missed" not in goals
            print(
                f"{server:<15}{max(rates):>11,.0f}{statistics.median(rates):>11,.0f}{ratio:>8.2f}"
                f"{lost:>9,}{gaps:>6,}{tails[0]:>9,}{tails[1]:>9,}{tails[2]:>9,}{goals}"
            )
    return met


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The fastest round."""
    return max(rounds, key=lambda result: float(result["deliveries_per_second"]))


def verdict(
    server: str,
    scenario: Scenario,
    ratio: float,
    lost: int,
    rounds: list[dict[str, Any]],
    driftdb: list[dict[str, Any]] | None,
) -> str:
    """Whether our server's ordinary way in met the scenario's goal."""
    if server != "ours":
        return ""
    tests = {"nothing lost": lost == 0}
    if scenario.goal and driftdb:
        tests[f"ratio ≥ {scenario.goal}"] = ratio >= scenario.goal
    if scenario.fast_tail and driftdb:
        ours, theirs = (min(r["p99_us"] for r in each) for each in (rounds, driftdb))
        tests["p99 below DriftDB's"] = ours < theirs
    return "  " + ", ".join(f"{goal}: {'met' if met else 'missed'}" for goal, met in tests.items())


def quick() -> int:
    """A short run of our server alone: nothing may be lost or out of order."""
    way = Way("ours", [sys.executable, "-m", "driftdb_jupyter.cli", "serve", "--port={port}"])
    scenario = Scenario("quick", rooms=3, subscribers=20, messages=500)
    for action in ("relay", "replace"):
        with running(way) as (port, _):
            result = generate(way, port, scenario, action=action)
        faults = {what: result[what] for what in ("lost", "gaps", "reordered", "errors", "closed")}
        print(f"{action}: {result['deliveries_per_second']:,} deliveries a second, {faults}")
        if any(faults.values()):
            return 1
    return 0


def main() -> int:
    """Read the command line, measure, and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default: 3)")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only these")
    parser.add_argument(
        "--server", action="append", help='only these, as "DriftDB" or "ours, CBOR"'
    )
    parser.add_argument("--driftdb-server", metavar="PATH", help="DriftDB's server, if not found")
    parser.add_argument("--connections", type=int, default=3000, help="idle ones (default: 3000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--quick", action="store_true", help="our server alone, a few seconds")
    arguments = parser.parse_args()
    build_generator()
    if arguments.quick:
        return quick()
    with tempfile.TemporaryDirectory() as folder:
        all_ways = ways(find_driftdb(arguments.driftdb_server), Path(folder))
        chosen = [w for w in all_ways if not arguments.server or w.name in arguments.server]
        if not chosen:
            parser.error(f"expected --server to be one of {[way.name for way in all_ways]}")
        results = measure(chosen, arguments.scenario or list(SCENARIOS), rounds=arguments.rounds)
        met = show(results)
        waiting: dict[str, dict[str, Any]] = {}
        for way in chosen if not arguments.scenario else []:
            if way.name in ("DriftDB", "ours"):
                waiting[way.name] = idle(way, connections=arguments.connections)
                print(
                    f"\n{way.name}: an idle connection costs "
                    f"{waiting[way.name]['kilobytes_each']:.1f} KB; "
                    f"{waiting[way.name]['connections_per_second']:,.0f} open a second"
                )
    if arguments.json:
        arguments.json.write_text(json.dumps({"load": results, "idle": waiting}, indent=1))
    return int(arguments.check and not met)


if __name__ == "__main__":
    sys.exit(main())
