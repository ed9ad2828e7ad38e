"""The memory that a process can have, read from files of proc and sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter.server.machine_memory import machine_memory_bytes

GIB = 1024**3
MEMINFO = f"MemTotal:       {8 * GIB // 1024} kB\nMemFree:         1000 kB\n"
UNLIMITED_V1 = "9223372036854771712\n"


def machine(root: Path, **files: str) -> Path:
    """A root folder with these files; in their names ``__`` stands for a slash."""
    for name, text in {"proc__meminfo": MEMINFO, **files}.items():
        file = root / name.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    assert machine_memory_bytes(machine(tmp_path)) == 8 * GIB


def test_a_container_sees_its_limit_at_the_top(tmp_path: Path) -> None:
    files = {"sys__fs__cgroup__memory_DOT_max": f"{GIB}\n", "proc__self__cgroup": "0::/\n"}
    assert machine_memory_bytes(machine(tmp_path, **files)) == GIB


def test_the_word_max_is_no_limit(tmp_path: Path) -> None:
    files = {"sys__fs__cgroup__memory_DOT_max": "max\n", "proc__self__cgroup": "0::/\n"}
    assert machine_memory_bytes(machine(tmp_path, **files)) == 8 * GIB


@pytest.mark.parametrize("limited", ["a.slice", "a.slice__b.service"])
def test_the_limit_of_a_group_above_counts_too(tmp_path: Path, limited: str) -> None:
    files = {
        "proc__self__cgroup": "0::/a.slice/b.service\n",
        "sys__fs__cgroup__a.slice__memory_DOT_max": "max\n",
        "sys__fs__cgroup__a.slice__b.service__memory_DOT_max": "max\n",
        f"sys__fs__cgroup__{limited}__memory_DOT_max": f"{2 * GIB}\n",
    }
    assert machine_memory_bytes(machine(tmp_path, **files)) == 2 * GIB


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    files = {
        "proc__self__cgroup": "5:cpu,cpuacct:/x\n4:memory:/pods/one\n0::/\n",
        "sys__fs__cgroup__memory__memory_DOT_limit_in_bytes": UNLIMITED_V1,
        "sys__fs__cgroup__memory__pods__one__memory_DOT_limit_in_bytes": f"{GIB}\n",
    }
    assert machine_memory_bytes(machine(tmp_path, **files)) == GIB


def test_a_limit_above_what_the_machine_has_is_none(tmp_path: Path) -> None:
    files = {"sys__fs__cgroup__memory__memory_DOT_limit_in_bytes": UNLIMITED_V1}
    assert machine_memory_bytes(machine(tmp_path, **files)) == 8 * GIB


def test_where_there_are_no_such_files_there_is_still_an_answer(tmp_path: Path) -> None:
    assert machine_memory_bytes(tmp_path) > 0
