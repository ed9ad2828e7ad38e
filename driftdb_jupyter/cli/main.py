"""The ``driftdb`` command: its subcommands, and where each is to be found."""

from __future__ import annotations

import os
import sys

from ..command import USAGE, CheckedCommand
from .status import INTERRUPTED

__all__ = ["main"]


class Command(CheckedCommand):
    """Real-time rooms for notebooks, pages and programs."""

    name = "driftdb"
    description = __doc__
    arguments = "COMMAND [options] [arguments]"
    aliases = {}  # noqa: RUF012
    flags = {}  # noqa: RUF012
    subcommands = {  # noqa: RUF012
        "serve": (
            "driftdb_jupyter.server.standalone.StandaloneServer",
            "Host rooms without Jupyter.",
        ),
        "new": ("driftdb_jupyter.cli.new.NewCommand", "Make a room, and print its URL."),
        "push": ("driftdb_jupyter.cli.push.PushCommand", "Write a value."),
        "get": ("driftdb_jupyter.cli.get.GetCommand", "Print a value."),
        "append": (
            "driftdb_jupyter.cli.append.AppendCommand",
            "Add the lines of the standard input to a stream.",
        ),
        "tail": ("driftdb_jupyter.cli.tail.TailCommand", "Print a stream, and what comes."),
        "watch": ("driftdb_jupyter.cli.watch.WatchCommand", "Print values as they change."),
        "presence": ("driftdb_jupyter.cli.presence.PresenceCommand", "Print who is in a room."),
        "inspect": ("driftdb_jupyter.cli.inspect.InspectCommand", "Print what a room holds."),
        "open": ("driftdb_jupyter.cli.open.OpenCommand", "Open a room's page in the browser."),
        "completion": (
            "driftdb_jupyter.cli.completion.CompletionCommand",
            "Print what lets a shell complete this command.",
        ),
        "rooms": ("driftdb_jupyter.cli.rooms.RoomsCommand", "List rooms."),
        "export": ("driftdb_jupyter.cli.rooms.ExportCommand", "Write a room as JSON Lines."),
        "import": ("driftdb_jupyter.cli.rooms.ImportCommand", "Bring an exported room back."),
        "delete": ("driftdb_jupyter.cli.rooms.DeleteCommand", "Delete rooms."),
        "vacuum": ("driftdb_jupyter.cli.rooms.VacuumCommand", "Give space back to the disk."),
        "check": ("driftdb_jupyter.cli.rooms.CheckCommand", "Look for damage."),
    }

    def start(self) -> None:
        """Run the subcommand; without one say which there are."""
        if self.subapp is None and self.extra_args:
            known = ", ".join(self.subcommands)
            self.fail(f"expected one of {known}, got {self.extra_args[0]!r}", USAGE)
        if self.subapp is None:
            self.print_help()
            self.exit(USAGE)
        super().start()


def main(argv: list[str] | None = None) -> None:
    """Run the command with these arguments (the process's own by default)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: nobody wants what is printed there
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it is open to the end
    try:
        Command.launch_instance(argv)
    except KeyboardInterrupt:  # before a command was under way
        sys.exit(INTERRUPTED)
