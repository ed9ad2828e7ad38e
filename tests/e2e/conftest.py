"""A real Jupyter server for the tests in the browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from ..browser import NewWindow
from ..server.processes import Process, environment, started
from .notebook import Notebook
from .standalone import PageRoom, Standalone

__all__ = ["Jupyter", "jupyter", "room", "standalone"]

TOKEN = "a-token-for-the-tests"


class Jupyter:
    """A Jupyter server that can be restarted; ``folder`` has its notebooks."""

    def __init__(self, folder: Path, new_window: NewWindow) -> None:
        self.folder = folder
        self._new_window = new_window
        self._port = 0
        self.process: Process

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the end of the block; again at the same address."""
        command = [
            *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            f"--ServerApp.port={self._port}",
            f"--ServerApp.root_dir={self.folder}",
            f"--IdentityProvider.token={TOKEN}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--ServerApp.base_url=/a/b/",
        ]
        settings = self.folder.parent / "settings"
        env = environment(
            IPYTHONDIR=str(settings / "ipython"),
            JUPYTER_CONFIG_DIR=str(settings / "config"),
            JUPYTER_DATA_DIR=str(settings / "data"),
            JUPYTER_RUNTIME_DIR=str(settings / "runtime"),
        )
        # The extension is to be found as a user's is: by the configuration that was installed.
        del env["JUPYTER_NO_CONFIG"]
        with started(command, cwd=self.folder, env=env) as self.process:
            self.root = self.process.server.root.removesuffix("driftdb/")
            self._port = int(self.root.split(":")[2].split("/")[0])
            yield
            self._end()

    def _end(self) -> None:
        try:
            self.process.end(patience_seconds=5)
        except subprocess.TimeoutExpired:
            # Where a page has requests under way that run in Jupyter's worker threads (AnyIO's),
            # those outlive the loop and keep the process from ending, with all its work done.
            assert "Shutting down" in self.process.log
            self.process.end(signal.SIGKILL)

    def rename(self, name: str, other: str) -> None:
        """Rename a file by Jupyter's REST API, which no open window hears of."""
        request = Request(
            f"{self.root}api/contents/{name}",
            method="PATCH",
            data=json.dumps({"path": other}).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def open(self, name: str, *, app: str = "lab") -> Notebook:
        """Open a notebook in a window of its own, in JupyterLab or Notebook."""
        path = "lab/tree" if app == "lab" else "notebooks"
        page = self._new_window()
        return Notebook(page, f"{self.root}{path}/{name}?reset&token={TOKEN}")


@pytest.fixture
def jupyter(tmp_path: Path, new_window: NewWindow) -> Jupyter:
    """A server that was not started yet."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    os.chmod(tmp_path, 0o700)
    return Jupyter(folder, new_window)


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Standalone]:
    """A standalone server that runs."""
    server = Standalone(tmp_path)
    with server.running():
        yield server


@pytest.fixture
def room(standalone: Standalone) -> PageRoom:
    """A new room of the standalone server."""
    return standalone.new_room()
