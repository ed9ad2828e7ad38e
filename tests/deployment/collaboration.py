"""jupyter-collaboration, in a folder of its own: no other test has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import driftdb_jupyter

__all__ = ["collaboration"]

_PACKAGES = Path(__file__).with_name("collaboration.txt")


def collaboration() -> dict[str, str]:
    """Install it, if it isn't there; returns the environment in which Jupyter has it."""
    folder = Path(sys.prefix) / "jupyter-collaboration"
    installed = folder / "installed.txt"
    if not (installed.exists() and installed.read_bytes() == _PACKAGES.read_bytes()):
        shutil.rmtree(folder, ignore_errors=True)
        install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        # All that is missing beside JupyterLab is in the list.
        more = ["--no-deps", "--target", str(folder), "-r", str(_PACKAGES)]
        subprocess.run([*install, *more], check=True)
        shutil.copy(_PACKAGES, installed)
    source = Path(driftdb_jupyter.__file__).parents[1]
    return {
        "PYTHONPATH": f"{source}{os.pathsep}{folder}",
        "JUPYTER_PATH": str(folder / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(folder / "etc" / "jupyter"),
    }
