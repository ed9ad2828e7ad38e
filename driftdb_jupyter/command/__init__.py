"""What every command of ``driftdb`` is made of.

::

    checked             a command: reads its arguments, says what is wrong, and ends
    line, option, help  what was typed, what may be typed, and how it is used
    printing            what is printed, where it may be that nobody takes it
"""

from .checked import BROKEN_PIPE, FAILED, USAGE, CheckedCommand

__all__ = ["BROKEN_PIPE", "FAILED", "USAGE", "CheckedCommand"]
