"""``driftdb rooms``, ``export``, ``import``, ``delete``, ``vacuum`` and ``check``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO

import msgspec
from traitlets import Bool, Unicode

from ..broker.broker import RoomSummary
from ..rooms.dump import read_head
from ..server.settings import DriftDB
from .place import journal_path, local_store
from .progress import counted, working
from .status import FAILED, FileFailed
from .store import Store, running
from .subcommand import Subcommand
from .terminal import one_line, put, write

__all__ = [
    "CheckCommand",
    "DeleteCommand",
    "ExportCommand",
    "ImportCommand",
    "RoomsCommand",
    "VacuumCommand",
]

_DATA_HELP = (
    "Where the rooms are kept: the directory that a server was given with --data, or a journal's "
    "file. By default the Jupyter server's, where there is only one."
)


class RoomCommand(Subcommand):
    """What the commands have in common.

    They go through the server that has the journal open; where none runs they open it themselves.
    """

    classes = [DriftDB]  # noqa: RUF012
    aliases: dict[Any, Any] = {**Subcommand.aliases, "data": "RoomCommand.data"}  # noqa: RUF012

    data = Unicode("", config=True, help=_DATA_HELP).tag(metavar="FOLDER")

    def run(self) -> None:
        """Find the rooms, and do the work."""
        self.check_arguments()
        with self.store() as store:
            self.work(store)

    def check_arguments(self) -> None:
        """End where those that are no options make no sense."""
        self.no_argument()

    @contextmanager
    def store(self, *, new: bool = False) -> Iterator[Store]:
        """The rooms of the running server, else of the journal; ``new``: it may not be there."""
        journal = journal_path(self.data, new=new)
        remote = running(journal)
        if remote is not None:
            self.log.debug("Through the server that has %s open", journal)
            yield remote
            return
        with local_store(journal, DriftDB(parent=self)) as local:
            yield local

    def work(self, store: Store) -> None:
        """Do what the command is for."""
        raise NotImplementedError


class RoomsCommand(RoomCommand):
    """List all rooms: how much they keep, and when they were last used."""

    name = "driftdb-rooms"
    description = __doc__
    examples = """
    driftdb rooms
    driftdb rooms --data ./rooms --json | jq .name
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **RoomCommand.flags,
        "json": ({"RoomsCommand": {"json": True}}, "Print JSON Lines."),
    }
    json = Bool(False, config=True, help="Whether to print JSON Lines.")

    def work(self, store: Store) -> None:
        """Print a line for each."""
        rooms = store.rooms()
        if self.json:
            for room in rooms:
                put(msgspec.json.encode(room).decode())
        else:
            _print_table(rooms)


class ExportCommand(RoomCommand):
    """Write a room to the standard output, as JSON Lines."""

    name = "driftdb-export"
    description = __doc__
    arguments = "ROOM"
    examples = """
    driftdb export lecture > lecture.jsonl
    driftdb export lecture | gzip > lecture.jsonl.gz
    driftdb export --data ./rooms lecture | driftdb import --data ./others
    """

    def check_arguments(self) -> None:
        """There has to be one."""
        self.only_argument("the name of one room")

    def work(self, store: Store) -> None:
        """Write its lines."""
        [name] = self.extra_args
        for piece in counted(store.export(name), f"Exporting {name}"):
            write(piece)


class ImportCommand(RoomCommand):
    """Bring back a room that was exported, from a file or from the standard input."""

    name = "driftdb-import"
    description = __doc__
    arguments = "[FILE]"
    examples = """
    driftdb import lecture.jsonl
    driftdb import --room lecture-2 --replace < lecture.jsonl
    """
    aliases: dict[Any, Any] = {**RoomCommand.aliases, "room": "ImportCommand.room"}  # noqa: RUF012
    flags: dict[Any, Any] = {  # noqa: RUF012
        **RoomCommand.flags,
        "replace": (
            {"ImportCommand": {"replace": True}},
            "Put the room in the place of another of that name.",
        ),
    }
    room = Unicode("", config=True, help="The room's name; by default the one in the file.")
    replace = Bool(False, config=True, help="Whether a room of that name may be replaced.")

    def check_arguments(self) -> None:
        """There may be a file."""
        if len(self.extra_args) > 1:
            self.misused(f"expected one file, got {len(self.extra_args)}")

    def run(self) -> None:
        """Read its lines, and give them to the store, which may begin with this room."""
        self.check_arguments()
        with self._source() as (name, source):
            lines = _lines(source, name)
            first = next(lines, b"")
            head = read_head(first)
            room = self.room or head.room
            with self.store(new=True) as store:  # not before it is sure that there is a room
                pieces = counted(chain([first], lines), f"Importing {room}")
                store.put(room, pieces, replace=self.replace)

    @contextmanager
    def _source(self) -> Iterator[tuple[str, BinaryIO]]:
        [path] = self.extra_args or ["-"]
        if path == "-":
            yield "the standard input", self.standard_input()
            return
        with open(path, "rb") as file:
            yield path, file


class DeleteCommand(RoomCommand):
    """Delete rooms for ever; who is in one is told."""

    name = "driftdb-delete"
    description = __doc__
    arguments = "ROOM …"
    examples = """
    driftdb delete lecture
    """

    def check_arguments(self) -> None:
        """There has to be one at least."""
        if not self.extra_args:
            self.misused("expected the names of rooms, got none")

    def work(self, store: Store) -> None:
        """Delete each."""
        for name in self.extra_args:
            store.delete(name)


class VacuumCommand(RoomCommand):
    """Give the space of what was deleted back to the disk."""

    name = "driftdb-vacuum"
    description = __doc__

    def work(self, store: Store) -> None:
        """Do it, and say how much that was."""
        with working("Giving space back"):
            size = store.vacuum()
        put(f"{size / 1e6:,.1f} MB were given back.")


class CheckCommand(RoomCommand):
    """Look for damage in what is kept."""

    name = "driftdb-check"
    description = __doc__

    def work(self, store: Store) -> None:
        """Say what was found; exits with 1 where that is anything."""
        with working("Checking"):
            damage = store.check()
        for line in damage:
            put(line)
        if damage:
            self.exit(FAILED)
        put("No damage was found.")


def _lines(source: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        yield from source
    except OSError as error:
        raise FileFailed(f"can't read {name}: {error.strerror}") from None


def _print_table(rooms: list[RoomSummary]) -> None:
    shown = [one_line(room.name) for room in rooms]
    width = max([4, *map(len, shown)])
    put(f"{'ROOM':<{width}}  {'KEYS':>6}  {'SEQ':>10}  {'SIZE':>10}  LAST USED")
    for room, name in zip(rooms, shown, strict=True):
        used = datetime.fromtimestamp(room.used_at).strftime("%Y-%m-%d %H:%M")
        size = f"{room.bytes / 1000:,.1f} kB"
        put(f"{name:<{width}}  {room.keys:>6}  {room.seq:>10}  {size:>10}  {used}")
