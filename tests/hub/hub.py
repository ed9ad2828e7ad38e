"""JupyterHub as ``deploy/`` configures it, on this machine, for people without accounts on it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from ..server.processes import environment

__all__ = ["PASSWORD", "RealHub"]

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
PASSWORD = "a-password-for-the-tests"
_TOKEN = "a-token-for-the-tests-of-the-hub"
_TIMEOUT_SECONDS = 120

# What the tests add to the configuration that people are given.
_MORE = """
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}/"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "{scheme}://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = {command!r}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allowed_users = {{"ada", "bob", "eve", "mallory"}}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r} + "/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment.update({{"JUPYTER_PREFER_ENV_PATH": "1"}})
c.Spawner.default_url = "/lab"
c.Spawner.args += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = "sqlite:///" + {home!r} + "/hub.sqlite"
c.JupyterHub.cookie_secret_file = {home!r} + "/hub_secret"
c.ConfigurableHTTPProxy.pid_file = {home!r} + "/proxy.pid"
c.JupyterHub.services.append({{"name": "tests", "api_token": {token!r}}})
c.JupyterHub.load_roles.append(
    {{
        "name": "tests",
        "scopes": ["admin:users", "admin:servers", "tokens", "groups", "admin:groups"],
        "services": ["tests"],
    }}
)
"""


def _install() -> Path:
    """Install the hub's proxy beside this file, if it isn't there; its program."""
    program = HERE / "node_modules" / ".bin" / "configurable-http-proxy"
    installed = HERE / "node_modules" / ".installed.json"
    lock = HERE / "package-lock.json"
    if not (installed.exists() and installed.read_bytes() == lock.read_bytes()):
        npm = shutil.which("npm")
        assert npm, "expected npm on the PATH (./dev test puts it there)"
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *options], cwd=HERE, check=True)
        shutil.copy(lock, installed)
    return program


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


# A hub whose parts speak TLS with each other, by certificates of its own.
_ENCRYPTED = """
c.JupyterHub.internal_ssl = True
c.JupyterHub.internal_certs_location = {home!r} + "/certificates"
"""


class RealHub:
    """A hub that can be stopped and started again at the same address.

    ``encrypted``: within itself (``internal_ssl``). ``domain``: below it each person has a domain
    (``subdomain_host``); browsers find one below ``localhost`` on this machine.
    """

    def __init__(self, home: Path, *, encrypted: bool = False, domain: str = "") -> None:
        self._domain = domain
        self._home = home
        self._encrypted = encrypted
        proxy, hub, api, service = _free_ports(4)
        self._proxy = proxy
        self.root = f"http://{domain or '127.0.0.1'}:{proxy}/"
        self.rooms = f"{self.root}services/driftdb/"
        self.service = f"http://127.0.0.1:{service}/services/driftdb/"
        scheme = "https" if encrypted else "http"
        self._api = f"{scheme}://127.0.0.1:{hub}/hub/api/"
        text = (DEPLOY / "jupyterhub_config.py").read_text()
        assert "http://127.0.0.1:10101" in text
        text = text.replace("http://127.0.0.1:10101", f"http://127.0.0.1:{service}")
        more = (_MORE + _ENCRYPTED if encrypted else _MORE).format(
            scheme=scheme,
            proxy=proxy,
            hub=hub,
            api=api,
            command=[shutil.which("node"), str(_install())],
            password=PASSWORD,
            home=str(home),
            token=_TOKEN,
        )
        if domain:
            more += f'\nc.JupyterHub.subdomain_host = "http://{domain}:{proxy}"\n'
        self._config = home / "jupyterhub_config.py"
        self._config.write_text(text + more)
        settings = (DEPLOY / "driftdb_config.py").read_text()
        # What the hub takes back is noticed sooner than people need it.
        settings += "c.DriftDB.credential_check_seconds = 1.0\n"
        (home / "driftdb_config.py").write_text(settings)
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []

    @property
    def log(self) -> str:
        """What the hub and the service have said."""
        return "".join(self._lines)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the end of the block, with the servers that it spawns."""
        self.start()
        try:
            yield
        finally:
            if self._process is not None:
                for name in ("ada", "bob", "eve", "mallory"):
                    self.stop_server(name)
                self.stop()

    def start(self) -> None:
        """Start hub, proxy and service, and wait until the hub and the service answer."""
        python = Path(sys.executable).parent
        env = environment(
            PATH=f"{python}{os.pathsep}{os.environ['PATH']}",
            CONFIGPROXY_AUTH_TOKEN="a-token-for-the-proxy",
            DRIFTDB_DATA=str(self._home / "rooms"),
        )
        del env["JUPYTER_NO_CONFIG"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(self._config)],
            cwd=self._home,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        ready = threading.Event()
        process, lines = self._process, self._lines

        def read() -> None:
            assert process.stderr is not None
            missing = {"JupyterHub is now running", "Rooms are at"}
            with process.stderr:
                for line in process.stderr:
                    lines.append(line)
                    missing = {text for text in missing if text not in line}
                    if not missing:
                        ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        assert ready.wait(_TIMEOUT_SECONDS), self.log
        assert process.poll() is None, self.log

    def stop(self) -> None:
        """Stop hub, proxy and service; the servers of people go on."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(_TIMEOUT_SECONDS)
        self._process = None

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call the hub's REST API; ``path`` is what follows ``api/``."""
        request = Request(
            self._api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {_TOKEN}"},
        )
        with urlopen(request, timeout=30, context=self._tls()) as answer:
            return json.loads(answer.read() or b"null")

    def _tls(self) -> ssl.SSLContext | None:
        if not self._encrypted:
            return None
        folder = self._home / "certificates"
        context = ssl.create_default_context(cafile=str(folder / "hub-ca_trust.crt"))
        own = folder / "hub-internal" / "hub-internal"
        context.load_cert_chain(f"{own}.crt", f"{own}.key")
        return context

    def token(self, name: str, *scopes: str) -> tuple[str, str]:
        """A new token of a person, and its id; by default with all that the person may."""
        body = {"scopes": list(scopes)} if scopes else {}
        made = self.request("POST", f"users/{name}/tokens", body)
        return made["token"], made["id"]

    def revoke(self, name: str, token_id: str) -> None:
        """Take a token back."""
        self.request("DELETE", f"users/{name}/tokens/{token_id}")

    def send(self, room: str, token: str, key: str, value: Any) -> None:
        """Set a value of a room of the service, as a program does."""
        action = {"type": "replace"}
        self._post(
            room, "send", token, {"type": "push", "action": action, "key": key, "value": value}
        )

    def share(self, room: str, token: str, *, role: str) -> str:
        """Make a share link to a room of the service; its URL behind the proxy."""
        url: str = self._post(room, "links", token, {"grants": role})["url"]
        return url

    def _post(self, room: str, what: str, token: str, body: Any) -> Any:
        request = Request(
            f"{self.rooms}room/{quote(room, '')}/{what}",
            method="POST",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"token {token}"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def start_server(self, name: str) -> str:
        """Start the server of a person, and wait until it answers; its URL."""
        if not self.request("GET", f"users/{name}").get("server"):
            self.request("POST", f"users/{name}/server", {})
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not (self.request("GET", f"users/{name}").get("server")):
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)  # the hub tells of nothing else
        host = f"{name}.{self._domain}" if self._domain else "127.0.0.1"
        return f"http://{host}:{self._proxy}/user/{name}/"

    def files(self, name: str) -> Path:
        """The folder that the server of a person shows."""
        return self._home / name

    def stop_server(self, name: str) -> None:
        """Stop the server of a person, if there is one."""
        try:
            self.request("DELETE", f"users/{name}/server")
        except (HTTPError, URLError):
            return
