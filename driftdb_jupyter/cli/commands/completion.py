"""``driftdb completion``."""

from __future__ import annotations

import click

from ...command.parameter import arguments, one
from ...command.printing import print_line
from ...command.types import Choice
from ..completion import SHELLS, script
from ..subcommand import make_command

__all__ = ["command"]


@make_command(
    examples="""
    source <(driftdb completion bash)                                # in ~/.bashrc
    source <(driftdb completion zsh)                                 # in ~/.zshrc
    driftdb completion fish > ~/.config/fish/completions/driftdb.fish
    """,
)
@arguments(
    "shell",
    "SHELL",
    type=Choice(SHELLS, expected="bash, zsh or fish"),
    callback=one("a shell: bash, zsh or fish"),
)
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script with which bash, zsh or fish completes this command."""
    print_line(script(ctx.find_root().command, shell))
