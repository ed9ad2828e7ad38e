"""How a command is used, in words for who types it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from textwrap import fill, indent, wrap
from typing import TYPE_CHECKING

from .option import Option, options_of

if TYPE_CHECKING:
    from .checked import CheckedCommand

__all__ = ["help_of"]

_HEAD_COLUMNS = 24
_MOST_COLUMNS = 100


def help_of(command: CheckedCommand, *, classes: bool = False) -> str:
    """What ``--help`` prints; with ``classes`` all of the settings that have no option, too."""
    return "\n\n".join(_parts(command, classes))


def _parts(command: CheckedCommand, classes: bool) -> Iterator[str]:
    columns = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    options = "" if command.subcommands else "[options] "
    yield f"usage: {command.called} {options}{command.arguments}".rstrip()
    for paragraph in cleandoc(str(command.description)).split("\n\n"):
        yield fill(" ".join(paragraph.split()), columns)
    if command.subcommands:
        helps = ((name, help) for name, (_, help) in command.subcommands.items())
        yield _table("commands", helps, columns)
    titles: dict[str, list[Option]] = {"options": []}
    titles |= {title: [] for title in command.groups.values()}
    for option in options_of(type(command)):
        titles[command.groups.get(option.owner, "options")].append(option)
    for title, listed in titles.items():
        if listed:
            yield _table(title, map(_row, listed), columns)
    if command.examples:
        yield "examples:\n" + indent(cleandoc(str(command.examples)), "  ")
    if classes:
        yield from (cls.class_get_help() for cls in command.classes)
    elif type(command).classes:
        yield fill(
            "Other settings are given as --CLASS.NAME=VALUE; --help-all lists them.", columns
        )
    if command.subcommands:
        yield f"{command.called} COMMAND -h says what there is to each."
    elif command.arguments:
        yield "Put -- before an argument that begins with a dash."


def _row(option: Option) -> tuple[str, str]:
    text = " ".join(option.help.split())
    if option.default and option.owner != "Application":
        text = f"{text.removesuffix('.')} (default: {option.default})."
    return f"{', '.join(option.names)} {option.value}".strip(), text


def _table(title: str, rows: Iterable[tuple[str, str]], columns: int) -> str:
    lines = [f"{title}:"]
    for head, text in rows:
        first, *more = wrap(text, columns - _HEAD_COLUMNS) or [""]
        if len(head) > _HEAD_COLUMNS - 4:
            lines.append(f"  {head}")
            head = ""
        lines.append(f"  {head:<{_HEAD_COLUMNS - 2}}{first}")
        lines += [f"{'':{_HEAD_COLUMNS}}{line}" for line in more]
    return "\n".join(lines)
