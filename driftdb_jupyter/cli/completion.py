"""``driftdb completion``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from traitlets.utils.importstring import import_item

from ..command import CheckedCommand
from ..command.option import Option, options_of
from .subcommand import Subcommand
from .terminal import put

__all__ = ["CompletionCommand"]


class CompletionCommand(Subcommand):
    """Print what lets a shell complete this command: bash, zsh or fish."""

    name = "driftdb-completion"
    description = __doc__
    arguments = "SHELL"
    examples = """
    source <(driftdb completion bash)                                # in ~/.bashrc
    source <(driftdb completion zsh)                                 # in ~/.zshrc
    driftdb completion fish > ~/.config/fish/completions/driftdb.fish
    """

    def run(self) -> None:
        """Print it."""
        shell = self.only_argument("a shell: bash, zsh or fish")
        if shell not in _SCRIPTS:
            self.misused(f"expected bash, zsh or fish, got {shell!r}")
        assert isinstance(self.parent, CheckedCommand)
        known = {
            name: _Known.of(import_item(where), help)
            for name, (where, help) in self.parent.subcommands.items()
        }
        put(_SCRIPTS[shell](known, list(options_of(type(self.parent)))))


@dataclass(frozen=True)
class _Known:
    """A command: what it does, its options, and whether files are among its arguments."""

    help: str
    options: list[Option]
    files: bool

    @classmethod
    def of(cls, command: type[CheckedCommand], help: str) -> _Known:
        return cls(help, list(options_of(command)), "FILE" in command.arguments)


_Commands = Mapping[str, _Known]
_FILES = ("FILE", "FOLDER")
_SHELLS = "bash zsh fish"


def _valued(commands: _Commands) -> Iterator[tuple[str, Option]]:
    """The options with a value, each as ``COMMAND NAME``."""
    for command, known in commands.items():
        for option in known.options:
            for name in option.names if option.value else ():
                yield f"{command} {name}", option


def _names(options: list[Option]) -> str:
    return " ".join(name for option in options for name in option.names)


def _first_sentence(text: str) -> str:
    return re.split(r"[.;:](?: |$)", " ".join(text.split()), maxsplit=1)[0]


def _bash(commands: _Commands, own: list[Option]) -> str:
    cases = [f'"completion completion") words="{_SHELLS}" ;;']
    for before, option in _valued(commands):
        shown = "files=yes" if option.value in _FILES else f'words="{" ".join(option.choices)}"'
        cases.append(f'"{before}") {shown} ;;')
    for command, known in commands.items():
        files = " || files=yes" if known.files else ""
        options = _names(known.options)
        cases.append(f'"{command} "*) [[ $current == -* ]] && words="{options}"{files} ;;')
    lines = "\n        ".join(cases)
    return f"""\
_driftdb() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local words="" files=""
    if [[ $current == "=" ]]; then  # a word of its own, for bash
        current=""
    elif [[ $before == "=" ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    if [[ $COMP_CWORD -eq 1 ]]; then
        words="{" ".join(commands)}"
        [[ $current == -* ]] && words="{_names(own)}"
    else
        case "${{COMP_WORDS[1]}} $before" in
        {lines}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ -z $files ]] || compopt -o default 2> /dev/null
}}
complete -F _driftdb driftdb"""


def _zsh(commands: _Commands, own: list[Option]) -> str:
    described = " ".join(shlex.quote(f"{name}:{known.help}") for name, known in commands.items())
    cases = [f'"completion completion") compadd {_SHELLS}; return ;;']
    for before, option in _valued(commands):
        shown = "_files" if option.value in _FILES else f"compadd {' '.join(option.choices)}"
        cases.append(f'"{before}") {shown}; return ;;')
    for command, known in commands.items():
        files = "; [[ $PREFIX == -* ]] || _files" if known.files else ""
        cases.append(f'"{command} "*) described=({_described(known.options)}){files} ;;')
    lines = "\n  ".join(cases)
    return f"""\
#compdef driftdb
_driftdb() {{
  local before=$words[CURRENT-1]
  local -a described
  if (( CURRENT == 2 )); then
    if [[ $PREFIX == -* ]]; then
      described=({_described(own)})
      _describe option described
    else
      described=({described})
      _describe command described
    fi
    return
  fi
  if [[ $PREFIX == --*=* ]]; then
    before=${{PREFIX%%=*}}
    compset -P '*='
  fi
  case "$words[2] $before" in
  {lines}
  esac
  [[ $PREFIX == -* ]] && _describe option described
}}
compdef _driftdb driftdb"""


def _described(options: list[Option]) -> str:
    return " ".join(
        shlex.quote(f"{name}:{_first_sentence(option.help)}")
        for option in options
        for name in option.names
    )


def _fish(commands: _Commands, own: list[Option]) -> str:
    lines = ["complete -c driftdb -f"]
    begin = "complete -c driftdb -n __fish_use_subcommand"
    lines += [_fish_option(begin, option) for option in own]
    for command, known in commands.items():
        lines.append(f"{begin} -a {command} -d {shlex.quote(known.help)}")
    for command, known in commands.items():
        behind = f"complete -c driftdb -n '__fish_seen_subcommand_from {command}'"
        lines += [_fish_option(behind, option) for option in known.options]
        if known.files:
            lines.append(f"{behind} -F")
    lines.append(f"complete -c driftdb -n '__fish_seen_subcommand_from completion' -a '{_SHELLS}'")
    return "\n".join(lines)


def _fish_option(begin: str, option: Option) -> str:
    for name in option.names:
        begin += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
    if option.choices:
        begin += f" -x -a '{' '.join(option.choices)}'"
    elif option.value:
        begin += " -r -F" if option.value in _FILES else " -x"
    return f"{begin} -d {shlex.quote(_first_sentence(option.help))}"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
