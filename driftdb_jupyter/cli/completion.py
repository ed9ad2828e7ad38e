"""Shell completion: the words offered when Tab is pressed.

The shell asks by running the command with ``_DRIFTDB_COMPLETE`` set, and click answers. What click
leaves out is ``--x=VALUE``, which is one word for zsh and fish and three for bash.
"""

from __future__ import annotations

from glob import escape, glob
from os.path import isdir

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)

__all__ = ["SHELLS", "VARIABLE", "complete", "script"]

VARIABLE = "_DRIFTDB_COMPLETE"
_NAME = "driftdb"


class _Bash(BashComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, without ``=``, and the one that is completed."""
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], incomplete


class _WholeWords(ShellComplete):
    """Answers with ``--x=VALUE``, the word as the shell has it, where click answers ``VALUE``."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what the word may become."""
        items = super().get_completions(args, incomplete)
        option, equals, typed = incomplete.partition("=")
        if not (equals and option.startswith("--")):
            return items
        return [each for item in items for each in self.whole(option, typed, item)]

    def whole(self, option: str, typed: str, item: CompletionItem) -> list[CompletionItem]:
        """Return the words for one value of an option."""
        if item.type != "plain":
            return [item]
        return [CompletionItem(f"{option}={item.value}", help=item.help)]


class _Zsh(_WholeWords, ZshComplete):
    # File names are completed by zsh itself, if it is told that only the value is meant.
    source_template = (
        ZshComplete.source_template
        + """
_driftdb_word() {
    [[ $PREFIX == --*=* ]] && compset -P '*='
    %(complete_func)s "$@"
}
[[ $zsh_eval_context[-1] == loadautofunc ]] || compdef _driftdb_word %(prog_name)s
"""
    )


class _Fish(_WholeWords, FishComplete):
    def whole(self, option: str, typed: str, item: CompletionItem) -> list[CompletionItem]:
        """Return the words for one value of an option; the files that begin so for a file."""
        if item.type != "file":
            return super().whole(option, typed, item)
        paths = [f"{path}/" if isdir(path) else path for path in glob(f"{escape(typed)}*")]
        return [CompletionItem(f"{option}={path}") for path in paths]


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
SHELLS = list(_SHELLS)


def script(command: click.Command, shell: str) -> str:
    """Return the script for a shell, one of :data:`SHELLS`."""
    return _SHELLS[shell](command, {}, _NAME, VARIABLE).source()


def complete(command: click.Command, instruction: str) -> str:
    """Return the answer to a shell; ``instruction`` is the value of :data:`VARIABLE`."""
    shell = instruction.removesuffix("_complete")
    if shell not in _SHELLS:
        return ""
    return _SHELLS[shell](command, {}, _NAME, VARIABLE).complete()
