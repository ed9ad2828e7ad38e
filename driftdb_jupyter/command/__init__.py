"""The building blocks of the ``driftdb`` commands: click, with messages and help of our own.

::

    command     a command: parsing, messages about its arguments, help
    group       a command of commands
    parameter   options and arguments; types: how their values are read
    words       which words of a command line are options
    printing    output that may not be taken; failure: exit statuses
    terminal    what of others' text may reach a terminal
"""
