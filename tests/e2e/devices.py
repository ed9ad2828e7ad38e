"""What pages have to put up with: small windows and hostile values."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

__all__ = ["HOSTILE", "PHONE", "fits"]

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


def fits(page: Page) -> bool:
    """Whether nothing stands out to the right."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return wide
