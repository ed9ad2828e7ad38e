"""The two servers under test, each on a port of its own and a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest.mock import patch

from jupyter_server.auth import Authorizer, User
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from traitlets.config import Config

from driftdb_jupyter.broker.broker import Broker
from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.http.gate import Gate
from driftdb_jupyter.server.hub.service import HubService
from driftdb_jupyter.server.jupyter.extension import DriftDBExtension
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import application

from ..broker.redis.servers import shared_server

__all__ = ["TOKEN", "Rights", "Server", "Several", "jupyter", "several", "standalone"]

TOKEN = "the-token-of-this-jupyter"
T = TypeVar("T")


@dataclass
class Server:
    """A server that runs.

    ``root``: its URL, with a slash at the end. ``headers``: what makes a request an authorized
    one. ``stop`` begins its end. ``loop`` is there where it runs in this process, ``jupyter`` if
    it is one.
    """

    root: str
    stop: Callable[[], object]
    headers: dict[str, str] = field(default_factory=dict)
    loop: asyncio.AbstractEventLoop | None = None
    jupyter: ServerApp | None = None
    _hub: Hub | None = None

    @property
    def hub(self) -> Hub:
        """The hub of a server that runs in this process."""
        return self._hub or self.extension.hub

    @property
    def extension(self) -> DriftDBExtension:
        """The extension of a Jupyter server."""
        assert self.jupyter is not None
        apps = self.jupyter.extension_manager.extension_apps["driftdb_jupyter"]
        (extension,) = apps
        assert isinstance(extension, DriftDBExtension)
        return extension

    @property
    def rights(self) -> Rights:
        """What the users of a Jupyter server may do."""
        assert self.jupyter is not None
        assert isinstance(self.jupyter.authorizer, Rights)
        return self.jupyter.authorizer

    async def has_peers(self, count: int) -> None:
        """Wait until it has noticed who came and went."""
        while self.hub.peer_count != count:
            await asyncio.sleep(0.005)

    def run(self, function: Callable[[], T]) -> T:
        """Call a function on the server's own loop."""

        async def call() -> T:
            return function()

        return self.complete(call())

    def complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's own loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


class Several(Server):
    """Servers that share their rooms: each request comes to any of them, at random."""

    def __init__(self, servers: Sequence[Server], random: Random) -> None:
        self.servers = servers
        self.at_one = False
        self._random = random
        super().__init__("", lambda: None, loop=servers[0].loop)

    @property
    def root(self) -> str:
        """The root of any of them, of the first with ``at_one``."""
        return self.servers[0].root if self.at_one else self._random.choice(self.servers).root

    @root.setter
    def root(self, root: str) -> None:
        pass

    @property
    def hub(self) -> Hub:
        """The hub of one of them, for what holds for all."""
        return self.servers[0].hub

    async def is_level(self, name: str) -> None:
        """Wait until all have of a room what each of them has, unless all are ``at_one``."""
        if self.at_one:
            return
        brokers = [server.hub.broker for server in self.servers]
        while True:
            states = []
            for broker in brokers:
                assert isinstance(broker, RedisBroker)
                room = broker._rooms.get(name)
                presence = broker._presences._presences.get(name)
                if room is not None and presence is not None:
                    states.append((room.settled, room.number, presence.time, len(presence._untold)))
            if all(state[0] and not state[3] and state == states[0] for state in states):
                return
            await asyncio.sleep(0.001)


@contextmanager
def several(count: int, *, redis_prefix: str, **settings: Any) -> Iterator[Several]:
    """Servers that share the rooms in a Redis; options as those of :func:`standalone`."""
    seed = Random().randrange(2**32)
    print(f"which server is asked: {seed}")
    with ExitStack() as stack:
        servers = [
            stack.enter_context(standalone(redis_prefix=redis_prefix, **settings))
            for _ in range(count)
        ]
        yield Several(servers, Random(seed))


class Rights(Authorizer):
    """An authorizer whose answers a test can change; as a coroutine too, if it likes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refused: set[str] = set()
        self.asked: set[tuple[str, str]] = set()
        self.as_coroutine = False
        self.fails = False

    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> Awaitable[bool] | bool:
        self.asked.add((action, resource))
        if self.fails and resource == "driftdb":
            raise RuntimeError("this authorizer fails on purpose")
        allowed = resource != "driftdb" or action not in self.refused
        return self._answer(allowed) if self.as_coroutine else allowed

    async def _answer(self, allowed: bool) -> bool:
        await asyncio.sleep(0)
        return allowed

    def restore(self) -> None:
        """Allow everything again."""
        self.refused.clear()
        self.as_coroutine = self.fails = False


@contextmanager
def standalone(
    *,
    base_url: str = "/",
    named_rooms: bool = False,
    tls: ssl.SSLContext | None = None,
    journal: Path | None = None,
    secret: str | None = None,
    health_details: bool = False,
    reach: Callable[[], str | None] = lambda: None,
    gate: Gate | None = None,
    create_token: str | None = None,
    metrics_token: str | None = None,
    metrics_open: bool = False,
    tokens_required: bool = False,
    service: HubService | None = None,
    redis_prefix: str | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """A standalone server; ``secret`` opens its administration.

    ``service``: of a hub, which lets in. ``redis_prefix``: its rooms are those in a Redis.
    ``settings`` are those of :class:`DriftDB`.
    """

    @asynccontextmanager
    async def serve(server: Server) -> Any:
        traits = DriftDB(**settings)
        broker: Broker
        if redis_prefix is None:
            broker = traits.broker(None if journal is None else str(journal))
        else:
            broker = RedisBroker(RedisPlace(shared_server().url), prefix=redis_prefix)
        hub = server._hub = Hub(broker, traits)
        web = application(
            hub,
            gate=gate,
            create_token=create_token,
            metrics_token=metrics_token,
            metrics_open=metrics_open,
            tokens_required=tokens_required,
            service=service,
            base_url=base_url,
            named_rooms=named_rooms,
            log_function=lambda handler: None,
            secret=secret,
            health_details=health_details,
            reach=reach,
        )
        http = HTTPServer(web, ssl_options=tls)
        (socket,) = bind_sockets(0, "127.0.0.1")
        http.add_socket(socket)
        hub.start()
        scheme = "https" if tls else "http"
        server.root = f"{scheme}://127.0.0.1:{socket.getsockname()[1]}{base_url}"
        yield
        http.stop()
        await hub.stop()
        await http.close_all_connections()

    with _in_a_thread(serve) as server:
        yield server


@contextmanager
def jupyter(
    *, base_url: str = "/", rooms: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Server]:
    """A Jupyter server with the extension, and none of this machine's own configuration.

    ``rooms`` are settings of :class:`DriftDB`, ``settings`` those of :class:`ServerApp`.
    """

    @asynccontextmanager
    async def serve(server: Server) -> Any:
        app = ServerApp(
            config=Config(
                ServerApp={
                    "jpserver_extensions": {"driftdb_jupyter": True},
                    "authorizer_class": Rights,
                },
                IdentityProvider={"token": TOKEN},
                DriftDB=dict(rooms or {}),
            ),
            base_url=base_url,
            ip="127.0.0.1",
            allow_remote_access=True,  # as behind a proxy
            port=0,
            open_browser=False,
            allow_root=True,
            log_level="ERROR",
            root_dir=str(home),
            **settings,
        )
        with patch.object(app, "init_signal"):  # signals are the main thread's
            app.initialize(argv=[])
        app.start_app()
        await app._post_start()  # type: ignore[no-untyped-call]
        server.jupyter = app
        server.root = app.connection_url + "driftdb/"
        server.headers = {"Authorization": f"token {TOKEN}"}
        yield
        await app._cleanup()
        await app.http_server.close_all_connections()

    with TemporaryDirectory() as directory:
        home = Path(directory)
        environment = {
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        }
        # patch.dict takes back what the extension adds for kernels, too.
        with patch.dict(os.environ, environment), _in_a_thread(serve) as server:
            yield server


@contextmanager
def _in_a_thread(
    serve: Callable[[Server], AbstractAsyncContextManager[None]],
) -> Iterator[Server]:
    started = threading.Event()
    failed: list[BaseException] = []
    servers: list[Server] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        server = Server("", lambda: loop.call_soon_threadsafe(stopped.set), loop=loop)
        servers.append(server)
        async with serve(server):
            started.set()
            await stopped.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(60)
    if failed:
        raise failed[0]
    try:
        yield servers[0]
    finally:
        with suppress(RuntimeError):  # the test has stopped it, and its loop is closed
            servers[0].stop()
        thread.join(60)
        if failed:
            raise failed[0]
