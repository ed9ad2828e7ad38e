"""A command: how it parses its arguments, reports mistakes in them, and shows its help."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from inspect import cleandoc
from typing import Any

import click

from .failure import BROKEN_PIPE, INTERRUPTED, USAGE, Failure
from .parameter import GENERAL, HELP, VERSION, Option
from .printing import flush, say, silence
from .words import given, quoted, typed, unquoted

__all__ = ["Command", "meant", "run", "write_table"]

_HEAD_COLUMNS = 20
_MOST_COLUMNS = 100


class Command(click.Command):
    """A command; ``examples`` are lines that are shown in its help."""

    def __init__(self, name: str | None = None, *, examples: str = "", **more: Any) -> None:
        super().__init__(name, add_help_option=False, **more)
        self.params += self.general_options()
        self.examples = examples
        self.context_settings = {
            "max_content_width": _MOST_COLUMNS,
            "allow_extra_args": True,  # parse_args refuses them, with a message of its own
            **self.context_settings,
        }

    def general_options(self) -> list[Option]:
        """Return the options that it has in common with other commands."""
        return [HELP, VERSION]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line; raises :class:`click.UsageError`."""
        _check_text(ctx, args)
        words = list(args)
        with self.explaining(ctx, words):
            rest = super().parse_args(ctx, quoted(words))
        if rest and not ctx.resilient_parsing:
            word = unquoted(rest[0], of_option=False)
            raise click.UsageError(f"expected no argument, got {word!r}", ctx)
        return rest

    @contextmanager
    def explaining(self, ctx: click.Context, words: Sequence[str]) -> Iterator[None]:
        """Replace the messages of click's errors about options."""
        try:
            yield
            return
        except click.NoSuchOption as error:
            message = self._no_such(ctx, error.option_name, words)
        except click.BadOptionUsage as error:
            name = error.option_name
            message = f"{name}: expected a value, got none"
            if name in self._names(ctx, flags=True):
                message = _no_value(name, given([name], words))
        except click.BadParameter as error:
            message = error.message
            if isinstance(error.param, click.Option):
                message = f"{typed(error.param.opts, words)}: {message}"
        raise click.UsageError(message, ctx)

    def option_names(self, ctx: click.Context) -> list[str]:
        """Return the names among which a mistyped one is looked for: the long ones."""
        return [name for name in self._names(ctx) if name.startswith("--")]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help."""
        super().format_help(ctx, formatter)
        self.format_end(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line that shows how it is called."""
        pieces = [each.metavar for each in self.get_params(ctx) if isinstance(each, click.Argument)]
        usage = " ".join(["[options]", *filter(None, pieces)])
        formatter.write_usage(ctx.command_path, usage, prefix="usage: ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description."""
        formatter.write_paragraph()
        formatter.write_text(cleandoc(self.help or ""))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section, the general ones last."""
        sections: dict[str, list[tuple[str, str]]] = {"options": []}
        options = [each for each in self.get_params(ctx) if isinstance(each, Option)]
        for each in sorted(options, key=lambda option: option.section == GENERAL):
            if not each.hidden:
                sections.setdefault(each.section, []).append(each.get_help_record(ctx))
        for title, rows in sections.items():
            write_table(formatter, title, rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("examples"):
                for line in cleandoc(self.examples).splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_end(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the last lines of the help."""
        if self._takes_arguments(ctx):
            formatter.write_paragraph()
            formatter.write_text("Put -- before an argument that begins with a dash.")

    def _takes_arguments(self, ctx: click.Context) -> bool:
        return any(isinstance(each, click.Argument) for each in self.get_params(ctx))

    def _names(self, ctx: click.Context, *, flags: bool = False) -> list[str]:
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        return [name for each in options if each.is_flag or not flags for name in each.opts]

    def _no_such(self, ctx: click.Context, name: str, words: Sequence[str]) -> str:
        if name == "-=":  # -f=1, and -f takes no value
            flags = [name for name in self._names(ctx, flags=True) if len(name) == 2]
            found = [(f"-{word[-1]}", value) for word, value in given(flags, words)]
            [name, value] = next(each for each in found if each[0] in flags and each[1] is not None)
            return _no_value(name, [(name, value)])
        if not name.startswith("--"):  # click names a letter; people look for what they typed
            name, _ = next(given([name], words), (name, None))
        advice = ""
        if self._takes_arguments(ctx):
            advice = "; put -- before an argument that begins with a dash"
        near = meant(name, self.option_names(ctx))
        return f"there is no option {name}{near}, see {ctx.command_path} -h{advice}"


def meant(name: str, known: Collection[str]) -> str:
    """Return the question whether the nearest known name is meant, or nothing if none is near.

    Of a setting (``--CLASS.NAME``) the class is compared first, and then what follows it.
    """
    owner, dot, tail = name.rpartition(".")
    owners = {each.rpartition(".")[0] for each in known if "." in each}
    start = "".join(f"{each}{dot}" for each in get_close_matches(owner, owners, n=1))
    tails = [each.removeprefix(start) for each in known if each.startswith(start)]
    near = get_close_matches(tail if start else name, tails, n=1)
    return f" (did you mean {start}{near[0]}?)" if near else ""


def write_table(
    formatter: click.HelpFormatter, title: str, rows: Iterable[tuple[str, str]]
) -> None:
    """Write rows of names and their descriptions below a title; nothing if there are no rows."""
    padded = [(head.ljust(_HEAD_COLUMNS), text) for head, text in rows]
    if padded:
        with formatter.section(title):
            formatter.write_dl(padded, col_max=_HEAD_COLUMNS)


def run(command: click.Command, name: str, words: list[str]) -> int:
    """Run a command and return its exit status; an error is one line on the standard error."""
    try:
        with command.make_context(name, words) as context:
            command.invoke(context)
            flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        say(error.message, command=error.ctx.command_path if error.ctx else name)
        return USAGE
    except Failure as error:
        say(error.message, command=error.command or name)
        return error.exit_code
    except BrokenPipeError:  # `driftdb tail … | head` just ends
        silence(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _no_value(name: str, words: Iterable[tuple[str, str | None]]) -> str:
    value = next(value for _, value in words if value is not None)
    return f"{name}: expected no value, got {value!r}"


def _check_text(ctx: click.Context, words: Iterable[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(
                f"expected arguments in UTF-8, got {word!r} (in the locale C only ASCII can be "
                "read; set LC_ALL=C.UTF-8)",
                ctx,
            ) from None
