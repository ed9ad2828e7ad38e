"""``driftdb open``."""

from __future__ import annotations

import webbrowser
from typing import Any

from traitlets import Bool

from ..client.link import page_url
from .member import MemberCommand
from .status import FAILED
from .terminal import put

__all__ = ["OpenCommand"]


class OpenCommand(MemberCommand):
    """Open the page of a room in the browser, or of one key of it."""

    name = "driftdb-open"
    description = __doc__
    arguments = "[KEY]"
    examples = """
    driftdb open
    driftdb open slider
    driftdb open --room lecture --print
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "print": ({"OpenCommand": {"prints": True}}, "Print the URL, and open nothing."),
    }
    prints = Bool(False, config=True, help="Whether to print the URL, and open nothing.")

    def run(self) -> None:
        """Open it."""
        key = self.only_argument("at most one key") if self.extra_args else None
        url = page_url(self.location(), key)
        if self.prints:
            put(url)
        elif not webbrowser.open(url):
            self.fail(f"there is no browser here; open {url}", FAILED)
