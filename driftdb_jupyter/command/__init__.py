"""What every command of ``driftdb`` is made of: click, with words of our own.

::

    command     a command, its help, and what it says of arguments that make no sense
    parameter   its options and arguments; types: what may be given as their values
    words       what is typed: which words click takes for options
    printing    what is printed, where nobody may take it; failure: how a command ends
"""
