"""Links to a room's page, which its server shows to any browser."""

from __future__ import annotations

from html import escape
from urllib.parse import quote, urlsplit

from .transport.location import Location

__all__ = ["Link", "page_url"]


class Link(str):
    """A URL that a notebook's cell shows as a link.

    ``href``: where the link leads there; a path on the page's own server, where the room is there,
    as a kernel may know that server by another address than the browser.
    """

    href: str

    def _repr_html_(self) -> str:
        return (
            f'<a href="{escape(self.href)}" target="_blank" rel="noopener">{escape(str(self))}</a>'
        )


def page_url(location: Location, key: str | None = None) -> Link:
    """Return the URL of a room's page; with ``key`` it shows that key alone."""
    query = "" if key is None else f"?key={quote(key, safe='')}"
    link = Link(f"{location.public_url}/page{query}")
    near = location.own and location.public is None
    link.href = f"{urlsplit(location.url).path}/page{query}" if near else str(link)
    return link
