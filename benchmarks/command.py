#!/usr/bin/env python3
"""What the ``driftdb`` command can: lines of a log a second, and what its start and an import cost.

With ``--check`` it exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a program: the package is this file's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.servers import OURS, Server, start

COMMAND = (sys.executable, "-m", "driftdb_jupyter.cli")
LINES = 500_000
LINE = "\x1b[32mok\x1b[0m  %07d  " + "x" * 60
NOWHERE = "http://127.0.0.1:9/room/r"
ROUNDS = 3
STARTS = 15
LINES_GOAL_PER_SECOND = 50_000
IMPORT_GOAL_SECONDS = 0.1


def appended(folder: Path, text: bytes) -> float:
    """Lines a second of a log that is piped to ``driftdb append``, its start and end included.

    The server keeps a journal (``batched``), so all are committed when the command has ended.
    """
    command = (*OURS.command, f"--data={folder / 'rooms'}")
    server = Server(name="ours-batched", command=command)
    with start(server, folder) as running:
        room = f"http://127.0.0.1:{running.port}/room/{running.new_rooms(1)[0]}"
        variables = {**os.environ, "DRIFTDB_ROOM": room}
        began = time.perf_counter()
        subprocess.run([*COMMAND, "append", "build"], input=text, env=variables, check=True)
        took = time.perf_counter() - began
        arguments = [*COMMAND, "inspect", "--json"]
        held = subprocess.run(arguments, env=variables, check=True, capture_output=True).stdout
        assert f'"size":{LINES},'.encode() in held, held
    return LINES / took


def shortest(*arguments: str) -> float:
    """How long a Python with these arguments takes, in seconds; the shortest of some runs."""
    times = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> int:
    """Measure, and show it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    options = parser.parse_args()
    text = "".join(f"{LINE % number}\n" for number in range(LINES)).encode()
    rates = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rates.append(appended(Path(folder), text))
    nothing = shortest("-c", "pass")
    imported = shortest("-c", "import driftdb_jupyter") - nothing
    used = shortest("-c", "from driftdb_jupyter import Room, Stream, room") - nothing
    command = ("-m", "driftdb_jupyter.cli")
    asked = shortest(*command, "get", "key", f"--room={NOWHERE}") - nothing
    helped = shortest(*command, "--help") - nothing
    print(f"append: {max(rates):,.0f} lines a second (best of {ROUNDS})")
    print(f"import driftdb_jupyter: {1000 * imported:.0f} ms more than Python itself")
    print(f"… import Room, Stream, room: {1000 * used:.0f} ms more")
    print(f"driftdb get, where nothing answers: {1000 * asked:.0f} ms more")
    print(f"driftdb --help: {1000 * helped:.0f} ms more")
    met = max(rates) >= LINES_GOAL_PER_SECOND and imported < IMPORT_GOAL_SECONDS
    return int(options.check and not met)


if __name__ == "__main__":
    sys.exit(main())
