"""The places of the rooms of this user's servers."""

from __future__ import annotations

import getpass
import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from jupyter_core.paths import jupyter_data_dir

__all__ = ["journal_in", "jupyter_journal", "jupyter_journals", "jupyter_prefix"]


def journal_in(folder: str) -> Path:
    """Return the journal of the standalone server that keeps its rooms in a folder."""
    return Path(folder).absolute() / "rooms.db"


def jupyter_journals() -> Path:
    """Return the folder of the journals of all Jupyter servers."""
    return Path(jupyter_data_dir()) / "driftdb"


def jupyter_journal(root: str) -> Path:
    """Return the journal of the Jupyter servers with that root folder, one at a time."""
    return jupyter_journals() / f"{_digest(root)}.db"


def jupyter_prefix(root: str) -> str:
    """Return what keys in Redis begin with, of this user's Jupyter servers with that root folder.

    Under a JupyterHub the user is the hub's, for all its servers may run as one of the system.
    """
    try:
        user = os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):  # the system knows no name
        user = str(os.getuid())
    return f"driftdb-jupyter:{quote(user, safe='')}:{_digest(root)}:"


def _digest(root: str) -> str:
    real = os.path.realpath(root).encode(errors="surrogateescape")
    return hashlib.sha256(real).hexdigest()[:32]
