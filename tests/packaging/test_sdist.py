"""What the source distribution holds."""

from __future__ import annotations

from pathlib import Path

STATIC = "driftdb_jupyter/widgets/static"


def test_it_carries_the_bundle_and_the_hash_of_its_sources(unpacked: Path) -> None:
    carried = {path.name for path in (unpacked / STATIC).iterdir()}
    assert {"widget.js", "widget.css", "sources.sha256"} <= carried


def test_it_carries_what_the_bundle_is_built_from(unpacked: Path) -> None:
    for name in ("src/widgets/index.ts", "build.mjs", "package.json", "package-lock.json"):
        assert (unpacked / "js" / name).is_file(), name


def test_it_carries_the_files_that_the_documentation_deploys_with(unpacked: Path) -> None:
    for name in ("nginx.conf", "driftdb.service", "Dockerfile"):
        assert (unpacked / "deploy" / name).is_file(), name


def test_it_carries_none_of_what_others_wrote(unpacked: Path) -> None:
    assert not (unpacked / "js" / "node_modules").exists()
