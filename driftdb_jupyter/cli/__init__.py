"""The ``driftdb`` command.

::

    main                the entry point, and the list of the subcommands
    commands            a module for each subcommand
    subcommand          what all subcommands have in common; status: exit statuses
    configured          subcommands with settings
    stored, journal, store, progress: subcommands that manage all rooms of a server
    member, location    subcommands that take part in one room, and how it is found
    hearing, record     what they receive, and how it is printed
    source, line_values the input of append
    completion          what a shell offers when Tab is pressed
"""

from .main import main

__all__ = ["main"]
