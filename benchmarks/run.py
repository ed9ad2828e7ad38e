#!/usr/bin/env python3
"""How fast our server is, by each way in, beside DriftDB's own (Rust).

The servers take turns, each on one core and the load generator on another. The generator is
compiled, and DriftDB's server installed from crates.io, where they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.generator import Figures, compile_generator, hold, load, speaks_tls
from benchmarks.report import Goal, Rounds, goals_of, idle_goals_of, idle_table, table
from benchmarks.scenarios import IDLE, QUICK, SCENARIOS
from benchmarks.servers import (
    BARE_TORNADO,
    CORES,
    OURS,
    Running,
    Server,
    driftdb_server,
    other_ways,
    start,
    with_journal,
    with_redis,
)

NAMES = (*SCENARIOS, "idle")
SERVERS = (
    *("driftdb", "tornado", "ours", "ours-batched", "ours-synced"),
    *("ours-cbor", "ours-jupyter", "ours-tls"),
)
# Measured only where they are named: beside "ours".
MORE_SERVERS = ("ours-redis",)


def in_turns(
    name: str,
    servers: list[Server],
    run: Callable[[Running], Figures],
    *,
    rounds: int,
    folder: Path,
) -> Rounds:
    """Run A B A B …, each time on a server that was just started and logs into the folder."""
    figures: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for number in range(1, rounds + 1):
        for server in servers:
            _progress(f"{name}, round {number} of {rounds}: {server.name}")
            with start(server, folder) as running:
                figures[server.name].append(run(running))
    _progress("")
    return figures


def measure(options: argparse.Namespace, folder: Path) -> int:
    """Measure what the options name, and show it; the exit status."""
    wanted = options.server or SERVERS
    reference = driftdb_server(options.driftdb_server) if "driftdb" in wanted else None
    ways = other_ways(folder, tls=speaks_tls())
    journaled = with_journal(folder)
    shared = with_redis(folder) if "ours-redis" in wanted else []
    servers = [*([reference] if reference else []), BARE_TORNADO, OURS, *journaled, *ways, *shared]
    servers = [server for server in servers if server.name in wanted]
    if not servers:
        sys.exit(f"expected a server that can be measured here, got {', '.join(wanted)}")
    results: dict[str, Rounds] = {}
    goals: list[Goal] = []
    for name in options.scenario or NAMES:
        scenario = SCENARIOS.get(name)
        # It keeps no rooms: opening connections is all that it can do.
        skipped = [BARE_TORNADO] if scenario else []
        if not options.server:
            if not scenario:
                skipped += [way for way in ways if way.name not in IDLE.least_of_tornado]
            elif not scenario.every_way:
                skipped += ways
            if not scenario or scenario.least_of_memory is None:
                skipped += journaled
        chosen = [server for server in servers if server not in skipped]
        if not chosen:
            continue
        run = partial(load, scenario=scenario) if scenario else partial(hold, idle=IDLE)
        rounds = in_turns(name, chosen, run, rounds=options.rounds, folder=folder)
        print(table(scenario, rounds) if scenario else idle_table(IDLE, rounds), flush=True)
        print()
        goals += goals_of(name, scenario, rounds) if scenario else idle_goals_of(name, IDLE, rounds)
        results[name] = rounds
    if goals:
        print("Goals", *goals, sep="\n")
    if options.json:
        content = {**_circumstances(options.rounds), "results": results}
        content["goals"] = [asdict(goal) for goal in goals]
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    return int(options.check and not all(goal.met for goal in goals))


def quick(folder: Path) -> int:
    """Try our server for a few seconds; return 1 if anything was lost or reordered, else 0."""
    with start(OURS, folder) as running:
        rounds: Rounds = {OURS.name: [load(running, QUICK)]}
    goals = goals_of("quick", QUICK, rounds)
    print(table(QUICK, rounds), *goals, sep="\n")
    return int(not all(goal.met for goal in goals))


def _circumstances(rounds: int) -> dict[str, object]:
    """Describe the machine and the versions that the figures come from."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {len(CORES)} cores, {platform.system()}",
        "python": platform.python_version(),
        "rounds": rounds,
    }


def _progress(text: str) -> None:
    """Say on a terminal what is under way, on a line that the next one takes the place of."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {number}")
    return number


def _prepare() -> None:
    """See to what the measuring needs of the system, and say what will make it noisy."""
    if sys.platform != "linux" or not shutil.which("taskset"):
        sys.exit(
            "expected Linux with the taskset command (util-linux): servers are pinned to cores"
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended, too
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < IDLE.connections + 100:
        print(f"{IDLE.connections} connections need more open files than the {most} allowed here.")
    if len(CORES) < 2:
        print("There is but one core: the load generator takes its share of the server's time.")
    elif os.getloadavg()[0] > 1:
        print(f"The machine is busy (load {os.getloadavg()[0]:.1f}): the figures will be noisy.")


def main() -> int:
    """Read the command line and do what it says; the exit status."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=_at_least_one, default=3, help="how often each is run (default: 3)")
    add("--scenario", action="append", choices=NAMES, help="only these")
    choices = (*SERVERS, *MORE_SERVERS)
    add("--server", action="append", choices=choices, help="only these, in every scenario")
    add("--driftdb-server", type=Path, metavar="PATH", help="DriftDB's server, if not on the PATH")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--check", action="store_true", help="exit with 1 if a goal is missed")
    add("--quick", action="store_true", help="a few seconds with our server: is anything lost?")
    options = parser.parse_args()
    _prepare()
    compile_generator()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        status = quick(Path(folder)) if options.quick else measure(options, Path(folder))
    print(f"Took {time.monotonic() - began:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
