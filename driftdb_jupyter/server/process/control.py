"""The control file: how the ``driftdb`` command finds the server that holds a journal."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from ...broker.file.filesystem import open_private

__all__ = ["Control", "control_file", "control_path", "read_control"]

_log = logging.getLogger("driftdb_jupyter")


class Control(Struct, frozen=True):
    """The address of a running server, and the secret of its administration.

    ``url`` is the server's root with a slash at its end, ``certfile`` its own TLS certificate.
    """

    url: str
    secret: str
    pid: int
    certfile: str | None = None


def control_path(journal: Path) -> Path:
    """Return the path of the control file of a journal."""
    return journal.with_name(journal.name + ".server.json")


@contextlib.contextmanager
def control_file(journal: str | None, control: Control) -> Iterator[None]:
    """Say where the server is that has a journal open, to this user alone; while it runs.

    The journal's file need not be there: rooms may be in Redis. Without a journal there is nothing
    to say. A disk that can't be written keeps no server from starting and from ending as it
    should: then the log says what that means.
    """
    if journal is None:
        yield
        return
    path = control_path(Path(journal))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, control)
    except OSError as error:
        _log.warning(
            "%s can't be written (%s): no driftdb command finds this server by its folder",
            path,
            error.strerror,
        )
    try:
        yield
    finally:
        try:
            # Another server of these rooms may have said meanwhile where it is.
            if read_control(Path(journal)) in (control, None):
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s can't be removed (%s): remove it", path, error.strerror)


def _write(path: Path, control: Control) -> None:
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with open(open_private(str(partial), os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        file.write(msgspec.json.encode(control))
    partial.replace(path)


def read_control(journal: Path) -> Control | None:
    """Return the address of the server that was started last, ``None`` if it has ended cleanly.

    A file that is a symbolic link, or another user's than the journal, is not believed.
    """
    try:
        with open(open_private(str(control_path(journal)), os.O_RDONLY), "rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            if owner != _own_uid() and owner != os.stat(journal).st_uid:
                return None
            return msgspec.json.decode(file.read(), type=Control)
    except (OSError, msgspec.MsgspecError):
        return None


def _own_uid() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
