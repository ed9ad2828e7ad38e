"""Windows of JupyterLab that are used again: to load one takes seconds."""

from __future__ import annotations

from playwright.sync_api import Browser, Error, Page

from ..browser import Windows

__all__ = ["LabWindows"]

# Closes what is open, with no question about what was not saved.
_EMPTY = """() => {
    for (const widget of [...jupyterapp.shell.widgets("main")]) widget.dispose();
    localStorage.clear();
    sessionStorage.clear();
    return document.querySelector(".jp-Dialog") === null;
}"""


class LabWindows(Windows):
    """Windows that share nothing; a test takes those that it needs, and gives them back."""

    def __init__(self, chromium: Browser) -> None:
        super().__init__(chromium)
        self._idle: list[Page] = []
        self._taken: list[Page] = []

    def take(self) -> Page:
        """A window that nobody uses: JupyterLab without a document, or new."""
        page = self._idle.pop() if self._idle else self()
        self._taken.append(page)
        return page

    def give_back(self, *, sound: bool) -> None:
        """Empty the windows that were taken; where that fails, or they aren't sound, close them."""
        for page in self._taken:
            if sound and self._emptied(page):
                self._idle.append(page)
            else:
                page.context.close()
        self._taken.clear()

    def _emptied(self, page: Page) -> bool:
        for other in page.context.pages:
            if other is not page:
                other.close()
        try:
            empty: bool = not page.is_closed() and page.evaluate(_EMPTY)
        except Error:
            empty = False
        return empty
