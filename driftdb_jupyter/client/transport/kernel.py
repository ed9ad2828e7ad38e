"""The kernel that this process is, as the Jupyter server that started it knows it."""

from __future__ import annotations

import re
import sys
from pathlib import PurePath
from typing import Any

__all__ = ["kernel_id"]

_CONNECTION_FILE = re.compile(r"kernel-(?P<id>.+)\.json")


def kernel_id() -> str | None:
    """Return the id by which the Jupyter server knows this kernel, ``None`` if it is none."""
    kernelapp: Any = sys.modules.get("ipykernel.kernelapp")
    if kernelapp is None or not kernelapp.IPKernelApp.initialized():
        return None
    # The server names the file by the id, and tells it in no other way.
    name = PurePath(kernelapp.IPKernelApp.instance().connection_file).name
    found = _CONNECTION_FILE.fullmatch(name)
    return found["id"] if found else None
