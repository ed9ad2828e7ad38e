"""The address of a room: from ``room=``, ``url=``, and what a Jupyter server told its kernel.

A kernel's environment has ``DRIFTDB_URL`` (the server's root, as the kernel reaches it),
``DRIFTDB_SECRET`` (the kernel's own, sent as ``Authorization: DriftDB …``), ``DRIFTDB_CERTFILE``
(the server's own TLS certificate, if it has one that nobody else vouches for),
``DRIFTDB_PUBLIC_URL`` (the root as browsers elsewhere reach it, where a proxy stands before the
server), ``DRIFTDB_NOT_KEPT`` (why the server keeps its rooms in memory alone, if it should not),
and Jupyter's ``JPY_SESSION_NAME``, the path that the notebook had when the kernel was started.
Where the rooms are those of a service, which knows no notebooks, ``DRIFTDB_NOTEBOOKS_URL`` and
``DRIFTDB_NOTEBOOKS_SECRET`` are those of the server that does, and ``DRIFTDB_TOKEN`` opens the
service.

Outside of a notebook anybody may set ``DRIFTDB_URL``, and ``DRIFTDB_ROOM``: the name or URL of the
room that is meant where none is given.

Anybody may set ``DRIFTDB_TOKEN``, or ``DRIFTDB_TOKEN_FILE`` with the path of a file that holds it:
a Jupyter server's token, for the server that ``DRIFTDB_URL`` or ``DRIFTDB_ROOM`` names. It goes to
no server that a notebook names alone: whoever gave the notebook would have the token.

A share link's URL is a room's, too. ``DRIFTDB_GUEST_NAME`` is the name under which one comes in by
it, where none is given.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from urllib.parse import parse_qs, quote, unquote, urlsplit

from ...protocol.errors import NoServer, Unreachable
from ...protocol.name import NAME_BYTES, is_name
from ..arguments import check_text, needed_text
from .token_source import TokenSource

__all__ = ["Location", "locate"]

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_ROOM_PATH = re.compile(
    r"(?P<root>.*/)room/(?P<room>[^/]+)(/|/connect|/send|/page|/inspect|/shared)?"
)

_WHAT_TO_DO = (
    "Start one with `driftdb serve`, and set DRIFTDB_URL to its URL (http://127.0.0.1:8080/), or "
    'pass url=: a room\'s own URL ("http://HOST:8080/room/ID"; it is room.url where the room is '
    'in use), or a server\'s ("http://HOST:8080/", which makes a new room), or a Jupyter '
    'server\'s ("http://HOST:8888/driftdb/?token=TOKEN", with room="NAME" beside it).'
)

_LINK = re.compile(r"link_[\w-]+", re.ASCII)

_WHICH_ROOM = (
    "Set DRIFTDB_ROOM or pass room=: a room's URL (`driftdb new` makes a room and prints its URL), "
    "or a room's name on the server of DRIFTDB_URL (a Jupyter server, or one that was started "
    "with `driftdb serve --named-rooms`). A server's URL as url= makes a new room."
)


@dataclass(frozen=True, kw_only=True)
class Location:
    """A server, a room on it, and what opens it.

    ``server`` is the root URL with a slash at its end; ``room`` is ``None`` where the server has
    yet to name it: the own one of the ``notebook`` that had that path when this kernel was
    started, or else a new one. ``authorization`` is the value of that header, and never shown.
    With ``certfile`` that certificate alone is trusted, whatever host it is for. ``own`` tells
    that this is the Jupyter server that started this kernel, or the service that it uses;
    ``public`` is its root as others have it, where that is another. ``source`` is asked for a token
    in place of ``authorization``. ``link``: the secret of a share link, which is traded for a
    ticket each time, and ``guest_name`` who comes in by it. ``names``: the server that knows whose
    room a notebook's is, ``None`` where this one does. ``credential`` says in words what is shown
    to the server.
    """

    server: str
    room: str | None = None
    notebook: str | None = None
    authorization: str | None = field(default=None, repr=False)
    certfile: str | None = None
    own: bool = False
    public: str | None = None
    source: TokenSource | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)
    guest_name: str = ""
    names: Location | None = None
    credential: str = field(default="", compare=False, repr=False)

    @property
    def url(self) -> str:
        """The room's URL, or the server's where there is no room yet."""
        return self.server if self.room is None else f"{self.server}room/{quote(self.room, '')}"

    @property
    def public_url(self) -> str:
        """The same URL as others have it."""
        return self.url if self.public is None else f"{self.public}{self.url[len(self.server) :]}"

    @property
    def has_token(self) -> bool:
        """Whether something is sent that should open it."""
        return any(each is not None for each in (self.authorization, self.source, self.link))

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send with each request."""
        return {} if self.authorization is None else {"Authorization": self.authorization}

    async def headers_now(self) -> dict[str, str]:
        """Return the headers to send with a request; asks for a token where that is needed.

        Raises :class:`~driftdb_jupyter.protocol.errors.NotConnected` where there is none.
        """
        if self.source is None:
            return self.headers
        return {"Authorization": f"token {await self.source.token()}"}

    @property
    def socket_url(self) -> str:
        """The URL of the room's socket."""
        return f"ws{self.url.removeprefix('http')}/connect"

    def tls(self) -> ssl.SSLContext | None:
        """Return how the server's certificate is checked; ``None`` for the usual way."""
        return None if self.certfile is None else _trusting(self.certfile)


def locate(
    room: str | None = None,
    *,
    url: str | None = None,
    token: str | Callable[[], str] | None = None,
    guest_name: str | None = None,
    typed: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Location:
    """Find a room by its name or URL; where neither is given, the notebook's own.

    Outside of a notebook ``DRIFTDB_ROOM`` is used where neither is given. ``token``: what is sent
    in place of any other, or a function that is asked for it. ``guest_name``: who comes in by a
    share link. ``typed``: the URL was typed by whoever has the environment, as on a command line.

    Raises :class:`~driftdb_jupyter.protocol.errors.NoServer` where there is nothing to go by, and
    :class:`ValueError` for a name or URL that is none.
    """
    environ = os.environ if environ is None else environ
    check_text("room", room)
    check_text("url", url)
    check_text("guest_name", guest_name)
    given_as = "url="
    if room is None and url is None and not _notebook(environ):
        room = environ.get("DRIFTDB_ROOM") or None
        given_as = "DRIFTDB_ROOM"
    elif url is None:
        given_as = "room="
    if room is not None and "://" in room:
        if url is not None:
            raise ValueError("expected either a room's URL as room= or url=, got both")
        room, url = None, room
    if room is not None:
        _check_name(room)
    own = _parse(environ["DRIFTDB_URL"], "DRIFTDB_URL") if environ.get("DRIFTDB_URL") else None
    public = environ.get("DRIFTDB_PUBLIC_URL") if own is not None else None
    public = _parse(public, "DRIFTDB_PUBLIC_URL").server if public else None
    if url is not None:
        place = _parse(url, given_as)
        if own is not None and place.server == public:  # such as the own ``room.url``
            place = replace(place, server=own.server)
    elif own is not None:
        place = own
    else:
        raise NoServer(
            "there is no room server that this process knows of: no Jupyter server with "
            f"driftdb-jupyter started this process, and DRIFTDB_URL isn't set. {_WHAT_TO_DO}"
        )
    if room is not None and place.room not in (None, room):
        raise ValueError(f"expected one room, got room={room!r} and a URL with {place.room!r}")
    room = place.room if room is None else room
    is_own = own is not None and place.server == own.server
    if place.link is not None and token is not None:
        raise ValueError("expected either a share link's URL or token=, got both")
    if place.link is None and guest_name is not None:
        given = "no URL" if url is None else "another URL"
        raise ValueError(
            f"expected guest_name= only with the URL of a share link, got it with {given}"
        )
    notebook = None
    if room is None and url is None:
        notebook = _notebook(environ)
        if not notebook:
            raise NoServer(
                f"this process belongs to no notebook, so it has no room of its own. {_WHICH_ROOM}"
            )
    authorization, source, credential = place.authorization, None, place.credential
    if callable(token):
        authorization, source = None, TokenSource(token)
        credential = "what the function given as token= returned"
    elif token is not None:
        needed_text("token", token)
        token = token.strip()
        if not (token.isascii() and token.isprintable()):
            raise ValueError("expected a token as token=, got text with other characters")
        authorization, credential = f"token {token}", "what was given as token="
    certfile = environ.get("DRIFTDB_CERTFILE") or None
    if is_own:
        secret = environ.get("DRIFTDB_SECRET")
        if secret and authorization is None and source is None and place.link is None:
            authorization = f"DriftDB {secret}"
            credential = "what it gave this kernel when it started that"
        if environ.get("DRIFTDB_NOT_KEPT"):
            _warn(environ["DRIFTDB_NOT_KEPT"])
        if environ.get("DRIFTDB_NOTEBOOKS_URL"):
            certfile = None  # it is that one's
    elif own is not None:
        certfile = None  # it is the own server's
    known = authorization is not None or source is not None or place.link is not None
    if (
        not known
        and (is_own or (own is None and (typed or _is_server_of_room(place.server, environ))))
        and (own_token := _token(environ))
    ):
        authorization = f"token {own_token}"
        credential = (
            "what stands in DRIFTDB_TOKEN"
            if environ.get("DRIFTDB_TOKEN")
            else "what stands in the file of DRIFTDB_TOKEN_FILE"
        )
    return Location(
        server=place.server,
        room=room,
        notebook=notebook,
        authorization=authorization,
        certfile=certfile if place.server.startswith("https:") else None,
        own=is_own,
        public=public if is_own else None,
        source=source,
        link=place.link,
        guest_name=(guest_name or environ.get("DRIFTDB_GUEST_NAME", "")) if place.link else "",
        names=_names(environ) if is_own and notebook else None,
        credential="the share link" if place.link else credential,
    )


def _names(environ: Mapping[str, str]) -> Location | None:
    """Return the server that names the rooms of notebooks, where that is another one."""
    url = environ.get("DRIFTDB_NOTEBOOKS_URL")
    if not url:
        return None
    certfile = environ.get("DRIFTDB_CERTFILE") if url.startswith("https:") else None
    secret = environ.get("DRIFTDB_NOTEBOOKS_SECRET", "")
    return Location(server=url, authorization=f"DriftDB {secret}", certfile=certfile or None)


@cache
def _warn(reason: str) -> None:
    """Tell once that what is written is not kept."""
    import logging

    logging.getLogger("driftdb_jupyter").warning(
        "this Jupyter server doesn't keep rooms: %s", reason
    )


def _is_server_of_room(server: str, environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a room of that server by its URL."""
    room = environ.get("DRIFTDB_ROOM", "")
    try:
        return "://" in room and _parse(room, "DRIFTDB_ROOM").server == server
    except ValueError:
        return False  # another room is meant, so nothing is wrong


def _token(environ: Mapping[str, str]) -> str:
    token, path = environ.get("DRIFTDB_TOKEN", ""), environ.get("DRIFTDB_TOKEN_FILE", "")
    if not token and path:
        try:
            with open(path, encoding="ascii") as file:
                token = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                f"DRIFTDB_TOKEN_FILE: expected a file with a token, got {path} "
                f"({getattr(error, 'strerror', None) or 'it holds something else'})"
            ) from None
    token = token.strip()
    if not (token.isprintable() and token.isascii()):
        raise ValueError("DRIFTDB_TOKEN: expected a token, got text with other characters")
    return token


def _notebook(environ: Mapping[str, str]) -> str | None:
    """Return the path that the notebook had when it started this kernel, if one did."""
    return environ.get("JPY_SESSION_NAME") or _voila_notebook(environ)


def _voila_notebook(environ: Mapping[str, str]) -> str | None:
    """Return the notebook whose page Voilà makes.

    Voilà puts it into the kernel's environment as a web server does for a CGI script.
    """
    if not environ.get("SERVER_SOFTWARE", "").startswith("voila/"):
        return None
    _, _, path = environ.get("SCRIPT_NAME", "").partition("/voila/render/")
    return unquote(path) or None


def _parse(url: str, name: str) -> Location:
    try:
        parts = urlsplit(url)
        scheme, host, port = _SCHEMES.get(parts.scheme.lower()), parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{name}: expected a URL, got {_bare(url)!r} ({error})") from None
    if scheme is None or not host:
        raise ValueError(
            f'{name}: expected a URL like "http://HOST:8080/room/ID", got {_bare(url)!r}'
        )
    link = parts.fragment if parts.fragment.startswith("link_") else None
    host = f"[{host}]" if ":" in host else host
    path = parts.path or "/"
    in_room = _ROOM_PATH.fullmatch(path)
    root, room = (in_room["root"], unquote(in_room["room"])) if in_room else (path, None)
    if room is not None:
        _check_name(room)
    if link is not None and (room is None or not _LINK.fullmatch(link)):
        raise ValueError(
            f"{name}: expected a share link as it was made, "
            f'like "https://HOST/room/ID/shared#link_…", got {_bare(url)!r} with another secret'
        )
    token = parse_qs(parts.query).get("token", [""])[0].strip()
    if not (token.isascii() and token.isprintable()):
        raise ValueError(f"{name}: expected a token in {_bare(url)!r}, got other characters")
    authorization = f"token {token}" if token and link is None else None
    if authorization is None and link is None and parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(login.encode()).decode()}"
    return Location(
        server=f"{scheme}://{host}{'' if port is None else f':{port}'}{root.rstrip('/')}/",
        room=room,
        authorization=authorization,
        link=link,
        credential="" if authorization is None else "the token or password in its URL",
    )


def _bare(url: str) -> str:
    """Return what may be shown of a URL: no query, and nobody's password."""
    return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])


def _check_name(room: str) -> None:
    if not is_name(room):
        raise ValueError(
            f"expected a room's name of 1 to {NAME_BYTES} bytes of UTF-8 without '/' and "
            f"control characters, got {room!r}"
        )


@cache
def _trusting(certfile: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may not be an authority's own
    try:
        context.load_verify_locations(certfile)
    except OSError as error:  # ssl.SSLError is one
        raise Unreachable(
            f"DRIFTDB_CERTFILE: expected the PEM file of the server's certificate, got "
            f"{certfile} ({error.strerror or error})"
        ) from None
    return context
