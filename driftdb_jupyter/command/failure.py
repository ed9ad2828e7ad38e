"""Exit statuses, and the error that ends a command with one."""

from __future__ import annotations

import click

__all__ = ["BROKEN_PIPE", "FAILED", "INTERRUPTED", "USAGE", "Failure"]

FAILED = 1
"""Exit status of any other failure."""

USAGE = 2
"""Exit status if the arguments make no sense."""

INTERRUPTED = 130
"""Exit status after Ctrl-C (128 + SIGINT)."""

BROKEN_PIPE = 141
"""Exit status if the standard output was closed early (128 + SIGPIPE)."""


class Failure(click.ClickException):
    """Ends a command with a message of one line and an exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click has one for each class
        context = click.get_current_context(silent=True)
        self.command = context.command_path if context is not None else ""
