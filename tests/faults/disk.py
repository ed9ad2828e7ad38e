"""A bad disk under a process: it fails where a test says so, and forgets what was not synced.

The work is done by ``disk.c``, which is preloaded into the process.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

__all__ = ["Call", "Disk", "Operation", "build"]

Operation = Literal["write", "sync", "truncate", "open"]
SOURCE = Path(__file__).with_name("disk.c")
_BLOCK_BYTES = 512  # what a disk writes as a whole


@dataclass(frozen=True)
class Call:
    """A call that a process made, as ``disk.c`` noted it.

    ``name``: of the C library's function. ``path``: of the file, from the disk's directory on;
    ``tcp`` for what was sent. ``content``: the bytes that were written or sent. ``error``: an
    errno, 0 where there was none.
    """

    nanoseconds: int
    name: str
    offset: int
    length: int
    error: int
    content: bytes
    path: str

    @property
    def is_sync(self) -> bool:
        """Whether something was on the disk afterwards."""
        return self.name in ("fsync", "fdatasync") and not self.error

    @classmethod
    def read(cls, line: str) -> Call:
        """A line of the log."""
        nanoseconds, name, offset, length, error, content, path = line.split(maxsplit=6)
        return cls(
            nanoseconds=int(nanoseconds),
            name=name,
            offset=int(offset),
            length=int(length),
            error=int(error),
            content=b"" if content == "-" else bytes.fromhex(content),
            path=path,
        )


def build(folder: Path) -> Path:
    """Compile ``disk.c`` into a folder.

    Raises :class:`RuntimeError` where that can't be: without a C compiler, or elsewhere than on
    Linux.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        raise RuntimeError(f"expected Linux and a C compiler, got {sys.platform} and {compiler}")
    library = folder / "disk.so"
    options = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


class Disk:
    """The files of a folder, and what goes wrong with them.

    ``directory``: where the process is to keep its files. ``environment``: what it is to be
    started with; with ``recorded``, :meth:`calls` tells what it did.
    """

    def __init__(self, folder: Path, library: Path, *, recorded: bool = False) -> None:
        folder = folder.resolve()  # disk.c compares whole paths
        self.directory = folder / "files"
        self._shadow = folder / "shadow"
        self._control = folder / "control"
        self._log = folder / "log"
        self.directory.mkdir()
        self._shadow.mkdir()
        self.environment = {
            "LD_PRELOAD": str(library),
            "DISK_DIRECTORY": str(self.directory),
            "DISK_SHADOW": str(self._shadow),
            "DISK_CONTROL": str(self._control),
        }
        if recorded:
            self.environment["DISK_LOG"] = str(self._log)

    def calls(self) -> list[Call]:
        """All that was recorded, in the order of ``disk.c``."""
        return [Call.read(line) for line in self._log.read_text("utf-8").splitlines()]

    @contextmanager
    def failing(self, *operations: Operation, error: int) -> Iterator[None]:
        """Let operations fail with an errno, in processes that run already, too.

        As on Linux, what a failed sync was to write is not on the disk after a later one either.
        """
        with self._wrong("".join(f"{operation} {error} 0\n" for operation in operations)):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let nothing more be written."""
        with self.failing("write", error=errno.ENOSPC):
            yield

    @contextmanager
    def slow(self, *operations: Operation, seconds: float) -> Iterator[None]:
        """Let operations take longer."""
        with self._wrong("".join(f"{name} 0 {int(seconds * 1000)}\n" for name in operations)):
            yield

    def lose_power(self, random: Random | None = None) -> None:
        """Put the files back to what was synced; the process must be dead.

        With ``random``, each block that was not synced may be there all the same, as a disk
        writes some of them in its own time and order.
        """
        if random is not None:
            self._survive(random)
        shutil.rmtree(self.directory)
        shutil.copytree(self._shadow, self.directory)

    @contextmanager
    def _wrong(self, faults: str) -> Iterator[None]:
        written = self._control.with_name("control.new")
        written.write_text(faults, "ascii")
        written.rename(self._control)  # so that nobody reads half of it
        try:
            yield
        finally:
            self._control.unlink()

    def _survive(self, random: Random) -> None:
        for path in sorted(self.directory.rglob("*")):
            copy = self._shadow / path.relative_to(self.directory)
            if not path.is_file() or (not copy.exists() and random.random() < 0.5):
                continue
            there = path.read_bytes()
            kept = bytearray(copy.read_bytes() if copy.exists() else b"")
            for start in range(0, len(there), _BLOCK_BYTES):
                block = there[start : start + _BLOCK_BYTES]
                if kept[start : start + len(block)] != block and random.random() < 0.5:
                    if start > len(kept):
                        kept.extend(bytes(start - len(kept)))
                    kept[start : start + len(block)] = block
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(kept)
