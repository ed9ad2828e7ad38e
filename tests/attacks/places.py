"""Servers in other places than the plain standalone one."""

from __future__ import annotations

import sys
from pathlib import Path

from ..certificates import CERTIFICATE
from ..faults.host import Host
from ..server.processes import COMMAND

__all__ = ["PLACES", "JupyterHost", "SecureHost"]


class SecureHost(Host):
    """``driftdb serve`` with a certificate."""

    def _served(self, port: int, folder: Path) -> tuple[str, list[str]]:
        command = [*COMMAND, "serve", f"--port={port}", f"--certfile={CERTIFICATE}"]
        return f"https://127.0.0.1:{port}/", command


class JupyterHost(Host):
    """A Jupyter server with the extension, which everybody may use."""

    def _served(self, port: int, folder: Path) -> tuple[str, list[str]]:
        command = [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--port={port}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"),
            "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
            *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
        ]
        return f"http://127.0.0.1:{port}/driftdb/", command


PLACES: dict[str, type[Host]] = {"over TLS": SecureHost, "under Jupyter": JupyterHost}
