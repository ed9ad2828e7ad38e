"""``driftdb open``."""

from __future__ import annotations

import webbrowser
from typing import Any

from traitlets import Bool

from .address import page_url
from .member import MemberCommand
from .status import FAILED

__all__ = ["OpenCommand"]


class OpenCommand(MemberCommand):
    """Open the page of a room in the browser, or print its URL."""

    name = "driftdb-open"
    description = __doc__
    examples = """
    driftdb open
    driftdb open --room lecture --print
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "print": ({"OpenCommand": {"prints": True}}, "Print the URL, and open nothing."),
    }
    prints = Bool(False, config=True, help="Whether to print the URL, and open nothing.")

    def run(self) -> None:
        """Open it."""
        if self.extra_args:
            self.misused(f"expected no argument, got {len(self.extra_args)}")
        url = page_url(self.location().url)
        if self.prints:
            print(url)
        elif not webbrowser.open(url):
            self.fail(f"there is no browser here; open {url}", FAILED)
