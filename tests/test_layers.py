"""Who may import whom: the trunk knows nobody, the two arms never meet."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import driftdb_jupyter

ROOT = Path(driftdb_jupyter.__file__).parent

# Each package, and the others that it may import.
ALLOWED = {
    "text": set(),
    "protocol": set(),
    "access": {"protocol"},
    "rooms": {"protocol", "access"},
    "broker": {"protocol", "access", "rooms"},
    "command": {"text", "_version"},
    "server": {"protocol", "access", "rooms", "broker", "_version"},
    "client": {"text", "protocol", "access", "_version"},
    "widgets": {"text", "protocol", "access", "client", "_version"},
    "cli": {
        "text",
        "protocol",
        "access",
        "rooms",
        "broker",
        "server",
        "client",
        "command",
        "_version",
    },
}

# The same within the large packages: each part, and the other parts of its package.
WITHIN = {
    "broker": {
        "file": set(),
        "journaled": {
            *("file", "broker", "clients", "presence", "memory_presence", "name_locks"),
            "served_time",
        },
        "redis": {"broker", "journaled", "presence", "name_locks", "served_time", "shared"},
    },
    "client": {
        "values": set(),
        "session": set(),
        "runtime": {"arguments"},
        "transport": {"arguments", "runtime", "session", "settings"},
        "connection": {"transport", "runtime", "session", "settings"},
        "waiting": {"arguments", "connection", "runtime", "session", "settings"},
        "objects": {
            *("values", "session", "runtime", "connection", "waiting", "base_room", "settings"),
            *("arguments", "sealed"),
        },
    },
    "server": {
        "sending": set(),
        "limits": {"settings"},
        "receiving": {"limits", "sending"},
        "process": {"limits", "settings"},
        "hosting": {"limits", "process", "sending", "settings"},
        "http": {"hosting", "limits", "process", "receiving", "sending", "settings"},
        "hub": {"http"},
        "jupyter": {"hosting", "http", "hub", "in_redis", "process", "settings"},
    },
}


def imported(module: Path) -> Iterator[list[str]]:
    """The path, within our own package, of each module that a module imports anywhere in it."""
    package = ["driftdb_jupyter", *module.relative_to(ROOT).parent.parts]
    for node in _nodes(_parsed(module)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names = [prefix if node.module else f"{prefix}.{a.name}" for a in node.names]
        for name in names:
            if name.startswith("driftdb_jupyter."):
                yield name.split(".")[1:]


def _parsed(module: Path) -> ast.AST:
    text = module.read_text("utf-8")
    while True:
        try:
            return ast.parse(text)
        except SystemError:  # CPython 3.11 mixes up the depths of two threads that are parsing
            assert sys.version_info < (3, 12)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that a type checker alone sees."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _nodes(node)


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_lies_below_it(module: Path) -> None:
    package = module.relative_to(ROOT).parts[0]
    others = {name[0] for name in imported(module)} - {package}
    assert others <= ALLOWED[package]


@pytest.mark.parametrize(
    ("package", "part"), [(package, part) for package, parts in WITHIN.items() for part in parts]
)
def test_a_part_imports_only_the_parts_below_it(package: str, part: str) -> None:
    others = {
        (str(module.relative_to(ROOT)), name[1])
        for module in (ROOT / package / part).rglob("*.py")
        for name in imported(module)
        if name[0] == package and len(name) > 1 and name[1] != part
    }
    assert {
        (module, other) for module, other in others if other not in WITHIN[package][part]
    } == set()


@pytest.mark.parametrize("package", ["protocol", "access", "rooms"])
def test_the_core_does_no_input_or_output(package: str) -> None:
    forbidden = {"asyncio", "socket", "threading", "time", "tornado", "sqlite3", "os"}
    for module in (ROOT / package).rglob("*.py"):
        for node in ast.walk(_parsed(module)):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden
            elif isinstance(node, ast.ImportFrom) and not node.level:
                if [alias.name for alias in node.names] == ["Lock"]:
                    continue  # what several threads use together
                assert (node.module or "").split(".")[0] not in forbidden
