"""What a drop-in is held to: an app that uses every name, checked against DriftDB's own types.

Against ours it is checked in ``tests/packaging/test_npm.py``.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from .conftest import HERE, JS, install

APP = HERE / "signatures.ts"


@pytest.fixture(scope="module")
def modules() -> Path:
    install()
    return HERE / "node_modules"


def test_the_app_is_one_of_driftdb(modules: Path, tmp_path: Path) -> None:
    (tmp_path / "app.ts").write_text(APP.read_text())
    (tmp_path / "node_modules").symlink_to(modules)
    types = JS / "node_modules" / "@types" / "react" / "index.d.ts"
    options = {"strict": True, "noEmit": True, "skipLibCheck": True, "types": []}
    options |= {"module": "esnext", "moduleResolution": "bundler", "target": "es2022"}
    options |= {"lib": ["es2022", "dom"], "paths": {"react": [str(types)]}}
    config = {"compilerOptions": options, "files": ["app.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    tsc = JS / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([tsc], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ["driftdb", "driftdb-react"])
def test_the_app_uses_every_public_name(modules: Path, package: str) -> None:
    told = (modules / package / "dist" / "index.d.ts").read_text()
    exported = re.findall(r"^export (?:type )?{(.*?)}", told, re.MULTILINE)
    exported += re.findall(r"^export declare (?:class|function) (\w+)", told, re.MULTILINE)
    names = {name.strip() for names in exported for name in names.split(",")}
    used = set(re.findall(r"\w+", APP.read_text()))
    assert len(names) > 10
    assert names <= used
