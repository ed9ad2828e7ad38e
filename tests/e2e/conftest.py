"""What the tests in the browser work with: Jupyter and standalone servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..browser import NewWindow
from .jupyter import TOKEN, JupyterServer
from .notebook import Notebook
from .standalone import PageRoom, Standalone

__all__ = ["Jupyter", "jupyter", "own_jupyter", "room", "standalone"]


class Jupyter:
    """A folder with notebooks on a Jupyter server, and windows onto them.

    Named rooms are the whole server's: a test whose notebooks meet in one needs a name of its own.
    """

    def __init__(self, server: JupyterServer, folder: Path, new_window: NewWindow) -> None:
        self.folder = folder
        self.server = server
        self._path = folder.relative_to(server.folder).as_posix()
        self._new_window = new_window

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

    def open(self, name: str, *, app: str = "lab") -> Notebook:
        """Open a notebook in a window of its own, in JupyterLab or Notebook."""
        path = "lab/tree" if app == "lab" else "notebooks"
        page = self._new_window()
        return Notebook(page, f"{self.root}{path}/{self.path(name)}?reset&token={TOKEN}")


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The server of all tests that don't stop it."""
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"))
    with server.running():
        yield server


@pytest.fixture
def kernels(jupyter_server: JupyterServer) -> Iterator[None]:
    """Ends the kernels of a test after its windows were closed (so it stands before them)."""
    yield
    jupyter_server.end_kernels()


@pytest.fixture
def jupyter(
    jupyter_server: JupyterServer, kernels: None, new_window: NewWindow, tmp_path: Path
) -> Jupyter:
    """A new folder of a server that runs."""
    folder = jupyter_server.folder / tmp_path.name
    folder.mkdir()
    return Jupyter(jupyter_server, folder, new_window)


@pytest.fixture
def own_jupyter(tmp_path: Path, new_window: NewWindow) -> Jupyter:
    """A folder of a server that is the test's alone, and was not started yet."""
    server = JupyterServer(tmp_path)
    folder = server.folder / "notebooks"
    folder.mkdir()
    return Jupyter(server, folder, new_window)


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
