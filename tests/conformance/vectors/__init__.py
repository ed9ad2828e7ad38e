"""The protocol as data: what goes in and what comes out, for any client or server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load"]


def load(name: str) -> Any:
    """The vectors of that name."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))
