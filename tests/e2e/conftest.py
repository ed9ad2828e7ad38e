"""What the tests in the browser work with: Jupyter and standalone servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from ..browser import NewWindow
from .jupyter import Jupyter, JupyterServer
from .lab_windows import LabWindows
from .standalone import PageRoom, Standalone

__all__ = ["Jupyter", "jupyter", "own_jupyter", "room", "standalone"]


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The server of all tests that don't stop it."""
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"))
    with server.running():
        yield server


@pytest.fixture(scope="session")
def lab_windows(jupyter_server: JupyterServer, chromium: Browser) -> Iterator[LabWindows]:
    """The windows of JupyterLab that tests use one after the other."""
    windows = LabWindows(chromium)
    yield windows
    windows.close()


@pytest.fixture
def kernels(jupyter_server: JupyterServer) -> Iterator[None]:
    """Ends a test's kernels after its windows have gone (so it is asked for before them)."""
    yield
    jupyter_server.end_kernels()


@pytest.fixture
def new_lab(
    kernels: None, lab_windows: LabWindows, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Page]]:
    """Gives a window that may show JupyterLab already; an error in one fails the test."""
    failed = request.session.testsfailed
    yield lab_windows.take
    lab_windows.give_back(sound=request.session.testsfailed == failed)
    lab_windows.had_no_errors()


@pytest.fixture
def jupyter(
    jupyter_server: JupyterServer,
    kernels: None,
    new_lab: Callable[[], Page],
    new_window: NewWindow,
    tmp_path: Path,
) -> Jupyter:
    """A new folder of a server that runs."""
    folder = jupyter_server.folder / tmp_path.name
    folder.mkdir()
    return Jupyter(jupyter_server, folder, new_window, new_lab)


@pytest.fixture
def own_jupyter(tmp_path: Path, new_window: NewWindow) -> Jupyter:
    """A folder of a server that is the test's alone, and was not started yet."""
    server = JupyterServer(tmp_path)
    folder = server.folder / "notebooks"
    folder.mkdir()
    return Jupyter(server, folder, new_window)


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """The standalone server of all tests that don't stop it; each has rooms of its own in it."""
    server = Standalone(tmp_path_factory.mktemp("standalone"))
    with server.running():
        yield server


@pytest.fixture
def room(standalone: Standalone) -> PageRoom:
    """A new room of the standalone server."""
    return standalone.new_room()
