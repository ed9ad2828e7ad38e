"""The Jupyter Server extension: rooms below ``<base_url>driftdb/``."""

from __future__ import annotations

import hmac
import logging
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import cache
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from prometheus_client import REGISTRY
from tornado.web import HTTPError, RequestHandler, authenticated

from ...access.credential import Credential
from ...access.share_link import LinkHolder, is_link
from ...access.tokens.claims import is_signed
from ...broker.broker import Broker
from ...protocol.name import new_id
from ..hosting.hub import Hub
from ..http.access_handlers import access_routes
from ..http.administration import Administration
from ..http.administration_handlers import administration_routes
from ..http.forwarded import proxies_of
from ..http.gate import ForeignHost, ForeignOrigin
from ..http.handlers import Connect, RoomRequest, routes
from ..http.health import Health
from ..http.link_handlers import link_routes
from ..http.metrics import HubCollector
from ..http.pages import FrontPage, PageHandler, page_routes
from ..http.reach import near, reach
from ..http.request import ALLOWED_HEADERS, NotFound
from ..http.signed import signed_tokens
from ..http.site import Route, Site
from ..http.ticket_handlers import ticket_routes
from ..http.token_handlers import token_routes
from ..in_redis import redis_broker
from ..process.accepting import accept_patiently
from ..process.audit import audit_to
from ..process.control import Control, control_file
from ..process.descriptors import bound_peers
from ..process.event_log import EventLog
from ..process.periodic import Periodic
from ..process.place import jupyter_journal, jupyter_prefix
from ..settings import DriftDB
from .access import KERNEL, SHOWN, JupyterCredential
from .kernel_listener import KernelListener, demands_certificates
from .kernels import Kernels
from .loggable import LoggableRequest
from .notebook_rooms import NotebookRooms, SharedNotebookRooms, notebooks_file
from .notebooks import Notebooks
from .used_service import UsedService

__all__ = ["DriftDBExtension"]

_PREFIX = "driftdb/"
_ACTIVITY_INTERVAL_SECONDS = 15
_NOTEBOOKS = "driftdb_notebooks"
_SERVICE = "driftdb_service"
_KERNELS = "kernels"
_KERNELS_OF_SERVER = "driftdb_kernels"


class JupyterRequest(LoggableRequest, RoomRequest, JupyterHandler):
    """A request that Jupyter has to allow; a kernel may come with the extension's own secret.

    Whoever is not logged in is refused with 403, but for a page, which is for a person, is sent to
    Jupyter's login.
    """

    _is_host_allowed: bool | None = None

    def __init_subclass__(cls) -> None:
        """Demand a login for every method, also of the classes that :class:`Site` makes of it.

        :meth:`prepare` has looked already; with ``ServerApp.allow_unauthenticated_access=False``
        Jupyter warns of each method that isn't marked.
        """
        super().__init_subclass__()
        if cls.is_public:
            _mark(cls, allow_unauthenticated)
        else:
            _mark(cls, authenticated if issubclass(cls, PageHandler) else ws_authenticated)

    async def prepare(self, **kwargs: Any) -> None:
        """Identify the user or kernel; raise 403 without a login."""
        self.credential: Credential
        page = isinstance(self, PageHandler)
        kernel = None if page else self._kernel()
        if kernel is not None:
            # Counted apart: a proxy before Jupyter may have the same address, with all that come
            # through it.
            self.admit(_KERNELS)
            self.current_user = KERNEL
            self.credential = kernel
            await self._demand_rights()
            return
        self.admit()
        if not self.check_host():
            raise ForeignHost(
                "this Jupyter server isn't known by that name. Whoever runs it can allow it with"
                " ServerApp.local_hostnames, or any name with ServerApp.allow_remote_access."
            )
        if self.is_public:
            # Without JupyterHub's own check, which refuses the scripts of a page for want of a
            # token that no <script> can bring.
            return
        if self.request.method == "OPTIONS" and not page:
            return  # a browser asks for it without who is logged in
        shown = self.shown_credential()
        if shown is not None:
            # Nobody that Jupyter knows: it is asked nothing, and no method of its own is reached.
            self.current_user = SHOWN
            self.credential = shown if not isinstance(shown, Awaitable) else await shown
            await self._demand_rights()
            return
        if page:
            self.credential = self._jupyter_credential()
            await JupyterHandler.prepare(self)
            _ = self.xsrf_token  # which sets its cookie: an owner's page makes links
            return
        self.credential = self._jupyter_credential()
        await JupyterHandler.prepare(self, _redirect_to_login=False)
        # By default Jupyter's own prepare and authorizer let in users that are not logged in.
        if self.current_user is None:
            raise HTTPError(403)
        if not self.check_origin():
            raise ForeignOrigin(
                "this Jupyter server takes nothing from pages of that origin. Whoever runs it can"
                " allow them with ServerApp.allow_origin or allow_origin_pat."
            )
        await self._demand_rights()

    def options(self, *args: str) -> None:
        """Answer the preflight of a page elsewhere, which may come with a token, never as a user.

        Jupyter lets such pages open sockets; where they have no token in the URL, they trade it
        for a ticket first.
        """
        if not self._brings_token():
            raise HTTPError(403)
        self.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
        self.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)
        self.set_status(204)

    def set_default_headers(self) -> None:
        """Let a page elsewhere that shows a token read the answer, where Jupyter's settings do.

        With ``*`` no browser lets it read what comes of somebody's login.
        """
        super().set_default_headers()
        if not self._brings_token():
            return
        origin, pattern = self.get_origin(), self.allow_origin_pat
        if not pattern or self.allow_origin:
            self.set_header("Access-Control-Allow-Origin", self.allow_origin or "*")
        elif origin and re.fullmatch(pattern, origin):
            self.set_header("Access-Control-Allow-Origin", origin)

    def _brings_token(self) -> bool:
        """Return True if the request brings a token in its headers, or is to be asked for it."""
        headers = self.request.headers
        wanted = headers.get("Access-Control-Request-Headers", "").lower().split(",")
        return "Authorization" in headers or "authorization" in map(str.strip, wanted)

    async def _demand_rights(self) -> None:
        waiting = self.demand_rights()
        if waiting is not None:
            await waiting

    def check_host(self) -> bool:
        """Return True if Jupyter lets requests to this host name in.

        Jupyter's own :meth:`prepare` asks again, and is given the same answer.
        """
        if self._is_host_allowed is None:
            self._is_host_allowed = bool(super().check_host())
        return self._is_host_allowed

    def set_signed_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Set a signed cookie, except in the handshake of a program.

        Jupyter sets one in the answer to every token, so that a browser is the same anonymous user
        the next time. Browsers send ``Origin`` in all handshakes; other programs send none, and
        signing a cookie that they drop would be a tenth of what their handshakes cost.
        """
        if isinstance(self, Connect) and "Origin" not in self.request.headers:
            return
        super().set_signed_cookie(*args, **kwargs)

    set_secure_cookie = set_signed_cookie  # the older name, by which Jupyter calls it

    def lasting_credential(self) -> Credential:
        """Return a credential that keeps this request, which Jupyter's authorizer is asked with."""
        own = self.credential
        return own.lasting(self) if isinstance(own, JupyterCredential) else own

    def _jupyter_credential(self) -> JupyterCredential:
        patience_seconds = self.hub.settings.authorizer_timeout_seconds
        return JupyterCredential(self, self.hub.authorizer, patience_seconds=patience_seconds)

    def _kernel(self) -> Credential | None:
        kernels: Kernels = self.settings[_KERNELS_OF_SERVER]
        patience_seconds = self.hub.settings.authorizer_timeout_seconds
        return kernels.credential(self, self.hub.authorizer, patience_seconds=patience_seconds)


class NotebookRoom(RoomRequest):
    """``GET /notebook?kernel=ID&started_as=NAME``."""

    async def get(self) -> None:
        """Answer with the room of the notebook that a kernel runs."""
        if not await self.may_create():
            raise HTTPError(403)
        notebooks: Notebooks = self.settings[_NOTEBOOKS]
        name = await notebooks.room_of_kernel(
            self.get_query_argument("kernel"),
            started_as=self.get_query_argument("started_as", strip=False),
        )
        service: UsedService | None = self.settings[_SERVICE]
        if service is None:
            self.answer_address(name)
        else:
            self.answer({"room": service.room(name)})


class DriftDBExtension(ExtensionApp):
    """Hosts rooms on the Jupyter server, and tells kernels where they are."""

    serverapp: ServerApp
    name = "driftdb_jupyter"
    load_other_extensions = True
    classes = [DriftDB]  # noqa: RUF012
    default_room_retention_seconds = 30 * 24 * 60 * 60.0
    default_debug_allowed = False
    _is_initialized = False

    @property
    def default_public_url(self) -> str:
        """The URL of the rooms as others have it, where the hub tells that of this server."""
        hub = os.environ.get("JUPYTERHUB_PUBLIC_URL", "")
        return url_path_join(hub, _PREFIX) if hub else ""

    @property
    def default_redis_prefix(self) -> str:
        """What keys in Redis begin with where the settings don't say."""
        return jupyter_prefix(self.serverapp.root_dir)

    def _broker(self, settings: DriftDB) -> Broker:
        """Return the broker of the rooms; raises :class:`.RedisUnconfigured`."""
        return redis_broker(settings) if settings.redis else settings.broker(self._journal)

    @property
    def _journal(self) -> str:
        """The path of the journal, beside which commands find the server, wherever rooms are."""
        return str(jupyter_journal(self.serverapp.root_dir))

    def initialize_settings(self) -> None:
        """Make the hub, and the secrets that kernels are given."""
        settings = DriftDB(parent=self)
        self._audit = audit_to(settings.audit_log)
        broker = self._broker(settings)
        rooms: NotebookRooms | SharedNotebookRooms
        if broker.shared is None:
            rooms = NotebookRooms(notebooks_file(broker.journal), limit=settings.room_limit)
        else:
            rooms = SharedNotebookRooms(broker.shared, limit=settings.room_limit)
        self.notebooks = self.settings[_NOTEBOOKS] = Notebooks(self.serverapp, rooms)
        self.kernels = self.settings[_KERNELS_OF_SERVER] = Kernels(self.serverapp)
        self.hub = Hub(broker, settings, events=EventLog(self.log), expired=rooms.forget)
        self.hub.peer_limit = bound_peers(self.hub.peer_limit, self.log)
        self.service = self.settings[_SERVICE] = UsedService.of(os.environ)
        # A request that misses our routes is logged by Jupyter: let it hide our secrets too.
        scrubbed = self.serverapp.web_app.settings.get("extra_log_scrub_param_keys", [])
        self.settings["extra_log_scrub_param_keys"] = [*scrubbed, "client", "ticket"]
        self._admin_secret = new_id()
        self._control = ExitStack()
        self._listener: KernelListener | None = None
        self._seen = 0
        self._activity = Periodic(self.report_activity, _ACTIVITY_INTERVAL_SECONDS)

    def initialize_handlers(self) -> None:
        """Add the protocol's routes."""
        site = Site(
            self.hub,
            prefix=_PREFIX,
            root=url_path_join(self.serverapp.base_url, _PREFIX),
            request=JupyterRequest,
            names_allowed=True,
            advice="jupyter lab --ip 0.0.0.0",
            reach=self.reach,
            proxies=proxies_of(self.hub.settings),
        )
        site.bearers.add(is_link, LinkHolder)
        signed = signed_tokens(self.hub.settings)
        if signed is not None:
            site.bearers.add(is_signed, signed)
        token = None if signed is None else signed.verified_elsewhere
        self.hub.share_tickets(guest=None, token=token)
        # Before Jupyter's own handler of paths that end in a slash.
        self.handlers.append(site.route("", FrontPage))
        self.handlers.append(site.route("notebook", NotebookRoom))
        self.handlers.extend(routes(site))
        self.handlers.extend(access_routes(site))
        self.handlers.extend(ticket_routes(site))
        self.handlers.extend(token_routes(site))
        self.handlers.extend(link_routes(site))
        self.handlers.extend(page_routes(site))
        administration = administration_routes(
            Administration(self.hub, reach=self.reach),
            _PREFIX,
            secret=self._admin_secret,
            bearers=site.bearers,
        )
        health = (_PREFIX + "health", Health, {"site": site, "details": False})
        self.handlers.extend(_without_login(route) for route in (health, *administration))
        self.handlers.append(
            site.route(".*", NotFound)
        )  # else Jupyter logs their paths as they are
        self._is_initialized = True

    def reach(self) -> str | None:
        """Return the URL of the rooms' root for other machines; ``None`` if they can't reach it."""
        server = self.serverapp
        if server.sock:
            return None
        scheme = "https" if server.certfile else "http"
        root = url_path_join(server.base_url, _PREFIX)
        return reach(server.ip, server.port, root, scheme=scheme)

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        if not self._is_initialized:  # Jupyter has logged why
            return
        # Only now the port is known for certain: Jupyter takes another one where its own is taken.
        if demands_certificates(serverapp) and not serverapp.sock:
            root = url_path_join(serverapp.base_url, _PREFIX)
            self._listener = KernelListener(serverapp.web_app, root, self._knows)
            accept_patiently(self._listener.http_server, self.log)
        environment = self.kernel_environment()
        for name in ("DRIFTDB_NOT_KEPT", "DRIFTDB_PUBLIC_URL", "DRIFTDB_SECRET"):
            os.environ.pop(name, None)  # of the server whose terminal this one was run in
        os.environ.update(environment)
        if not serverapp.sock:
            certfile = environment.get("DRIFTDB_CERTFILE")
            control = Control(self.near, self._admin_secret, os.getpid(), certfile)
            in_file = self.hub.broker.shared is None
            journal = self.hub.broker.journal if in_file else self._journal
            self._control.enter_context(control_file(journal, control))
        accept_patiently(serverapp.http_server, self.log)
        self.hub.start()
        _collector().hubs.append(self.hub)
        self.notebooks.start()
        self.kernels.start()
        self._activity.start()
        self.log.info("DriftDB rooms are at %s%s", serverapp.connection_url, _PREFIX)
        shared = self.hub.broker.shared
        if shared is not None:
            self.log.info(
                "Rooms are in Redis, keys %s*; this server is %s",
                *(self.hub.settings.redis_prefix, shared.server),
            )
        if self.service is not None:
            self.log.info("Kernels use the DriftDB rooms at %s", self.service.url)

    async def stop_extension(self) -> None:
        """Say goodbye to all peers."""
        if not self._is_initialized:
            return
        self._activity.stop()
        self.notebooks.stop()
        self.kernels.stop()
        self._control.close()
        if self._listener is not None:
            await self._listener.stop()
        if self.hub in _collector().hubs:
            _collector().hubs.remove(self.hub)
        await self.hub.stop()
        if self._audit is not None:
            logging.getLogger("driftdb_jupyter.audit").removeHandler(self._audit)
            self._audit.close()

    def _knows(self, authorization: str) -> bool:
        """Return True for a kernel's secret, and for the one of the administration."""
        own = f"DriftDB {self._admin_secret}"
        return self.kernels.knows(authorization) or hmac.compare_digest(
            authorization.encode(errors="replace"), own.encode()
        )

    @property
    def near(self) -> str:
        """The URL of the rooms' root for programs of this machine."""
        if self._listener is not None:
            return self._listener.url
        server = self.serverapp
        scheme = "https" if server.certfile else "http"
        root = url_path_join(server.base_url, _PREFIX)
        return near(server.ip, server.port, root, scheme=scheme)

    def kernel_environment(self) -> dict[str, str]:
        """Return the variables by which a kernel of this server finds its rooms.

        ``DRIFTDB_URL`` and ``DRIFTDB_SECRET`` (each kernel is given another), behind TLS
        ``DRIFTDB_CERTFILE``, and ``DRIFTDB_MESSAGE_LIMIT_BYTES``, so that it refuses by itself
        what is too large.
        ``DRIFTDB_PUBLIC_URL`` is the setting ``public_url``, for links to give to others. Where
        rooms are in memory that should be kept, ``DRIFTDB_NOT_KEPT`` says why, so that it can warn.
        Where a hub told of a service, they are those for its rooms (:class:`UsedService`).
        Empty where the server listens on a Unix socket alone: kernels can't reach it then.
        """
        server = self.serverapp
        if server.sock:
            return {}
        environment = {
            "DRIFTDB_URL": self.near,
            "DRIFTDB_SECRET": self.kernels.secret,
            "DRIFTDB_MESSAGE_LIMIT_BYTES": str(self.hub.limits.message_bytes),
        }
        if server.certfile and self._listener is None:
            environment["DRIFTDB_CERTFILE"] = os.path.abspath(server.certfile)
        if self.hub.settings.public_url:
            environment["DRIFTDB_PUBLIC_URL"] = self.hub.settings.public_url
        broker = self.hub.broker
        if not broker.keeps and broker.trouble is not None:
            environment["DRIFTDB_NOT_KEPT"] = broker.trouble
        return environment if self.service is None else self.service.kernel_environment(environment)

    def report_activity(self) -> None:
        """Tell Jupyter when rooms were used, so that a server in use is not culled."""
        newest = self.hub.rooms.newest
        if newest != self._seen:
            self._seen = newest
            self.serverapp.web_app.settings["driftdb_last_activity"] = datetime.now(timezone.utc)


@cache
def _collector() -> HubCollector:
    """Return what adds the figures of this process's servers to Jupyter's own ``/metrics``."""
    collector = HubCollector()
    REGISTRY.register(collector)
    return collector


def _mark(handler: type[RequestHandler], mark: Callable[[Any], Any]) -> None:
    """Decorate each HTTP method that a handler implements."""
    for verb in map(str.lower, handler.SUPPORTED_METHODS):
        method = getattr(handler, verb)
        if method is not RequestHandler._unimplemented_method:
            # A preflight never comes with a login.
            how = allow_unauthenticated if verb == "options" else mark
            setattr(handler, verb, how(method))


def _without_login(route: Route) -> Route:
    """Mark a route whose handler needs no login: it checks a secret itself, or is public."""
    pattern, handler, options = route
    own = type(handler.__name__, (LoggableRequest, handler), {"__doc__": handler.__doc__})
    _mark(own, allow_unauthenticated)
    return pattern, own, options
