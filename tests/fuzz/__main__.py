"""Fuzz a real server for some minutes: ``python -m tests.fuzz --minutes 10``."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from .fuzzer import Finding, fuzz, replay
from .places import PLACES
from .target import serving

_TELL_SECONDS = 10


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description="Send a real server handshakes, frames, messages, requests and credentials that"
        " are nearly right, and look for errors in its log, growth of its memory, and others that"
        " are no longer answered. Prints the smallest input that shows a fault, and ends with 1.",
    )
    parser.add_argument("--minutes", type=float, default=1, help="how long (default: 1)")
    parser.add_argument(
        "--seed", type=int, help="which cases (default: a new one, which is printed)"
    )
    parser.add_argument("--place", choices=PLACES, default="plain", help="where (default: plain)")
    parser.add_argument("--first", type=int, default=0, help="the case to begin with (default: 0)")
    parser.add_argument("--only", metavar="SEED:NUMBER", help="say this one case, and end")
    parser.add_argument("options", nargs="*", help="more options of driftdb serve, after --")
    return parser.parse_args()


async def _main(options: argparse.Namespace, folder: Path) -> None:
    place = PLACES[options.place]
    serve = partial(serving, folder, place, *options.options)
    if options.only:
        await replay(serve, options.only, only=place.only)
        print("nothing was found")
        return
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    minutes: float = options.minutes
    end = time.monotonic() + minutes * 60
    next_told = time.monotonic()
    print(f"seed {seed}", flush=True)

    def goes_on(count: int) -> bool:
        nonlocal next_told
        now = time.monotonic()
        if now >= next_told:
            next_told = now + _TELL_SECONDS
            print(f"{count} cases, {max(0, end - now):.0f} s to go", flush=True)
        return now < end

    count = await fuzz(serve, seed, first=options.first, goes_on=goes_on, only=place.only)
    print(f"{count} cases of seed {seed}: nothing was found")


def main() -> int:
    """Do what the command line says."""
    with TemporaryDirectory() as folder:
        try:
            asyncio.run(_main(_arguments(), Path(folder)))
        except Finding as finding:
            print(f"FOUND: {finding}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
