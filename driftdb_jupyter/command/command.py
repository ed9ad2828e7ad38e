"""A command: how it reads its arguments, and how it says what is wrong with them."""

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
    """A command; ``examples`` are lines that its help shows."""

    def __init__(self, name: str | None = None, *, examples: str = "", **more: Any) -> None:
        super().__init__(name, add_help_option=False, **more)
        self.params += self.general_options()
        self.examples = examples
        self.context_settings = {
            "max_content_width": _MOST_COLUMNS,
            "allow_extra_args": True,  # they are refused in our words
            **self.context_settings,
        }

    def general_options(self) -> list[Option]:
        """Return the options that it shares with others."""
        return [HELP, VERSION]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; raises :class:`click.UsageError`, in words for who typed them."""
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
        """Say with our words what click says of options."""
        try:
            yield
            return
        except click.NoSuchOption as error:
            message = self._no_such(ctx, error.option_name, words)
        except click.BadOptionUsage as error:
            name, value = given([error.option_name], words)
            message = _no_value(name, value)
            if value is None:
                message = f"{error.option_name}: expected a value, got none"
        except click.BadParameter as error:
            message = error.message
            if isinstance(error.param, click.Option):
                message = f"{typed(error.param.opts, words)}: {message}"
        raise click.UsageError(message, ctx)

    def option_names(self, ctx: click.Context) -> list[str]:
        """Return the names that a mistyped one may mean: those of more than a letter."""
        params = self.get_params(ctx)
        return [name for each in params for name in each.opts if name.startswith("--")]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say how it is used."""
        super().format_help(ctx, formatter)
        self.format_end(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is typed."""
        pieces = [each.metavar for each in self.get_params(ctx) if isinstance(each, click.Argument)]
        usage = " ".join(["[options]", *filter(None, pieces)])
        formatter.write_usage(ctx.command_path, usage, prefix="usage: ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it does."""
        formatter.write_paragraph()
        formatter.write_text(cleandoc(self.help or ""))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under the titles of their sections, the general ones last."""
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
        """Write what else there is to know."""
        if self._takes_arguments(ctx):
            formatter.write_paragraph()
            formatter.write_text("Put -- before an argument that begins with a dash.")

    def _takes_arguments(self, ctx: click.Context) -> bool:
        return any(isinstance(each, click.Argument) for each in self.get_params(ctx))

    def _no_such(self, ctx: click.Context, name: str, words: Sequence[str]) -> str:
        if name == "-=":  # -f=1, where -f takes no value
            flags = [opt for each in self.get_params(ctx) for opt in each.opts]
            name, value = given([opt for opt in flags if len(opt) == 2], words)
            return _no_value(f"-{name[-1]}", value)
        if not name.startswith("--"):  # click names a letter; people look for what they typed
            name, _ = given([name], words)
        dashes = self._takes_arguments(ctx)
        advice = "; put -- before an argument that begins with a dash" if dashes else ""
        near = meant(name, self.option_names(ctx))
        return f"there is no option {name}{near}, see {ctx.command_path} -h{advice}"


def meant(name: str, known: Collection[str]) -> str:
    """Return a question whether the nearest of the known names is meant; empty if none is near.

    Of names with a dot those of the same class are compared by what is behind it.
    """
    owner, dot, _ = name.rpartition(".")
    same = [each for each in known if dot and each.startswith(owner + dot)]
    start = len(owner + dot) if same else 0
    tails = [each[start:] for each in same or known]
    near = get_close_matches(name[start:], tails, n=1)
    return f" (did you mean {name[:start]}{near[0]}?)" if near else ""


def write_table(
    formatter: click.HelpFormatter, title: str, rows: Iterable[tuple[str, str]]
) -> None:
    """Write what there is, and what each is for, below a title; nothing where there is none."""
    padded = [(head.ljust(_HEAD_COLUMNS), text) for head, text in rows]
    if padded:
        with formatter.section(title):
            formatter.write_dl(padded, col_max=_HEAD_COLUMNS)


def run(command: click.Command, name: str, words: list[str]) -> int:
    """Run a command, and tell in a line what goes wrong; returns the exit status."""
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
        say(error.message, command=error.command)
        return error.exit_code
    except BrokenPipeError:  # `driftdb tail … | head` just ends
        silence(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _no_value(name: str, value: str | None) -> str:
    return f"{name}: expected no value, got {value!r}"


def _check_text(ctx: click.Context, words: Iterable[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(
                f"expected arguments in UTF-8, got {word!r} (in the locale C nothing else "
                "than ASCII can be read: LC_ALL=C.UTF-8 is another)",
                ctx,
            ) from None
