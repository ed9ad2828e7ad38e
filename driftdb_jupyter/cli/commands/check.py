"""``driftdb check``."""

from __future__ import annotations

import click

from ...command.printing import put
from ..configured import Settings
from ..progress import working
from ..status import FAILED
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command()
@data_option
def command(settings: Settings, data: str) -> None:
    """Look for damage in what is kept; exits with 1 if there is any."""
    with opened(data, settings) as store:
        with working("Checking"):
            damage = store.check()
        for line in damage:
            put(line)
        if damage:
            click.get_current_context().exit(FAILED)
        put("No damage was found.")
