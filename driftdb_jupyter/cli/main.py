"""The ``driftdb`` command: its subcommands, and where each is to be found."""

from __future__ import annotations

from jupyter_core.application import JupyterApp

from .._version import __version__

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
        "rooms": ("driftdb_jupyter.cli.rooms.RoomsCommand", "List rooms."),
        "export": ("driftdb_jupyter.cli.rooms.ExportCommand", "Write a room as JSON Lines."),
        "import": ("driftdb_jupyter.cli.rooms.ImportCommand", "Bring an exported room back."),
        "delete": ("driftdb_jupyter.cli.rooms.DeleteCommand", "Delete rooms."),
        "vacuum": ("driftdb_jupyter.cli.rooms.VacuumCommand", "Give space back to the disk."),
        "check": ("driftdb_jupyter.cli.rooms.CheckCommand", "Look for damage."),
    }

    def start(self) -> None:
        """Run the subcommand; without one say which there are."""
        if self.subapp is None:
            self.print_help()
            self.exit(2)
        super().start()


def main(argv: list[str] | None = None) -> None:
    """Run the command with these arguments (the process's own by default)."""
    Command.launch_instance(argv)
