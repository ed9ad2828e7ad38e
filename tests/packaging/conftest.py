"""The packages, built from a copy of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

__all__ = ["build", "lend_modules", "python"]

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "js" / "node_modules"
NOT_COPIED = (".git", ".venv", ".*cache", ".hypothesis", "__pycache__", "node_modules", "static")


def python(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """Run Python, and give what it wrote; a RuntimeError with that where it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout)
    return done.stdout


def build(sources: Path, kind: str, *options: str, **environment: str) -> Path:
    """Build an sdist or a wheel of these sources, and of nothing that an earlier build left."""
    dist = sources / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    python("-m", "build", f"--{kind}", *options, cwd=sources, **environment)
    (package,) = dist.iterdir()
    return package


def lend_modules(sources: Path) -> None:
    """Spare a build to fetch what ./dev has fetched already."""
    if (MODULES / ".installed.json").is_file():
        (sources / "js" / "node_modules").symlink_to(MODULES, target_is_directory=True)


@pytest.fixture(scope="session")
def no_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with neither Node nor npm (nor anything but a shell)."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("needs a POSIX shell")
    folder = tmp_path_factory.mktemp("bin")
    (folder / "sh").symlink_to(shell)
    return str(folder)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with no bundle in it."""
    copy = tmp_path_factory.mktemp("checkout") / "driftdb-jupyter"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return copy


@pytest.fixture(scope="session")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    sources = tmp_path_factory.mktemp("sdist") / "sources"
    shutil.copytree(checkout, sources)
    lend_modules(sources)
    return build(sources, "sdist", "--no-isolation")


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack a source distribution into an empty folder; the sources in it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (sources,) = folder.iterdir()
    return sources


@pytest.fixture
def unpacked(sdist: Path, tmp_path: Path) -> Path:
    """What is in the source distribution, for a test to change."""
    return unpack(sdist, tmp_path)


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory, no_node: str) -> Path:
    """The wheel, built from the sdist where there is no Node."""
    sources = unpack(sdist, tmp_path_factory.mktemp("wheel"))
    return build(sources, "wheel", "--no-isolation", PATH=no_node)
