"""The ``driftdb`` command: its subcommands, and where each is to be found."""

from __future__ import annotations

import sys

from jupyter_core.application import JupyterApp

from .._version import __version__
from ..arguments import USAGE
from .status import INTERRUPTED

__all__ = ["main"]


class Command(JupyterApp):
    """Real-time rooms for notebooks, pages and programs."""

    name = "driftdb"
    version = __version__
    description = __doc__
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
            print(f"driftdb: expected one of {known}, got {self.extra_args[0]!r}", file=sys.stderr)
            self.exit(USAGE)
        if self.subapp is None:
            self.print_help()
            self.exit(USAGE)
        super().start()


def main(argv: list[str] | None = None) -> None:
    """Run the command with these arguments (the process's own by default)."""
    try:
        Command.launch_instance(argv)
    except KeyboardInterrupt:  # before a command was under way
        sys.exit(INTERRUPTED)
