"""A command of commands that imports only the one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from .command import Command, meant, write_table
from .failure import USAGE
from .printing import print_line

__all__ = ["Group"]


class Group(Command, click.Group):
    """A command of commands.

    ``subcommands`` maps the name of each to its module, where it is called ``command``, and to one
    line of help, so that help and completion import none of them.
    """

    def __init__(
        self, name: str, *, subcommands: Mapping[str, tuple[str, str]], **more: Any
    ) -> None:
        super().__init__(name, **more)
        self.subcommands = subcommands

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what comes before the command; ``help COMMAND`` is ``COMMAND -h``.

        Without any words it shows the help and exits with :data:`.USAGE`.
        """
        if args[:1] == ["help"]:
            args = [*args[1:], "-h"]
        if not args and not ctx.resilient_parsing:
            print_line(ctx.get_help())
            ctx.exit(USAGE)
        with self.explaining(ctx, args):
            # Not the base class: the words after the command are for that command to parse.
            return click.Group.parse_args(self, ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self.subcommands:
            return None
        module, _ = self.subcommands[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; raises :class:`click.UsageError`."""
        name = args[0]
        if name not in self.subcommands and not ctx.resilient_parsing:
            known = ", ".join(self.subcommands)
            near = meant(name, self.subcommands)
            raise click.UsageError(f"expected one of {known}, got {name!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin with ``incomplete``."""
        return [
            *(
                CompletionItem(name, help=help)
                for name, (_, help) in self.subcommands.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line that shows how it is called."""
        usage = "COMMAND [options] [arguments]"
        formatter.write_usage(ctx.command_path, usage, prefix="usage: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        rows = ((name, help) for name, (_, help) in self.subcommands.items())
        write_table(formatter, "commands", rows)
        super().format_options(ctx, formatter)

    def format_end(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the last line of the help."""
        formatter.write_paragraph()
        formatter.write_text(f"{ctx.command_path} COMMAND -h shows the help of each command.")
