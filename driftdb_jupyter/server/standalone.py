"""The standalone server: rooms for whoever knows their id, as at DriftDB's own server."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import re
import socket
import sqlite3
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_core.application import JupyterApp, NoStart
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, default, validate
from traitlets.config import Config

from .._version import __version__
from ..access.credential import Credential, Guest, Stranger
from ..access.owner import Owner
from ..access.share_link import LinkHolder, is_link
from ..access.tokens.claims import is_signed
from ..broker.broker import Broker
from ..broker.file.journal import Journal, JournalUnusable
from ..protocol.errors import DriftDBError, Unavailable
from ..protocol.name import new_id
from .hosting.hub import Hub
from .http.access_handlers import access_routes
from .http.administration import Administration
from .http.administration_handlers import AdministrationRequest, administration_routes
from .http.bearers import Bearers
from .http.forwarded import proxies_of
from .http.gate import Gate, check_host_rule, check_origin_rule, own_names
from .http.handlers import RoomRequest, routes
from .http.health import Health
from .http.link_handlers import link_routes
from .http.listener import Listener
from .http.metrics import Metrics
from .http.pages import Figures, FrontPage, page_routes
from .http.reach import is_local, near, reach
from .http.request import ALLOWED_HEADERS, MISSING_HEADER, NotFound, Request
from .http.server_tokens import (
    TOKEN_VARIABLE,
    holds_token,
    read_token,
)
from .http.signed import SignedTokens, signed_tokens
from .http.site import Route, Site
from .http.ticket_handlers import ticket_routes
from .http.token_handlers import token_routes
from .hub.service import HubService, service_place, unsupported
from .in_redis import PASSWORD_VARIABLE, SENTINEL_PASSWORD_VARIABLE, RedisUnconfigured, redis_broker
from .process.accepting import accept_patiently
from .process.audit import audit_to
from .process.certificate import validity
from .process.control import Control, control_file
from .process.descriptors import bound_peers, raise_limit
from .process.ending import Deadline, within
from .process.event_log import EventLog, Seldom
from .process.json_lines import JsonLines
from .process.log_text import Printable, RoomNames, printable
from .process.place import journal_in
from .process.signals import Signals
from .settings import DriftDB

if TYPE_CHECKING:
    from ..broker.redis.broker import RedisBroker

__all__ = ["StandaloneServer", "application"]

# The part of stop_timeout_seconds that connections may take to end.
_CONNECTIONS_PART = 6
_DAY_SECONDS = 24 * 60 * 60.0
# What is gathered of the body of a request that doesn't look for itself; the others do.
_BODY_LIMIT_BYTES = 65536
# A long key in the URL, and what cookies a browser has for localhost; many unfinished heads of that
# length are still little.
_HEAD_LIMIT_BYTES = 12 * 1024
# After how many more objects the youngest are collected, after how many of these collections the
# young ones, and after how many of those all: hardly ever, because the server leaves no cycles.
_COLLECT_AFTER = (5_000, 2, 10_000)


# What may stand in the path of a URL (RFC 3986, section 3.3).
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


class OpenRequest(RoomRequest):
    """A request that anybody may make: from a program, or from a page that the gate lets in.

    Whoever shows a ticket, or a secret or token (``Authorization: Bearer …``), is taken for its
    holder.
    """

    def prepare(self) -> Awaitable[None] | None:
        """Check the head of the request, its host and its origin, and look what it comes with."""
        super().prepare()
        self.site.gate.check_host(self.request)
        if not self.is_public:
            self.site.gate.check_origin(self.request)
        shown = None if self.is_public else self.shown_credential()
        if isinstance(shown, Awaitable):
            return self._wait_for(shown)
        self.credential: Credential = self.site.guest if shown is None else shown
        return self.demand_rights()

    async def _wait_for(self, shown: Awaitable[Credential]) -> None:
        self.credential = await shown
        waiting = self.demand_rights()
        if waiting is not None:
            await waiting

    async def may_create(self, name: str = "") -> bool:
        """Return whether the caller may: with the token for making rooms, where there is one.

        Who signs tokens is trusted with rooms as that token's holder is.
        """
        token = self.site.create_token
        if token is not None and holds_token(self.request, token):
            return True
        vouched = self.credential.identity.source == "token"
        return (token is None or vouched) and await super().may_create(name)

    def set_default_headers(self) -> None:
        """Let the page that asks read the answer: it was let in, or all that it reads is why not.

        No cookie or login comes along to such an answer, and none of a room's is ever cached.
        """
        super().set_default_headers()
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
        self.set_header("Access-Control-Expose-Headers", MISSING_HEADER)
        self.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)

    def check_origin(self, origin: str) -> bool:
        """Allow a socket: :meth:`prepare` has looked."""
        return True

    def options(self, *args: str) -> None:
        """Answer a preflight."""
        self.set_status(204)


def application(
    hub: Hub,
    *,
    gate: Gate | None = None,
    create_token: str | None = None,
    metrics_token: str | None = None,
    metrics_open: bool = False,
    base_url: str = "/",
    named_rooms: bool = False,
    log_function: Callable[[RequestHandler], None],
    secret: str | None = None,
    reach: Callable[[], str | None] = lambda: None,
    health_details: bool = False,
    service: HubService | None = None,
    tokens_required: bool = False,
) -> Application:
    """Return the web application of a standalone server; ``base_url`` has a slash at both ends.

    ``create_token``: what making rooms needs, ``None`` for nothing. ``metrics_token``: what the
    metrics need; without it they are there only where they are open to everybody.
    ``gate``: which names and pages it answers, by default those of this machine and its own.
    ``secret`` opens its administration, which isn't there without; ``reach`` gives the root's URL
    as other machines have it now, if they do. ``health_details``: whether anybody may know more
    than whether it is well. ``service``: who lets in, where that is a JupyterHub, in place of
    everybody who knows a room's id. ``tokens_required``: whether a room without a policy is closed
    to who comes with nothing. Raises :class:`ValueError` and ``OSError`` where the keys of tokens
    can't be read.
    """
    guest = Stranger() if tokens_required else Guest()
    bearers = Bearers()
    bearers.add(is_link, LinkHolder)
    signed = signed_tokens(hub.settings)
    if signed is not None:
        bearers.add(is_signed, signed)
    # What is of no other form:
    others = partial(Owner, guest=guest) if service is None else service.credential
    bearers.add(lambda text: True, others)
    hub.share_tickets(
        guest=guest if service is None else None,
        token=None if signed is None else signed.verified_elsewhere,
    )
    site = Site(
        hub,
        prefix=base_url,
        root=base_url,
        request=OpenRequest if service is None else service.request,
        names_allowed=named_rooms or service is not None,
        advice="driftdb serve --host 0.0.0.0",
        reach=reach,
        create_token=create_token,
        gate=gate or Gate(public_url=hub.settings.public_url),
        proxies=proxies_of(hub.settings),
        has_owners=service is None,
        bearers=bearers,
        guest=guest,
    )
    administration = []
    metrics: list[Route] = []
    if metrics_open or metrics_token is not None:
        token = None if metrics_open else metrics_token
        metrics = [(re.escape(base_url) + "metrics", Metrics, {"site": site, "token": token})]
    if secret is not None:
        administration = administration_routes(
            Administration(hub, reach=reach), base_url, secret=secret, bearers=bearers
        )
    return Application(
        [
            site.route("", FrontPage),
            *routes(site),
            *access_routes(site),
            *ticket_routes(site),
            *token_routes(site),
            *link_routes(site),
            *page_routes(site),
            (
                re.escape(base_url) + "health",
                Health,
                {"site": site, "details": health_details},
            ),
            *administration,
            *metrics,
            *([] if service is None else service.routes(site)),
        ],
        default_handler_class=NotFound,
        default_handler_args={"site": site},
        log_function=log_function,
        cookie_secret=None if service is None else service.cookie_secret,
    )


def _checked(check: Callable[[str], str], proposal: Any) -> list[str]:
    """Check each entry of a list; raises what traitlets expects."""
    try:
        return [check(entry) for entry in proposal["value"]]
    except ValueError as error:
        raise TraitError(f"{proposal['trait'].name}: {error}") from None


class BadSetting(ValueError):
    """A setting whose value doesn't fit; says which, and what was expected."""


class CannotServe(DriftDBError):
    """The server can't serve as it is set up; says why, and what to do."""


class StandaloneServer(JupyterApp):
    """Hosts rooms without Jupyter; ``driftdb serve`` runs it.

    Its settings are traits; it reads no arguments of its own.
    """

    name = "driftdb"
    version = __version__
    classes = [DriftDB, HubService]  # noqa: RUF012
    service: HubService | None = None

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
        help="The folder in which rooms are kept, in a file rooms.db; it is made if it doesn't "
        "exist. Empty: rooms end with the server.",
    )
    allow_memory = Bool(
        False,
        config=True,
        help="Whether to start all the same where that file can't be used; rooms then end with "
        "the server.",
    )
    certfile = Unicode("", config=True, help="The TLS certificate, a PEM file.")
    keyfile = Unicode("", config=True, help="The TLS private key, a PEM file.")
    health_details = Bool(
        False,
        config=True,
        help="Whether GET /health tells everybody the version, the numbers of open rooms and "
        "connections, and what is wrong, and not only whether something is.",
    )
    create_token_file = Unicode(
        "",
        config=True,
        help="A file with the token that making rooms needs (Authorization: Bearer …), readable by "
        "its owner alone; or put the token into the environment variable DRIFTDB_CREATE_TOKEN. "
        "Without either anybody may make rooms.",
    )
    allow_origin = List(
        Unicode(),
        config=True,
        help="The origins whose pages may use the rooms, beside the server's own, as "
        "https://school.example, http://localhost:* or https://*.school.example; null: files and "
        "sandboxed frames, *: any website.",
    )
    allow_host = List(
        Unicode(),
        config=True,
        help="The host names by which the server may be asked, beside numeric addresses and those "
        "of its own machine: lab.example, *.lab.example; *: any.",
    )
    metrics_token_file = Unicode(
        "",
        config=True,
        help="A file with the token that GET /metrics needs (Authorization: Bearer …), readable by "
        "its owner alone. Without it there are no metrics, unless metrics_open says so.",
    )
    metrics_open = Bool(
        False,
        config=True,
        help="Whether GET /metrics needs no token: for a server that Prometheus alone reaches.",
    )
    tokens_required = Bool(
        False,
        config=True,
        help="Whether a room without a policy is open only to whoever comes with a token, or a "
        "secret that it was made with, and no longer to everybody who knows its id.",
    )
    check_config = Bool(
        False,
        config=True,
        help="Whether to print what would be used, look for what would keep the server from "
        "serving, and end; nothing is made or changed.",
    )
    log_style = Enum(
        ("text", "json"),
        "text",
        config=True,
        help="Whether the log has lines of text, or a JSON object in each line.",
    )
    idle_timeout_seconds = Float(
        60.0,
        min=0.1,
        config=True,
        help="How long a connection may be open without a request, in seconds. WebSockets have "
        "ping_interval_seconds instead.",
    )
    address_connection_limit = Int(
        6_000,
        min=1,
        config=True,
        help="How many connections over HTTP one address may have open, those that became "
        "WebSockets aside; one more is closed at once. Six for each browser of a class of 1,000. "
        "Of trusted_proxies there may be any number: they have limits of their own.",
    )

    @validate("allow_origin")
    def _origin_rules(self, proposal: Any) -> list[str]:
        return _checked(check_origin_rule, proposal)

    @validate("allow_host")
    def _host_rules(self, proposal: Any) -> list[str]:
        return _checked(check_host_rule, proposal)

    @validate("base_url")
    def _slash_at_both_ends(self, proposal: Any) -> str:
        path: str = proposal["value"].strip("/")
        if not _PATH.fullmatch(path):
            raise TraitError(f"expected the path of base_url as in URLs, got {path!r}")
        return f"/{path}/" if path else "/"

    def _config_file_name_default(self) -> str:
        return "driftdb_config"

    @default("log_level")
    def _log_level_default(self) -> int:
        return logging.INFO

    @default("log_format")
    def _log_format_default(self) -> str:
        return "%(asctime)s %(levelname)-7s %(message)s"

    def configure(self, given: Config) -> None:
        """Take settings, and those of the configuration files where nothing else is given.

        Raises :class:`BadSetting`, also if a file can't be read: without its settings a server
        may let more people in than it should.
        """
        self.cli_config = given
        self.update_config(given)
        self._style_log()  # that of what is logged while the files are read
        if self.generate_config:
            return
        stem, _ = os.path.splitext(self.config_file)
        if stem and not any(os.path.exists(stem + ending) for ending in (".py", ".json")):
            raise BadSetting(f"expected a file with settings, got {self.config_file!r}")
        self.raise_config_file_errors = True
        try:
            self.load_config_file(suppress_errors=False)
        except BadSetting:
            raise
        except Exception as error:  # a file in Python can raise anything
            raise BadSetting(f"can't read the settings: {error} ({type(error).__name__})") from None

    def update_config(self, config: Config) -> None:
        """Take settings; raises :class:`BadSetting`, because traitlets itself ends the process."""
        try:
            super().update_config(config)
        except TraitError as error:
            raise BadSetting(str(error)) from None

    def settings(self) -> DriftDB:
        """Return what the rooms of this server allow; raises :class:`BadSetting`."""
        try:
            return DriftDB(parent=self)
        except TraitError as error:
            raise BadSetting(str(error)) from None

    def start(self) -> None:
        """Serve until a signal ends it, or do what the settings ask for in place of that.

        Raises :class:`CannotServe` and :class:`BadSetting`.
        """
        try:
            super().start()
        except NoStart:  # it wrote a configuration file
            return
        self._share_log()
        settings = self.settings()
        self._become_service()
        if self.check_config:
            self._check(settings)
            return
        self._audit(settings)
        self._signed(settings)
        tls = self._tls()
        create_token = self._token("create_token_file", TOKEN_VARIABLE)
        metrics_token = self._token("metrics_token_file")
        try:
            sockets = bind_sockets(self.port, self.host)
        except OSError as error:
            raise CannotServe(self._explain(error)) from None
        deadline = Deadline(self.log, seconds=2 * settings.stop_timeout_seconds)
        asyncio.run(
            self.serve(
                settings,
                sockets,
                tls,
                create_token=create_token,
                metrics_token=metrics_token,
                stopping=deadline.begin,
            )
        )

    def _become_service(self) -> None:
        """Listen where a JupyterHub says, and let in whom it knows, if it started this process."""
        try:
            place = service_place()
            if place is None:
                return
            self.host, self.port, self.base_url = place.host, place.port, place.base_url
            self.service = HubService(parent=self)
            # To look makes nothing, not even the secret of cookies.
            self.service.prepare("" if self.check_config else self.data)
            if (without := unsupported()) is not None:
                self.log.warning("%s", without)
            # JupyterHub's client tells there of each token that the hub doesn't know.
            logging.getLogger("tornado.application").addFilter(Seldom())
        except (TraitError, DriftDBError, OSError) as error:
            raise CannotServe(str(error)) from None

    def _check(self, settings: DriftDB) -> None:
        """Print what would be used; raises :class:`CannotServe` with all that is wrong."""
        problems: list[str] = []

        def tell(name: str, look: Callable[[], object]) -> None:
            try:
                value = look()
            except (OSError, ValueError, DriftDBError, sqlite3.Error) as error:
                problems.append(str(error))
                value = f"PROBLEM: {error}"
            print(f"{name + ':':<16}{printable(str(value), 500)}")

        def listed(entries: Sequence[str], otherwise: str) -> str:
            return ", ".join(entries) or otherwise

        here = near(self.host, self.port, self.base_url, scheme=self._scheme)
        tell("settings", lambda: listed(self._check_names(), "defaults and command line"))
        tell("rooms at", lambda: here)
        tell("address", self._check_address)
        tell("public URL", lambda: settings.public_url or "as the request has it")
        tell("certificate", self._check_certificate)
        tell("rooms kept in", lambda: self._check_journal(settings))
        tell("named rooms", lambda: "yes" if self.named_rooms else "no")
        tell("origins", lambda: listed(self.allow_origin, "its own"))
        tell("host names", lambda: listed(self.allow_host, "its own"))
        tell("proxies", lambda: listed(settings.trusted_proxies, "none is believed"))
        tell("making rooms", lambda: "needs the token" if self._has_create_token() else "anybody")
        tell("metrics", self._check_metrics)
        tell("signed tokens", lambda: self._check_signed(settings))
        tell("audit log", lambda: self._check_audit(settings))
        tell("memory", lambda: f"{settings.new_memory_budget().limit_bytes // 2**20} MiB at most")
        if problems:
            raise CannotServe("; ".join(problems))

    def _check_names(self) -> list[str]:
        """Return the files with settings; raises :class:`CannotServe` for one that is none."""
        for kind in (type(self), *self.classes):
            unknown = [*self.config.get(kind.__name__, {}).keys() - kind.class_traits(config=True)]
            if unknown:
                raise CannotServe(f"there is no setting {kind.__name__}.{min(unknown)}")
        return list(self.loaded_config_files)

    @property
    def _scheme(self) -> str:
        return "https" if self.certfile else "http"

    def _check_address(self) -> str:
        try:
            for bound in bind_sockets(self.port, self.host):
                bound.close()
        except OSError as error:
            raise CannotServe(self._explain(error)) from None
        return f"port {self.port} on {self.host or 'all addresses'} is free"

    def _check_certificate(self) -> str:
        if self._tls() is None:
            return "none: without TLS"
        told, good = validity(self.certfile, now=time.time())
        if not good:
            raise CannotServe(f"{self.certfile}: {told}")
        return f"{self.certfile}, {told}"

    def _check_journal(self, settings: DriftDB) -> str:
        if settings.redis:
            return asyncio.run(self._check_redis(settings))
        if not self.data:
            return "memory: they end with the server"
        path = journal_in(self.data)
        if not path.exists():
            above = next(each for each in path.absolute().parents if each.exists())
            if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
                raise CannotServe(f"{path} can't be made: nothing can be written in {above}")
            return f"{path} (will be made), {settings.durability}"
        try:
            journal = Journal(str(path), reading=True)
        except JournalUnusable as error:
            raise CannotServe(str(error)) from None
        try:
            return f"{path}, {settings.durability}: {journal.count()} rooms"
        finally:
            journal.close()

    async def _check_redis(self, settings: DriftDB) -> str:
        variables = PASSWORD_VARIABLE, SENTINEL_PASSWORD_VARIABLE
        given = {name: os.environ[name] for name in variables if name in os.environ}
        broker = self._redis_broker(settings)
        try:
            count = len(await broker.summaries())
        finally:
            await broker.close()
            os.environ.update(given)
        return f"Redis, keys {settings.redis_prefix}*: {count} rooms"

    def _has_create_token(self) -> bool:
        given = os.environ.get(TOKEN_VARIABLE)
        try:
            return self._token("create_token_file", TOKEN_VARIABLE) is not None
        finally:
            if given is not None:
                os.environ[TOKEN_VARIABLE] = given

    def _check_metrics(self) -> str:
        token = self._token("metrics_token_file")
        if self.metrics_open:
            return "open to everybody"
        return "off" if token is None else "need the token"

    def _check_signed(self, settings: DriftDB) -> str:
        if self._signed(settings) is None:
            return "none are taken"
        keys = " and ".join(filter(None, (settings.token_keys_file, settings.token_keys_url)))
        return f"{'needed' if self.tokens_required else 'taken'}, keys of {keys}"

    def _signed(self, settings: DriftDB) -> SignedTokens | None:
        """Return what is taken of signed tokens; raises :class:`CannotServe`."""
        try:
            return signed_tokens(settings)
        except (OSError, ValueError) as error:
            raise CannotServe(f"the keys of signed tokens: {_reason(error)}") from None

    def _check_audit(self, settings: DriftDB) -> str:
        path = settings.audit_log
        if not path:
            return "none"
        folder = os.path.dirname(os.path.abspath(path))
        if not os.access(path if os.path.exists(path) else folder, os.W_OK):
            raise CannotServe(f"audit_log: {path} can't be written")
        return path

    def _audit(self, settings: DriftDB) -> None:
        try:
            audit_to(settings.audit_log)
        except OSError as error:
            raise CannotServe(f"audit_log: {_reason(error)}") from None

    def _token(self, setting: str, variable: str = "") -> str | None:
        """Return the token of the file that a setting names; raises :class:`CannotServe`."""
        try:
            return read_token(getattr(self, setting), variable=variable)
        except (OSError, ValueError) as error:
            raise CannotServe(f"{setting}: {_reason(error)}") from None

    def _gate(self, settings: DriftDB) -> Gate:
        """Return what names and pages are answered."""
        names = list(self.allow_host)
        # A browser has compared the name with the certificate, or has a login for that name alone.
        if self.certfile or self.service is not None:
            names.append("*")
        elif not is_local(self.host):
            names += own_names()
        return Gate(hosts=names, origins=self.allow_origin, public_url=settings.public_url)

    def _explain(self, error: OSError) -> str:
        place = f"port {self.port} on {self.host}"
        if error.errno == errno.EADDRINUSE:
            return f"{place} is taken; stop what uses it, or choose another --port"
        if error.errno == errno.EACCES:
            return f"{place} is not allowed; choose a --port above 1023"
        return f"can't listen on {place}: {_reason(error)}"

    def _tls(self) -> ssl.SSLContext | None:
        """Return the context that the certificate's files make now; raises :class:`CannotServe`."""
        if not self.certfile:
            if self.keyfile:
                raise CannotServe(
                    "expected a TLS certificate (--certfile) with --keyfile, got none"
                )
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certfile, self.keyfile or None)
        except OSError as error:  # ssl.SSLError is one
            files = " and ".join(filter(None, (self.certfile, self.keyfile)))
            raise CannotServe(
                f"expected a TLS certificate and its key in {files}: {_reason(error)}"
            ) from None
        return context

    def _reload(self, server: HTTPServer) -> None:
        """Read the certificate again, for new connections, and begin log files anew (SIGHUP)."""
        audit = logging.getLogger("driftdb_jupyter.audit")
        for handler in {*self.log.handlers, *logging.getLogger().handlers, *audit.handlers}:
            if isinstance(handler, logging.FileHandler):
                handler.close()  # it opens its file with the next line
        try:
            server.ssl_options = self._tls()
        except CannotServe as error:
            self.log.error("SIGHUP: %s; the old certificate stays in use", error)
            return
        read = f"; the certificate was read from {self.certfile}" if self.certfile else ""
        self.log.info("SIGHUP: log files were opened anew%s", read)

    async def serve(
        self,
        settings: DriftDB,
        sockets: list[socket.socket],
        tls: ssl.SSLContext | None,
        *,
        create_token: str | None = None,
        metrics_token: str | None = None,
        stopping: Callable[[], object] = lambda: None,
    ) -> None:
        """Serve on bound sockets until a signal ends it; then say goodbye to all peers.

        ``stopping`` is called on the loop when that signal has come.
        """
        signals = Signals(lambda: self._reload(server))
        self._tell_configuration()
        files = raise_limit(self.log)
        service = self.service
        names = RoomNames(capabilities=True, named=self.named_rooms or service is not None)
        events = EventLog(self.log, names)
        hub = Hub(await self._broker(settings), settings, events=events)
        hub.peer_limit = bound_peers(hub.peer_limit, self.log, files=files)
        secret = new_id()
        address, port = sockets[0].getsockname()[:2]
        host = address if self.host else ""  # where it listens on all, of either kind
        scheme = self._scheme

        def outside() -> str | None:
            if service is not None:
                return None  # others come by way of the hub
            return reach(host, port, self.base_url, scheme=scheme)

        web = application(
            hub,
            gate=self._gate(settings),
            create_token=create_token,
            metrics_token=metrics_token,
            metrics_open=self.metrics_open,
            base_url=self.base_url,
            named_rooms=self.named_rooms,
            log_function=partial(self._log_request, events),
            secret=secret,
            reach=outside,
            health_details=self.health_details,
            service=service,
            tokens_required=self.tokens_required,
        )
        server = Listener(
            web,
            ssl_options=tls,
            idle_connection_timeout=self.idle_timeout_seconds,
            max_body_size=_BODY_LIMIT_BYTES,
            max_header_size=_HEAD_LIMIT_BYTES,
        )
        server.hub = hub
        server.address_limit = self.address_connection_limit
        server.proxies = proxies_of(settings)
        server.add_sockets(sockets)
        accept_patiently(server, self.log)
        hub.start()
        here = near(host, port, self.base_url, scheme=scheme)
        certfile = os.path.abspath(self.certfile) if self.certfile else None
        control = Control(here, secret, os.getpid(), certfile)
        # What there is now stays until the end: no collection need look at it again. A full one
        # holds the loop while it looks at all connections, for nothing: those that end leave none.
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        with control_file(hub.broker.journal, control):
            places = dict.fromkeys(filter(None, (here, outside())))
            self.log.info("Rooms are at %s (stop with Ctrl-C)", " and ".join(places))
            self.log.info("Stopping: %s", await signals.stop)
        stopping()
        server.stop()
        await hub.stop()
        # All that is kept is safe by now: who doesn't end is left behind.
        closing = server.close_all_connections()
        patience = settings.stop_timeout_seconds / _CONNECTIONS_PART
        await within(patience, closing, "closing connections", self.log)

    def _style_log(self) -> None:
        if self.log_style == "json":
            for handler in self.log.handlers:
                handler.setFormatter(JsonLines())

    def _share_log(self) -> None:
        """Have what the package's modules and Tornado log in this log, too; nothing in it raw."""
        self._style_log()
        for handler in self.log.handlers:
            handler.addFilter(Printable())
        for name in ("driftdb_jupyter", "tornado"):
            logger = logging.getLogger(name)
            logger.handlers = list(self.log.handlers)
            logger.setLevel(self.log.level)
        # Below that it tells of every malformed request, of which there may be any number; and of
        # every failed TLS handshake it warns.
        logging.getLogger("tornado").setLevel(max(self.log.level, logging.WARNING))
        logging.getLogger("tornado.general").addFilter(Seldom())

    def _tell_configuration(self) -> None:
        read = " and ".join(self.loaded_config_files)
        self.log.info("Settings: %s", read or "no configuration file, defaults and command line")

    @property
    def default_room_retention_seconds(self) -> float:
        """The number of seconds that unused rooms are kept where the settings don't say."""
        return (30 if self.data else 1) * _DAY_SECONDS

    async def _broker(self, settings: DriftDB) -> Broker:
        if settings.redis:
            broker = self._redis_broker(settings)
            try:
                await broker.begin()
            except Unavailable as error:
                await broker.close()
                raise CannotServe(f"redis: {error}") from None
            self.log.info(
                "Rooms are in Redis, keys %s*; this server is %s",
                *(settings.redis_prefix, broker.shared.server),
            )
            return broker
        path = str(journal_in(self.data)) if self.data else None
        try:
            return settings.broker(path, allow_memory=self.allow_memory)
        except JournalUnusable as error:
            raise CannotServe(
                f"{error}; with --allow-memory it starts all the same, and keeps no rooms"
            ) from None

    def _redis_broker(self, settings: DriftDB) -> RedisBroker:
        """Return the broker of the rooms in Redis; raises :class:`CannotServe`."""
        if self.data:
            raise CannotServe("expected rooms in Redis (--redis) or in a folder (--data), got both")
        try:
            return redis_broker(settings)
        except RedisUnconfigured as error:
            raise CannotServe(f"redis: {error}") from None

    def _log_request(self, events: EventLog, handler: RequestHandler) -> None:
        status = handler.get_status()
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return  # told as a refusal, of which there may be a flood
        # Requested again and again, by monitoring, by each inspector and by each command for rooms,
        # of which the log tells what it does.
        often = isinstance(handler, (Health, Figures, Metrics, AdministrationRequest))
        level = logging.DEBUG if often else logging.INFO
        # A probe that finds trouble is one of many: the trouble itself is in the log once.
        if status >= 400 and not isinstance(handler, Health):
            level = logging.WARNING if status < 500 else logging.ERROR
        request = handler.request
        uri = request.uri or ""
        if not isinstance(handler, RoomRequest):  # whose own is fit for a log already
            uri = events.names.shown_uri(uri, self.base_url)
        shown, took = printable(uri, 300), round(1000 * request.request_time(), 1)
        who = handler.who if isinstance(handler, Request) else request.remote_ip
        events.requested(
            level,
            f"{status} {request.method} {shown} {who} {took} ms",
            status=status,
            method=request.method,
            path=shown,
            address=request.remote_ip,
            request=handler.request_id if isinstance(handler, Request) else None,
            milliseconds=took,
        )


def _reason(error: Exception) -> str:
    """Return what went wrong, and with which file, without the system's number for it."""
    said = getattr(error, "strerror", None)
    if not said:
        return str(error)
    name = getattr(error, "filename", None)
    return f"{name}: {said}" if name else str(said)
