"""The places in which a server is fuzzed, and how a case is said there."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftdb_jupyter.server.process.control import read_control
from driftdb_jupyter.server.process.place import journal_in

from ..certificates import CERTIFICATE
from ..server.processes import COMMAND

__all__ = ["PLACES", "Place"]

_START = re.compile(rb"(?m)^([A-Za-z]+ )/(?=[^\r\n]* HTTP/)")
_HOST = b"Host: 127.0.0.1\r\n"
_STANDALONE = (
    "--named-rooms",
    "--StandaloneServer.metrics_open=True",
    "--StandaloneServer.health_details=True",
)


def _no_secret(folder: Path) -> str:
    return ""


def _secret_of_administration(folder: Path) -> str:
    control = read_control(journal_in(str(folder / "rooms")))
    assert control is not None
    return control.secret


@dataclass(frozen=True)
class Place:
    """A place: what starts the server, in a ``folder``, and how cases are said to it.

    ``prefix``: the path below which its rooms lie. ``only``: with what the paths of its requests
    begin. ``secret`` returns what opens them, of a server that runs.
    """

    name: str
    options: Callable[[Path], Sequence[str]]
    jupyter: bool = False
    only: str = ""
    secret: Callable[[Path], str] = _no_secret

    def command(self, folder: Path, program: Sequence[str] = COMMAND) -> list[str]:
        """Return the command that starts it; ``program`` is what is run as ``driftdb``."""
        if self.jupyter:
            return [sys.executable, "-m", "jupyter_server", *self.options(folder)]
        return [*program, "serve", "--port=0", *_STANDALONE, *self.options(folder)]

    def piece(self, piece: bytes, secret: str = "") -> bytes:
        """Return a piece of a case as it is said there."""
        if self.jupyter:
            piece = _START.sub(rb"\1/driftdb/", piece)
        if secret and b"Authorization" not in piece:
            piece = piece.replace(_HOST, _HOST + f"Authorization: DriftDB {secret}\r\n".encode())
        return piece


def _jupyter(folder: Path) -> Sequence[str]:
    return (
        *("--no-browser", "--allow-root", "--port=0", "--ServerApp.ip=127.0.0.1"),
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
        *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
    )


PLACES = {
    place.name: place
    for place in (
        Place("plain", lambda folder: ()),
        Place("deflate", lambda folder: ("--DriftDB.compression=True",)),
        Place("tls", lambda folder: (f"--certfile={CERTIFICATE}",)),
        Place("jupyter", _jupyter, jupyter=True),
        Place(
            "admin",
            lambda folder: (f"--data={folder / 'rooms'}",),
            only="/admin/",
            secret=_secret_of_administration,
        ),
    )
}
"""By their names; ``admin``: what the ``driftdb`` command asks a server for, with its secret."""
