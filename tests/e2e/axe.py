"""What axe-core finds in a page that keeps somebody out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

__all__ = ["AXE", "finds_nothing_serious"]

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def finds_nothing_serious(page: Page) -> None:
    """Look at the page as it is now, in light and in dark."""
    page.evaluate(AXE.read_text("utf-8"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found: Any = page.evaluate("axe.run()")
        serious = [
            f"{each['id']} ({scheme}): {node['html']} {node['any'][:1]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        assert not serious, "\n".join(serious)
