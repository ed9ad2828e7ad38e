"""The parts that all commands share that manage the rooms of a server.

They ask the server that has the journal open. If none is running they open it themselves. With
``--redis`` they share the rooms as one more server does, whether others run or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..command.parameter import option
from ..command.types import File
from .configured import Configured, Settings, keep, server_of
from .status import Misuse, NoRooms
from .subcommand import make_command

if TYPE_CHECKING:
    from traitlets.config import Configurable

    from .store import Store

__all__ = ["data_option", "in_redis", "opened", "rooms_command"]

F = TypeVar("F", bound=Callable[..., Any])


def _classes() -> list[type[Configurable]]:
    from ..server.settings import DriftDB

    return [DriftDB]


rooms_command = partial(make_command, cls=Configured, classes=_classes)
"""Return a decorator for a command with the settings of rooms; see :func:`.make_command`."""


def data_option(function: F) -> F:
    """Add ``--data`` and ``--redis`` to a command; what ``--redis`` says is among its settings."""
    function = option(
        "--redis",
        metavar="URL",
        expose_value=False,
        callback=_keep_redis,
        help="The Redis that the rooms are in, in place of a folder: redis://USER@HOST:PORT/DB, "
        "rediss:// or unix://. Its password comes from DRIFTDB_REDIS_PASSWORD or the setting "
        "redis_password_file.",
    )(function)
    return option(
        "--data",
        metavar="FOLDER",
        type=File(),
        default="",
        help="Where the rooms are kept: the folder that a server was given with --data, or a "
        "journal's file. By default those of the Jupyter server whose root is the current folder, "
        "else of the only Jupyter server there is.",
    )(function)


def _keep_redis(ctx: click.Context, param: click.Parameter, url: str | None) -> None:
    if url is not None:
        keep(ctx, "DriftDB", "redis", url)


def in_redis(data: str, settings: Settings) -> bool:
    """Return True if the command is about rooms in Redis.

    Raises :class:`.Misuse` where a folder is named, too.
    """
    if not settings.get("DriftDB", {}).get("redis"):
        return False
    if data:
        raise Misuse("expected rooms in a folder (--data) or in Redis (--redis), got both")
    return True


@contextmanager
def opened(data: str, settings: Settings, *, new: bool = False) -> Iterator[Store]:
    """Open the rooms of the running server, else of the journal; ``new``: it need not exist.

    Those in Redis where the command is about these. Raises as :func:`.journal_path`,
    :func:`.local_store` and :func:`.redis_store` do.
    """
    import logging

    from .journal import journal_path, local_store
    from .store import running

    if in_redis(data, settings):
        from .redis_store import redis_store

        with redis_store(server_of(settings).settings()) as shared:
            yield shared
        return
    journal = journal_path(data, new=new)
    remote = running(journal)
    if remote is not None:
        logging.getLogger(__name__).debug("Through the server that has %s open", journal)
        yield remote
        return
    if not new and not journal.exists():
        raise NoRooms(
            "the Jupyter server of this folder has ended, and its rooms are in Redis: say where "
            "(--redis)"
        )
    with local_store(journal, server_of(settings).settings()) as local:
        yield local
