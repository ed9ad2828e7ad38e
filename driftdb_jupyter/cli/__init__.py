"""The ``driftdb`` command.

::

    main                which subcommands there are; commands: a module for each
    subcommand          how all of them begin, fail and end; status: with which exit status
    configured          those that have settings
    stored, journal, store, progress: those that look after all rooms of a server
    member, location    those that take part in one room, and which one that is
    hearing, record, terminal: what they hear, and how it is printed
    source, line_values what append reads
    completion          what a shell offers when Tab is pressed
"""

from .main import main

__all__ = ["main"]
