"""Share links, as Python has them: ``room.link(role="read")`` and ``room.links()``."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from ..access.grants import ROLES
from .arguments import check_flag, check_text, check_whole, got
from .duration import Duration, duration_seconds
from .settings import Settings
from .transport.location import Location
from .transport.room_access import ask_owner

__all__ = ["ShareLink", "ShownLink", "in_words", "list_links", "make_link"]

_QR_SCALE = 4


class ShareLink:
    """A link that lets people without an account into a room, until it ends or is taken back.

    ``id`` and ``name``: how it is called. ``grants``: what people who come in by it may do, and
    nothing else. ``expires_at``: when it ends, in seconds since 1970, ``None`` for never.
    ``ask_name``: whether people have to give a name. ``people``: how many came in by it, each of
    them one browser, of ``people_limit`` who may; ``people_here``: how many of them were in the
    room when the server was asked, by ``connections`` connections. ``url`` is known only where the
    link was made: a room keeps a digest of it.

    What a cell shows of it has no URL: that would stay in the notebook's file, and let in whoever
    reads it. :meth:`show` shows it, with a QR code, and ``print(link)`` prints it.
    """

    def __init__(self, location: Location, content: dict[str, Any]) -> None:
        self._location = location
        self._url: str | None = content.get("url")
        self.advice: str | None = content.get("advice")
        """What to start the server with, where ``url`` is for this machine alone."""
        self.id: str = content["id"]
        self.name: str = content["name"]
        self.grants: list[Any] = content["grants"]
        self.expires_at: float | None = content["expires_at"]
        self.ask_name: bool = content["ask_name"]
        self.people_limit: int = content["people_limit"]
        self.people: int = content.get("people", 0)
        self.people_here: int = content.get("people_here", 0)
        self.connections: int = content.get("connections", 0)

    @property
    def url(self) -> str:
        """The URL that lets people in; it holds the link's secret.

        Raises :class:`ValueError` for a link that was listed.
        """
        if self._url is None:
            raise ValueError(
                "the URL of a link is known only where it was made: a room keeps its digest alone."
                " Make another one with link(role=…), and take this one back with revoke()"
            )
        return self._url

    def revoke(self) -> None:
        """Take the link back, which puts everybody out at once who is in by it.

        Raises as :attr:`.BaseRoom.access` does.
        """
        ask_owner(self._location, Settings.from_environment(), "DELETE", f"links/{self.id}", None)

    def show(self) -> ShownLink:
        """Return what a cell shows as a QR code and the URL.

        They are saved with the notebook then: whoever reads it may come in by the link until that
        ends.
        """
        return ShownLink(self.url, self._location, self.advice)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"<ShareLink {self._describe()}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        hint = "" if self._url is None else "\nIts URL isn't saved here; link.show() shows it."
        printer.text(f"{self!r}{hint}")

    def _describe(self) -> str:
        end = "for ever"
        if self.expires_at is not None:
            end = f"until {datetime.fromtimestamp(self.expires_at):%Y-%m-%d %H:%M:%S}"
        roles = ", ".join(map(in_words, self.grants))
        people = f"{self.people} of {self.people_limit} people, {self.people_here} here"
        return f"{self.name or self.id}: {roles}, {end}, {people}"


class ShownLink:
    """A link as a cell shows it: a QR code and the URL, or what it takes to have one."""

    def __init__(self, url: str, location: Location, advice: str | None) -> None:
        self._url = url
        self._location = location
        self._advice = advice

    def __repr__(self) -> str:
        return self._url if self._advice is None else f"{self._url}\n{_explain(self._advice)}"

    def _repr_html_(self) -> str:
        shown = escape(self._url)
        anchor = f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
        if self._advice is None:
            return f'<div style="max-width:20em">{_qr(self._url)}</div><div>{anchor}</div>'
        advice = escape(_explain(self._advice))
        for command in _commands(self._advice):
            advice = advice.replace(escape(command), f"<code>{escape(command)}</code>")
        return f"<p>{advice}</p><div>{anchor}</div>"


def make_link(
    location: Location,
    *,
    key: str | None,
    role: object,
    keys: Iterable[str] | None,
    expires: Duration,
    name: str,
    people: int | None,
    ask_name: bool,
) -> ShareLink:
    """Make a share link; see :meth:`.BaseRoom.link`."""
    check_text("name", name)
    check_flag("ask_name", ask_name)
    if people is not None:
        check_whole("people", people, least=1)
    if keys is not None and (isinstance(keys, str) or not isinstance(keys, Iterable)):
        raise TypeError(f"expected keys= as a list, got {got(keys)}")
    if keys is None and key is not None:
        keys = [key]
    grants: object = role
    if keys is not None:
        if not isinstance(role, str):
            raise TypeError(f"expected a role as role= beside keys=, got {got(role)}")
        grants = {"can": role, "keys": list(keys)}
    content = {
        "grants": grants,
        "name": name,
        "lifetime_seconds": duration_seconds("expires=", expires),
        "people_limit": people,
        "ask_name": bool(ask_name),
    }
    made: Any = ask_owner(location, Settings.from_environment(), "POST", "links", content)
    if key is not None:
        path, _, secret = made["url"].partition("#")
        made["url"] = f"{path}?key={quote(key, safe='')}#{secret}"
    return ShareLink(location, made)


def list_links(location: Location) -> list[ShareLink]:
    """Return the share links of a room, the oldest first."""
    listed: Any = ask_owner(location, Settings.from_environment(), "GET", "links", None)
    return [ShareLink(location, content) for content in listed]


def _explain(advice: str) -> str:
    start, option = _commands(advice)
    return (
        f"A phone can't open this address, because it is this machine's own. Start the server with"
        f" {start}, or behind a proxy or tunnel tell it its address there with {option}, and make"
        " another link."
    )


def _commands(advice: str) -> tuple[str, str]:
    """Return how to start the server, and the option that names its address."""
    option = "--DriftDB.public_url" if advice.startswith("jupyter") else "--public-url"
    return advice, f"{option}=https://…"


def in_words(grant: object) -> str:
    """Return what a grant of a link allows, as a role where it is one: ``write: slider``."""
    if not isinstance(grant, dict):
        return str(grant)
    places = [*grant.get("keys", ()), *(f"{prefix}…" for prefix in grant.get("prefixes", ()))]
    can = tuple(grant["can"])
    role = next((role for role, actions in ROLES.items() if can == actions), "+".join(can))
    return role + (f": {', '.join(places)}" if places else "")


def _qr(url: str) -> str:
    import segno

    drawn = io.BytesIO()
    code = segno.make(url, error="m", micro=False)
    code.save(drawn, kind="svg", scale=_QR_SCALE, border=3, light="#fff", xmldecl=False)
    return drawn.getvalue().decode()
