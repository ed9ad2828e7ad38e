"""The subcommands, one a module; :mod:`..main` lists them.

A module says what its command is called and takes. What the work needs it imports when there is
work to do, so that help and completion are quick.
"""
