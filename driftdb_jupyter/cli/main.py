"""The entry point of the ``driftdb`` command, and the list of its subcommands."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ..command.command import run
from ..command.group import Group
from ..command.printing import print_line
from .completion import VARIABLE, complete

__all__ = ["COMMANDS", "main"]

_PACKAGE = f"{__package__}.commands"

COMMANDS = {
    "serve": (f"{_PACKAGE}.serve", "Host rooms without Jupyter."),
    "new": (f"{_PACKAGE}.new", "Make a room, and print its URL."),
    "push": (f"{_PACKAGE}.push", "Write a value."),
    "get": (f"{_PACKAGE}.get", "Print a value."),
    "append": (f"{_PACKAGE}.append", "Append the lines of the standard input to a stream."),
    "tail": (f"{_PACKAGE}.tail", "Print the newest values of a stream, and follow it."),
    "watch": (f"{_PACKAGE}.watch", "Print values as they change."),
    "presence": (f"{_PACKAGE}.presence", "Print who is in a room."),
    "inspect": (f"{_PACKAGE}.inspect", "Print what a room holds."),
    "open": (f"{_PACKAGE}.open", "Open a room's page in the browser."),
    "completion": (
        f"{_PACKAGE}.completion",
        "Print the script that lets a shell complete this.",
    ),
    "rooms": (f"{_PACKAGE}.rooms", "List rooms."),
    "access": (f"{_PACKAGE}.access", "Say who may do what in a room."),
    "token": (f"{_PACKAGE}.token", "Sign tokens for a room, and take them back."),
    "links": (f"{_PACKAGE}.links", "Make, list and take back share links of a room."),
    "export": (f"{_PACKAGE}.export", "Write rooms as JSON Lines."),
    "import": (f"{_PACKAGE}.import_", "Bring exported rooms back."),
    "delete": (f"{_PACKAGE}.delete", "Delete rooms."),
    "backup": (f"{_PACKAGE}.backup", "Copy all rooms to a file."),
    "restore": (f"{_PACKAGE}.restore", "Bring back all rooms of a backup."),
    "vacuum": (f"{_PACKAGE}.vacuum", "Give space back to the disk."),
    "check": (f"{_PACKAGE}.check", "Look for damage."),
}
"""The module of each command, and what it does."""


def main(argv: list[str] | None = None) -> None:
    """Run the command with these arguments (the process's own by default), and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it is open to the end
    group = Group(
        "driftdb", subcommands=COMMANDS, help="Real-time rooms for notebooks, pages and programs."
    )
    asked = os.environ.get(VARIABLE)
    if asked:
        with suppress(KeyboardInterrupt):
            print_line(complete(group, asked))
        sys.exit(0)
    sys.exit(run(group, "driftdb", sys.argv[1:] if argv is None else argv))
