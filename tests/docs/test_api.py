"""docs/api.md is what the docstrings say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import driftdb_jupyter

FOLDER = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_api", FOLDER / "generate_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_docstrings_say() -> None:
    written = (FOLDER / "api.md").read_text("utf-8")
    assert written == generator().page(), "run: python docs/generate_api.py"


def test_everything_public_stands_on_it() -> None:
    page = (FOLDER / "api.md").read_text("utf-8")
    for name in driftdb_jupyter.__all__:
        places = (f"`{name}", f" {name} ", f"\n{name}\n")
        assert name == "__version__" or any(place in page for place in places), name
