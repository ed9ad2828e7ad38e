"""Firefox, and what is opened in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

import pytest

from ..e2e.conftest import room, standalone
from ..npm.conftest import pages
from .firefox import Firefox, Window, found, started_firefox

__all__ = ["NewWindow", "firefox", "new_window", "pages", "room", "standalone"]


class NewWindow(Protocol):
    """Opens a window of so many CSS pixels."""

    def __call__(self, *, width: int = 1000, height: int = 800) -> Window: ...


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """The browser of all tests; not every system has one to install, but CI's has."""
    if found() is None and not os.environ.get("CI"):
        pytest.skip("Firefox is not installed (apt-get install firefox-esr, or set FIREFOX)")
    with started_firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.fixture
def new_window(firefox: Firefox) -> Iterator[NewWindow]:
    """Opens windows that share nothing."""
    windows: list[Window] = []

    def open_window(*, width: int = 1000, height: int = 800) -> Window:
        window = firefox.new_window(width=width, height=height)
        windows.append(window)
        return window

    yield open_window
    for window in windows:
        window.close()
