"""The places of the journals of this user's servers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

__all__ = ["journal_in", "jupyter_journal", "jupyter_journals"]


def journal_in(folder: str) -> Path:
    """Return the journal of the standalone server that keeps its rooms in a folder."""
    return Path(folder).absolute() / "rooms.db"


def jupyter_journals() -> Path:
    """Return the folder of the journals of all Jupyter servers."""
    return Path(jupyter_data_dir()) / "driftdb"


def jupyter_journal(root: str) -> Path:
    """Return the journal of the Jupyter servers with that root folder, one at a time."""
    digest = hashlib.sha256(os.path.realpath(root).encode(errors="surrogateescape")).hexdigest()
    return jupyter_journals() / f"{digest[:32]}.db"
