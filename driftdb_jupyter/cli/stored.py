"""The parts that all commands share that manage the rooms of a server.

They ask the server that has the journal open. If none is running they open it themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..command.parameter import option
from ..command.types import File
from .configured import Configured, Settings, server_of
from .subcommand import make_command

if TYPE_CHECKING:
    from traitlets.config import Configurable

    from .store import Store

__all__ = ["data_option", "opened", "rooms_command"]

F = TypeVar("F", bound=Callable[..., Any])


def _classes() -> list[type[Configurable]]:
    from ..server.settings import DriftDB

    return [DriftDB]


rooms_command = partial(make_command, cls=Configured, classes=_classes)
"""Return a decorator for a command with the settings of rooms; see :func:`.make_command`."""


def data_option(function: F) -> F:
    """Add ``--data`` to a command."""
    return option(
        "--data",
        metavar="FOLDER",
        type=File(),
        default="",
        help="Where the rooms are kept: the folder that a server was given with --data, or a "
        "journal's file. By default those of the Jupyter server whose root is the current folder, "
        "else of the only Jupyter server there is.",
    )(function)


@contextmanager
def opened(data: str, settings: Settings, *, new: bool = False) -> Iterator[Store]:
    """Open the rooms of the running server, else of the journal; ``new``: it need not exist.

    Raises as :func:`.journal_path` and :func:`.local_store` do.
    """
    import logging

    from .journal import journal_path, local_store
    from .store import running

    journal = journal_path(data, new=new)
    remote = running(journal)
    if remote is not None:
        logging.getLogger(__name__).debug("Through the server that has %s open", journal)
        yield remote
        return
    with local_store(journal, server_of(settings).settings()) as local:
        yield local
