"""``driftdb completion``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from traitlets import Enum
from traitlets.utils.importstring import import_item

from .subcommand import Subcommand

__all__ = ["CompletionCommand", "Option"]


class CompletionCommand(Subcommand):
    """Print what lets a shell complete this command: bash, zsh or fish."""

    name = "driftdb-completion"
    description = __doc__
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
        assert self.parent is not None
        subcommands: Mapping[str, tuple[str, str]] = self.parent.subcommands
        helps = {name: help for name, (_, help) in subcommands.items()}
        options = {
            name: list(_options(import_item(where))) for name, (where, _) in subcommands.items()
        }
        print(_SCRIPTS[shell](helps, options), end="")


@dataclass(frozen=True)
class Option:
    """An option: its names with their dashes, and which values there are, where they are few."""

    names: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...] = ()


def _options(command: type[Any]) -> Iterator[Option]:
    traits = {
        f"{owner.__name__}.{name}": trait
        for owner in command.__mro__
        if hasattr(owner, "class_traits")
        for name, trait in owner.class_traits().items()
    }
    for names, where in command.aliases.items():
        trait = traits[where]
        choices = tuple(map(str, trait.values or ())) if isinstance(trait, Enum) else ()
        yield Option(_dashed(names), _first_sentence(trait.help), True, choices)
    for names, (_, help) in command.flags.items():
        yield Option(_dashed(names), _first_sentence(help), False)
    yield Option(("-h", "--help"), "Say how it is used.", False)


def _dashed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else names
    return tuple(f"-{name}" if len(name) == 1 else f"--{name}" for name in names)


def _first_sentence(text: str) -> str:
    return re.split(r"[.;:](?: |$)", " ".join(text.split()), maxsplit=1)[0]


_Helps = Mapping[str, str]
_Options = Mapping[str, list[Option]]
_SHELLS = "bash zsh fish"


def _bash(helps: _Helps, options: _Options) -> str:
    cases = []
    for command, known in options.items():
        for option in known:
            for name in option.names if option.choices else ():
                cases.append(f'        "{command} {name}") words="{" ".join(option.choices)}" ;;')
        names = " ".join(name for option in known for name in option.names)
        cases.append(f'        "{command} "*) [[ $current == -* ]] && words="{names}" ;;')
    cases.insert(0, f'        "completion completion") words="{_SHELLS}" ;;')
    lines = "\n".join(cases)
    return f"""\
_driftdb() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words=""
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words="{" ".join(helps)}"
    else
        case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{lines}
        esac
    fi
    [[ -n $words ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _driftdb driftdb
"""


def _zsh(helps: _Helps, options: _Options) -> str:
    commands = " ".join(shlex.quote(f"{name}:{help}") for name, help in helps.items())
    cases = []
    for command, known in options.items():
        for option in known:
            for name in option.names if option.choices else ():
                cases.append(f'    "{command} {name}") compadd {" ".join(option.choices)} ;;')
        described = " ".join(
            shlex.quote(f"{name}:{option.help}") for option in known for name in option.names
        )
        cases.append(f'    "{command} "*) described=({described}) ;;')
    cases.insert(0, f'    "completion completion") compadd {_SHELLS} ;;')
    lines = "\n".join(cases)
    return f"""\
#compdef driftdb
_driftdb() {{
  local -a described
  if (( CURRENT == 2 )); then
    described=({commands})
    _describe command described
    return
  fi
  case "$words[2] $words[CURRENT-1]" in
{lines}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option described
  else
    _files
  fi
}}
compdef _driftdb driftdb
"""


def _fish(helps: _Helps, options: _Options) -> str:
    lines = []
    for command, help in helps.items():
        line = f"complete -c driftdb -n __fish_use_subcommand -f -a {command} -d "
        lines.append(line + shlex.quote(help))
    for command, known in options.items():
        for option in known:
            line = f"complete -c driftdb -n '__fish_seen_subcommand_from {command}'"
            for name in option.names:
                short = not name.startswith("--")
                line += f" -s {name[1:]}" if short else f" -l {name[2:]}"
            if option.choices:
                line += f" -x -a '{' '.join(option.choices)}'"
            elif option.takes_value:
                line += " -r"
            lines.append(f"{line} -d {shlex.quote(option.help)}")
    lines.append(
        f"complete -c driftdb -n '__fish_seen_subcommand_from completion' -f -a '{_SHELLS}'"
    )
    return "\n".join(lines) + "\n"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
