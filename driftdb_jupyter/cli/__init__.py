"""The ``driftdb`` command.

::

    main                which subcommands there are; each has a module of its name
    subcommand          how all of them begin, fail and end; status: with which exit status
    rooms, place, store, progress: those that look after all rooms of a server
    member, address, seconds: those that take part in one room, and which one that is
    hearing, record, terminal: what they hear, and how it is printed
    source, line_values what append reads
    completion          what lets a shell complete it all
"""

from .main import main

__all__ = ["main"]
