"""The memory that this process can have: the machine's, or its container's."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["machine_memory_bytes"]

# Where nothing can be found out, as on Windows.
_ASSUMED_BYTES = 4 * 1024**3


def machine_memory_bytes(root: Path = Path("/")) -> int:
    """Return the smallest of the machine's memory and the limits of the process's control groups.

    Looks at cgroup v2 and v1, at the process's own group and all above it. ``root``: where the
    file systems ``proc`` and ``sys`` are mounted.
    """
    return min([*_group_limits(root), _physical_bytes(root) or _ASSUMED_BYTES])


def _physical_bytes(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        name, _, amount = line.partition(":")
        if name == "MemTotal":
            return int(amount.split()[0]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _group_limits(root: Path) -> list[int]:
    mounts = root / "sys/fs/cgroup"
    # Inside a container the group's files are often mounted at the top, whatever its path is.
    files = [mounts / "memory.max", mounts / "memory/memory.limit_in_bytes"]
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.rstrip("\n").split(":", 2)
        if not controllers:
            top, name = mounts, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = mounts / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = top / path.strip("/")
        while group != top and top in group.parents:
            files.append(group / name)
            group = group.parent
    texts = ["".join(_lines(file)).strip() for file in files]
    return [int(text) for text in texts if text.isdigit()]  # not "max"


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines(keepends=True)
    except (OSError, UnicodeError):
        return []
