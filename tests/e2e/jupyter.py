"""A real Jupyter server for the tests in the browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Page

from ..browser import NewWindow
from ..server.processes import Process, environment, started
from .notebook import Notebook

__all__ = ["TOKEN", "Jupyter", "JupyterServer"]

TOKEN = "a-token-for-the-tests"


class JupyterServer:
    """A Jupyter server that can be restarted; it serves the files in ``folder``.

    ``variables`` are more for its environment.
    """

    def __init__(self, home: Path, **variables: str) -> None:
        self._variables = variables
        os.chmod(home, 0o700)
        self.folder = home / "files"
        self.folder.mkdir()
        self._settings = home / "settings"
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
        env = environment(
            IPYTHONDIR=str(self._settings / "ipython"),
            JUPYTER_CONFIG_DIR=str(self._settings / "config"),
            JUPYTER_DATA_DIR=str(self._settings / "data"),
            JUPYTER_RUNTIME_DIR=str(self._settings / "runtime"),
            **self._variables,
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

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call Jupyter's REST API; ``path`` is what follows ``api/``."""
        request = Request(
            f"{self.root}api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def end_kernels(self) -> None:
        """End all kernels."""
        for kernel in self.request("GET", "kernels"):
            self.request("DELETE", f"kernels/{kernel['id']}")


class Jupyter:
    """A folder with notebooks on a Jupyter server, and windows onto them.

    Named rooms are the whole server's: a test whose notebooks meet in one needs a name of its own.
    """

    def __init__(
        self,
        server: JupyterServer,
        folder: Path,
        new_window: NewWindow,
        new_lab: Callable[[], Page] | None = None,
    ) -> None:
        self.folder = folder
        self.server = server
        self._path = folder.relative_to(server.folder).as_posix()
        self._new_window = new_window
        self._new_lab = new_lab or new_window

    @property
    def root(self) -> str:
        """The URL that all of the server's begin with."""
        return self.server.root

    def path(self, name: str) -> str:
        """Where the server has one of the folder's notebooks."""
        return f"{self._path}/{name}"

    def rename(self, name: str, other: str) -> None:
        """Rename a file by Jupyter's REST API, which no open window hears of."""
        body = {"path": self.path(other)}
        self.server.request("PATCH", f"contents/{self.path(name)}", body)

    def url(self, name: str, *, app: str = "lab") -> str:
        """The URL of a notebook's page, in JupyterLab or Notebook."""
        place = "lab/tree" if app == "lab" else "notebooks"
        return f"{self.root}{place}/{self.path(name)}?reset&token={TOKEN}"

    def open(self, name: str, *, app: str = "lab") -> Notebook:
        """Open a notebook in a window that nothing else uses, in JupyterLab or Notebook.

        The window may have shown another test's notebooks.
        """
        if app != "lab":
            return Notebook(self._new_window(), self.url(name, app=app))
        return Notebook(self._new_lab(), self.url(name), path=self.path(name))
