"""The pages that the server serves: of a room, for a look into it, and the front page.

What a page shows is made in the browser by js/src/pages, which joins the room as any client does;
so nothing that is in a room is ever part of the HTML.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tornado.template import Template
from tornado.web import HTTPError

from ...access.room_access import RoomAccess
from ...broker.broker import Broker
from ...protocol.errors import Forbidden
from .address import LINK_PAGE, is_on_this_machine
from .handlers import RoomRequest
from .site import Route, Site

__all__ = [
    "CLIENTS",
    "Figures",
    "FrontPage",
    "PageHandler",
    "page_routes",
]

CLIENTS = ("driftdb.js", "driftdb-cbor.js", "driftdb-share.js")
"""The client for pages without a bundler, CBOR and share links for it; below the server's root."""

_NOTICES = "THIRD_PARTY.txt"  # of what is bundled and is not ours
_FOLDER = Path(__file__).parents[1]
_TYPES = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
_YEAR_SECONDS = 365 * 24 * 60 * 60
_IN_MEMORY = (
    "This server can't use the file that it keeps rooms in, so this room ends with the server. The"
    " server's log says why."
)
_NOT_WRITTEN = "This server can't keep all that is written at the moment. Its log says why."
_NOT_BUILT = "The pages' front end was not built; install the package, or run npm run build in js."


@cache
def files() -> Mapping[str, bytes]:
    """Return the built front end.

    All but ``CLIENTS`` and notices have their content's hash as name.
    """
    folder = _FOLDER / "static"
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.suffix in _TYPES}


@cache
def packed() -> Mapping[str, bytes]:
    """Return those files of the front end that the build compressed, by their own names."""
    return {path.stem: path.read_bytes() for path in (_FOLDER / "static").glob("*.br")}


@cache
def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _file(name: str, suffix: str) -> str | None:
    return next((file for file in files() if re.fullmatch(rf"{name}-\w+\{suffix}", file)), None)


@cache
def _template() -> Template:
    return Template((_FOLDER / "page.html").read_text("utf-8"))


def _trouble(broker: Broker) -> str:
    """Return what people in a room have to know of the broker's trouble; no more than that."""
    if broker.trouble is None:
        return ""
    return _NOT_WRITTEN if broker.keeps else _IN_MEMORY


class PageHandler(RoomRequest):
    """A page for a person: a strict policy, and a shell that a script fills.

    ``to_root`` is the relative URL of the server's root: so a page is whole behind any proxy,
    whatever it has taken off the path or put before it.
    """

    to_root = "../../"

    def show(
        self, script: str, *, title: str, room: str = "", message: str = "", owned: bool = False
    ) -> None:
        """Finish with a page; with a message in place of what the script would show.

        ``owned``: whether the caller may administer the room.
        """
        source = None if message else _file(script, ".js")
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", self._policy())
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        # A page is for people; those of other origins have no business with what it says.
        self.clear_header("Access-Control-Allow-Origin")
        page = _template().generate(
            root=self.to_root,
            room=room,
            reach=self._reach(),
            advice=self.site.advice,
            owned=owned,
            title=title,
            styles=[style for style in (_file("pages", ".css"),) if style],
            script=source,
            message=message or ("" if source else _NOT_BUILT),
            trouble=self._trouble() if room else "",
        )
        self.finish(page)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in a page what is wrong."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Forbidden):
            self.set_status(error.http_status, error.http_reason)
            self.show("", title="Not allowed", message=str(error))
        elif status_code == HTTPStatus.NOT_FOUND:
            self.mark_missing(**kwargs)
            self.show(
                "",
                title="No such room",
                message="This server has no room of that name, or none that you may see.",
            )
        elif status_code == HTTPStatus.FORBIDDEN:
            self.show("", title="Not allowed", message="You have no permission to read this room.")
        else:
            super().write_error(status_code, **kwargs)

    def _reach(self) -> str:
        """Return the root's URL as others have it, where this page's own is none for them."""
        public: str = self.hub.settings.public_url
        if public:
            return public
        # Others have its address already, and a proxy's clients have no business with it.
        return (is_on_this_machine(self.request) and self.site.reach()) or ""

    def _trouble(self) -> str:
        return _trouble(self.hub.broker)

    def _policy(self) -> str:
        host = self.request.host
        # Older Safaris don't take a socket for a part of 'self'.
        sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
        return "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                f"connect-src 'self'{sockets}",
                "base-uri 'none'",
                "form-action 'none'",
                f"frame-ancestors {self.hub.settings.frame_ancestors}",
            )
        )


class _OfRoom(PageHandler):
    script: str
    title: str

    async def get(self, name: str) -> None:
        """Show the page; 404 where there is no such room, and none is made by its first use."""
        # With a ticket it is for the room alone.
        if self.hides_rooms or not (await self.grants()).reads_any:
            await self.demand_reading(await self.room_access(name))
        await self.demand_room(name)
        access = await self.hub.rooms.access(name) or RoomAccess(name)
        owned = (await self.grants(access)).is_admin
        self.show(self.script, title=self.title.format(name), room=name, owned=owned)


class RoomPage(_OfRoom):
    """``GET /room/ID/page``: what is in the room, as live controls; ``?key=K``: that alone."""

    script = "room"
    title = "{}"


class Inspector(_OfRoom):
    """``GET /room/ID/inspect``: each key and message of a room."""

    script = "inspector"
    title = "{} · inspector"


class SharedPage(PageHandler):
    """``GET /room/ID/shared``: the room for holders of a share link, whose secret no request has.

    Everybody is shown the same page, whether there is such a room or not: its script lets in who
    has the link.
    """

    is_public = True

    def get(self, name: str) -> None:
        """Show the page."""
        self.show("shared", title="Room", room=name)

    def _reach(self) -> str:
        return ""

    def _trouble(self) -> str:
        return ""


class FrontPage(PageHandler):
    """``GET /``: what this is, and the way to a room."""

    to_root = "./"

    async def get(self) -> None:
        """Show the page."""
        await self.demand_reading()
        self.show("front", title="DriftDB rooms")


class Figures(RoomRequest):
    """``GET /room/ID/figures``: how much is in a room, and how many connections."""

    async def get(self, name: str) -> None:
        """Answer with the numbers; of a room that nobody has opened ``seq`` is null.

        Where several servers share the rooms, it says which one this is, too, how long it has not
        been certain that it has all, and what is wrong, for people.
        """
        grants = await self.demand_reading(await self.room_access(name))
        if not grants.reads_all:  # they are about the whole room
            raise HTTPError(HTTPStatus.FORBIDDEN)
        hosted = self.hub.rooms.find(name)
        self.set_header("Cache-Control", "no-store")
        figures: dict[str, object] = {
            "connections": self.hub.peers_in(hosted) if hosted else 0,
            "seq": hosted.sequencer.room.seq if hosted else None,
        }
        shared = self.hub.broker.shared
        if shared is not None:
            figures["server"] = shared.server
            figures["behind_seconds"] = round(shared.behind_seconds, 1)
            figures["trouble"] = _trouble(self.hub.broker)
        self.answer(figures)


class PageFile(RoomRequest):
    """``GET /pages/NAME``: a part of the front end; ``GET /driftdb.js``: one of ``CLIENTS``.

    Everybody may have them, for they are in the package that everybody may have.
    """

    is_public = True

    def get(self, name: str) -> None:
        """Answer with a file, which never changes if its content's hash is in its name."""
        content = files().get(name)
        if content is None:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        self.set_header("Content-Type", _TYPES[Path(name).suffix] + "; charset=UTF-8")
        if name == _NOTICES:
            self.set_header("Cache-Control", "no-cache")
        elif name in CLIENTS:
            self.set_header("Cache-Control", "no-cache")  # asked for again, by its ETag
        else:
            self.set_header("Cache-Control", f"public, max-age={_YEAR_SECONDS}, immutable")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Accept-Encoding")
        accepted = re.findall(r"[\w-]+", self.request.headers.get("Accept-Encoding", ""))
        brotli = packed().get(name)
        if brotli is not None and "br" in accepted:
            self.set_header("Content-Encoding", "br")
            content = brotli
        elif "gzip" in accepted:
            self.set_header("Content-Encoding", "gzip")
            content = _zipped(content)
        self.finish(content)

    def head(self, name: str) -> None:
        """Answer as :meth:`get` does, without the file."""
        self.get(name)


def page_routes(site: Site) -> list[Route]:
    """Return the routes of a room's pages, and of what they are made of."""
    return [
        site.route(r"room/([^/]+)/page", RoomPage),
        site.route(r"room/([^/]+)/inspect", Inspector),
        site.route(rf"room/([^/]+)/{LINK_PAGE}", SharedPage),
        site.route(r"room/([^/]+)/figures", Figures),
        site.route(r"pages/([^/]+)", PageFile),
        site.route(f"({'|'.join(map(re.escape, CLIENTS))})", PageFile),
    ]
