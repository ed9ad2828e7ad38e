"""What the wheel holds, and what it does where it is installed."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from jupyter_server.extension.config import ExtensionConfigManager

import driftdb_jupyter

from .conftest import python

STATIC = "driftdb_jupyter/widgets/static"


@pytest.fixture
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_is_pure_python(wheel: Path) -> None:
    assert wheel.name == f"driftdb_jupyter-{driftdb_jupyter.__version__}-py3-none-any.whl"


def test_it_holds_the_front_end_and_the_types(names: set[str]) -> None:
    assert {f"{STATIC}/widget.js", f"{STATIC}/widget.css", "driftdb_jupyter/py.typed"} <= names


def test_it_holds_the_pages(names: set[str]) -> None:
    assert "driftdb_jupyter/server/page.html" in names
    built = re.compile(r"driftdb_jupyter/server/static/(\w+)-\w+\.(js|css)")
    entries = {match[1] for match in map(built.fullmatch, names) if match}
    assert {"room", "inspector", "front", "pages"} <= entries


def test_it_holds_the_notices_of_what_others_wrote(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        notices, of_widgets = (
            archive.read(f"driftdb_jupyter/{part}/static/THIRD_PARTY.txt").decode()
            for part in ("server", "widgets")
        )
    for words in ["uqr", "Project Nayuki", "Anthony Fu", "The above copyright notice"]:
        assert words in notices
    for text in (notices, of_widgets):
        assert "uplot" in text
        assert "Leon Sorokin" in text


def test_jupyterlab_finds_the_extension_that_it_names(wheel: Path) -> None:
    folder = "share/jupyter/labextensions/driftdb-jupyter/"
    with zipfile.ZipFile(wheel) as archive:
        ours = {name.partition(folder)[2]: name for name in archive.namelist() if folder in name}
        package, install = (
            json.loads(archive.read(ours[name])) for name in ("package.json", "install.json")
        )
    loaded = package["jupyterlab"]["_build"]["load"]
    (charts,) = (name for name in ours if re.fullmatch(r"static/chart-\w+\.js", name))
    assert set(ours) == {"package.json", "install.json", "THIRD_PARTY.txt", loaded, charts}
    # By which `jupyter labextension list` says whose it is, and how it goes.
    assert install["packageName"] == "driftdb-jupyter"


def test_it_holds_nothing_but_the_package(names: set[str]) -> None:
    ours = re.compile(r"driftdb_jupyter(/|-[\d.]+\.(data|dist-info)/)")
    assert [name for name in names if not ours.match(name)] == []
    assert [name for name in names if "test" in name or name.endswith(".ts")] == []


def test_installed_it_enables_the_extension_and_has_its_command(
    wheel: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    # Without --ignore-installed pip would take away what this very environment has of ours.
    pip = ("-m", "pip", "install", "-q", "--no-deps", "--ignore-installed")
    python(*pip, f"--prefix={place}", wheel, cwd=tmp_path)
    configured = ExtensionConfigManager(read_config_path=[str(place / "etc" / "jupyter")])
    enabled = configured.get_jpserver_extensions()  # type: ignore[no-untyped-call]
    assert enabled == {"driftdb_jupyter": True}

    (package,) = place.glob("**/driftdb_jupyter/__init__.py")
    (command,) = place.glob("Scripts/driftdb.exe" if os.name == "nt" else "bin/driftdb")
    said = python(command, "--version", cwd=tmp_path, PYTHONPATH=str(package.parents[1]))
    assert said.strip() == driftdb_jupyter.__version__
