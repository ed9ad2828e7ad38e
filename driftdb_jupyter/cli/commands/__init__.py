"""The subcommands, one a module; :mod:`..main` lists them.

A module imports what its work needs inside its functions, so that help and completion are quick.
"""
