"""The standalone server: rooms for whoever knows their id, as at DriftDB's own server."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import signal
import socket
import ssl
from collections.abc import Callable
from typing import Any

from jupyter_core.application import base_flags
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from traitlets import Bool, Float, Int, TraitError, Unicode, default, validate

from ..broker.broker import Broker
from ..command import USAGE, CheckedCommand
from ..protocol.name import new_id
from .access import Anyone
from .address import without_secrets
from .administration import Administration
from .administration_handlers import administration_routes
from .control import Control, control_file
from .handlers import RoomRequest, routes
from .health import Health
from .hub import Hub
from .pages import Figures, FrontPage, page_routes
from .place import journal_in
from .reach import near, reach
from .request import NotFound
from .settings import DriftDB
from .site import Site

__all__ = ["StandaloneServer", "application"]

_DAY_SECONDS = 24 * 60 * 60.0


class OpenRequest(RoomRequest):
    """A request that anybody may make, from a page of any origin."""

    access = Anyone()

    def set_default_headers(self) -> None:
        """Allow cross-origin requests: a room's id is all that anybody needs."""
        super().set_default_headers()
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Access-Control-Allow-Methods", "GET, POST")
        self.set_header("Access-Control-Allow-Headers", "Authorization, Accept, Content-Type")

    def check_origin(self, origin: str) -> bool:
        """Allow sockets from pages of any origin."""
        return True

    def options(self, *args: str) -> None:
        """Answer a preflight."""
        self.set_status(204)


def application(
    hub: Hub,
    *,
    base_url: str = "/",
    named_rooms: bool = False,
    log_function: Callable[[RequestHandler], None],
    secret: str | None = None,
    reach: Callable[[], str | None] = lambda: None,
) -> Application:
    """The web application of a standalone server; ``base_url`` has a slash at both ends.

    ``secret`` opens its administration, which isn't there without; ``reach`` gives the root's URL
    as other machines have it now, if they do.
    """
    site = Site(
        hub,
        prefix=base_url,
        root=base_url,
        request=OpenRequest,
        names_allowed=named_rooms,
        advice="driftdb serve --host 0.0.0.0",
        reach=reach,
    )
    administration = []
    if secret is not None:
        administration = administration_routes(Administration(hub), base_url, secret=secret)
    return Application(
        [
            site.route("", FrontPage),
            *routes(site),
            *page_routes(site),
            (re.escape(base_url) + "health", Health, {"hub": hub}),
            *administration,
        ],
        default_handler_class=NotFound,
        default_handler_args={"hub": hub},
        log_function=log_function,
    )


class StandaloneServer(CheckedCommand):
    """Host rooms without Jupyter.

    Pages and programs join a room by its URL: `POST /new` makes one. Who knows a room's id may
    read and write it, from any page; so keep to the default host unless everybody who reaches
    the port may use the rooms.
    """

    name = "driftdb-serve"
    description = __doc__
    examples = """
    driftdb serve                          # http://127.0.0.1:8080/
    driftdb serve --port 9000 --named-rooms
    driftdb serve --host 0.0.0.0 --certfile cert.pem --keyfile key.pem
    driftdb serve --DriftDB.message_limit_bytes=4194304
    """

    classes = [DriftDB]  # noqa: RUF012
    aliases = {  # noqa: RUF012
        **CheckedCommand.aliases,
        "host": "StandaloneServer.host",
        "port": "StandaloneServer.port",
        "base-url": "StandaloneServer.base_url",
        "data": "StandaloneServer.data",
        "certfile": "StandaloneServer.certfile",
        "keyfile": "StandaloneServer.keyfile",
    }
    flags = {  # noqa: RUF012
        **CheckedCommand.flags,
        "show-config": (base_flags["show-config"][0], "Print which settings are set, and end."),
        "generate-config": (
            base_flags["generate-config"][0],
            "Write a file with all settings, explained, and end.",
        ),
        "named-rooms": (
            {"StandaloneServer": {"named_rooms": True}},
            "Let clients choose the names of rooms.",
        ),
        "trust-xheaders": (
            {"StandaloneServer": {"trust_xheaders": True}},
            "Believe a reverse proxy's X-Real-Ip and X-Forwarded-For.",
        ),
    }

    host = Unicode("127.0.0.1", config=True, help="The address to listen on.")
    port = Int(8080, min=0, max=65535, config=True, help="The port to listen on; 0: any.")
    base_url = Unicode("/", config=True, help="The path below which everything lies.")
    named_rooms = Bool(
        False,
        config=True,
        help="Whether a room may have a chosen name and is made by its first use. "
        "Names can be guessed, ids can't.",
    )
    data = Unicode(
        "",
        config=True,
        help="The folder in which rooms are kept, in a file rooms.db; it is made if need be. "
        "Empty: rooms end with the server.",
    ).tag(metavar="FOLDER")
    certfile = Unicode("", config=True, help="The TLS certificate, a PEM file.").tag(metavar="FILE")
    keyfile = Unicode("", config=True, help="The TLS private key, a PEM file.").tag(metavar="FILE")
    idle_timeout_seconds = Float(
        60.0,
        min=0.1,
        config=True,
        help="How long a connection may be open without a request, in seconds. WebSockets have "
        "ping_interval_seconds instead.",
    )
    trust_xheaders = Bool(
        False,
        config=True,
        help="Whether to believe X-Real-Ip and X-Forwarded-For of a reverse proxy.",
    )

    @validate("base_url")
    def _slash_at_both_ends(self, proposal: Any) -> str:
        path = proposal["value"].strip("/")
        return f"/{path}/" if path else "/"

    def _config_file_name_default(self) -> str:
        return "driftdb_config"

    @default("log_level")
    def _log_level_default(self) -> int:
        return logging.INFO

    @default("log_format")
    def _log_format_default(self) -> str:
        return "%(asctime)s %(levelname)-7s %(message)s"

    def start(self) -> None:
        """Serve until a signal ends it."""
        super().start()
        self.no_argument()
        try:
            settings = DriftDB(parent=self)
        except TraitError as error:
            self.fail(str(error), USAGE)
        tls = self._tls()
        try:
            sockets = bind_sockets(self.port, self.host)
        except OSError as error:
            self.fail(self._explain(error), 1)
        asyncio.run(self.serve(settings, sockets, tls))

    def _explain(self, error: OSError) -> str:
        place = f"port {self.port} on {self.host}"
        if error.errno == errno.EADDRINUSE:
            return f"{place} is taken; stop what uses it, or choose another --port"
        if error.errno == errno.EACCES:
            return f"{place} is not allowed; choose a --port above 1023"
        return f"can't listen on {place}: {error}"

    def _tls(self) -> ssl.SSLContext | None:
        if not self.certfile:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certfile, self.keyfile or None)
        except OSError as error:  # ssl.SSLError is one
            files = " and ".join(filter(None, (self.certfile, self.keyfile)))
            self.fail(f"expected a TLS certificate and its key in {files}: {error}", 1)
        return context

    async def serve(
        self, settings: DriftDB, sockets: list[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        """Serve on bound sockets until SIGINT or SIGTERM; then say goodbye to all peers."""
        hub = Hub(self._broker(settings), settings, log=self.log)
        secret = new_id()
        address, port = sockets[0].getsockname()[:2]
        host = address if self.host else ""  # where it listens on all, of either kind
        scheme = "https" if self.certfile else "http"

        def outside() -> str | None:
            return reach(host, port, self.base_url, scheme=scheme)

        web = application(
            hub,
            base_url=self.base_url,
            named_rooms=self.named_rooms,
            log_function=self._log_request,
            secret=secret,
            reach=outside,
        )
        server = HTTPServer(
            web,
            ssl_options=tls,
            xheaders=self.trust_xheaders,
            idle_connection_timeout=self.idle_timeout_seconds,
        )
        server.add_sockets(sockets)
        hub.start()
        here = near(host, port, self.base_url, scheme=scheme)
        certfile = os.path.abspath(self.certfile) if self.certfile else None
        stop = _stop_signal()
        control = Control(here, secret, os.getpid(), certfile)
        with control_file(hub.broker.journal, control):
            places = dict.fromkeys(filter(None, (here, outside())))
            self.log.info("Rooms are at %s (stop with Ctrl-C)", " and ".join(places))
            self.log.info("Stopping: %s", await stop)
        server.stop()
        await hub.stop()
        await server.close_all_connections()

    @property
    def default_room_retention_seconds(self) -> float:
        """How long unused rooms are kept where the settings don't say."""
        return (30 if self.data else 1) * _DAY_SECONDS

    def _broker(self, settings: DriftDB) -> Broker:
        return settings.broker(str(journal_in(self.data)) if self.data else None)

    def _log_request(self, handler: RequestHandler) -> None:
        status = handler.get_status()
        # What is asked for again and again: by who watches the server, and by each inspector.
        often = isinstance(handler, (Health, Figures))
        log = self.log.debug if often else self.log.info
        if status >= 400:
            log = self.log.warning if status < 500 else self.log.error
        request = handler.request
        milliseconds = 1000 * request.request_time()
        log(
            "%d %s %s %s %.1f ms",
            status,
            request.method,
            without_secrets(request.uri or ""),
            request.remote_ip,
            milliseconds,
        )


def _stop_signal() -> asyncio.Future[str]:
    """A future that SIGINT or SIGTERM resolves, to the signal's name."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def stopped(number: int) -> None:
        if not stop.done():
            stop.set_result(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopped, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda n, _: loop.call_soon_threadsafe(stopped, n))
    return stop
