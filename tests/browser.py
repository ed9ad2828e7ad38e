"""A real browser for the tests: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, sync_playwright

__all__ = [
    "NewWindow",
    "Windows",
    "become_equal",
    "chromium",
    "launched",
    "new_window",
    "started_chromium",
]


class NewWindow(Protocol):
    """Opens a window; the options are those of Playwright's ``new_context``."""

    def __call__(self, **options: Any) -> Page: ...


_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]


def become_equal(page: Page, *reads: Callable[[], object]) -> None:
    """Wait until what these return is the same; ``page`` is any, whose messages go on meanwhile."""
    for _ in range(600):
        values = [read() for read in reads]
        if all(value == values[0] for value in values):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"expected equal values, got {values}")


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = launched(playwright.chromium)
        yield browser
        browser.close()


def launched(chromium: BrowserType, *, back_forward_cache: bool = False) -> Browser:
    """Launch a browser, unsandboxed where this runs as root.

    Playwright's own way of launching keeps no page that is left (``back_forward_cache``).
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert path, f"expected one of {', '.join(_NAMES)} on the PATH (./dev test installs it)"
    arguments = list(_ARGUMENTS)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    without = ["--disable-back-forward-cache"] if back_forward_cache else []
    return chromium.launch(executable_path=path, args=arguments, ignore_default_args=without)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of all tests."""
    with started_chromium() as browser:
        yield browser


class Windows:
    """Windows that share nothing, as on several machines, and the errors of their scripts."""

    # What is not ours.
    _FOREIGN = (
        # Notebook 7 says that of itself now and then, while it starts.
        "Cannot read properties of undefined (reading 'schema')",
        # And this of each notebook that lies in a folder.
        "Command 'filebrowser:open-path' not registered.",
        # JupyterLab says that of a notebook that is closed while its kernel answers.
        "Error: Canceled future for ",
        # And this, when its server ends while it asks for something.
        "Failed to fetch",
        # And when the server comes back without its kernels.
        "Kernel is dead",
    )

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self._errors: list[str] = []

    def __call__(self, **options: Any) -> Page:
        """Open one; the options are those of Playwright's ``new_context``."""
        looks = {"viewport": {"width": 1000, "height": 800}, **options}
        context = self._chromium.new_context(**looks)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self._errors.append(error.message))
        return page

    def close(self) -> None:
        """Close all."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def had_no_errors(self) -> None:
        """Fail where a script had one since this was asked last."""
        errors = [error for error in self._errors if not error.startswith(self._FOREIGN)]
        self._errors.clear()
        assert errors == []


@pytest.fixture
def new_window(chromium: Browser) -> Iterator[NewWindow]:
    """Opens windows that share nothing, as on several machines; an error in one fails the test."""
    windows = Windows(chromium)
    yield windows
    windows.close()
    windows.had_no_errors()
