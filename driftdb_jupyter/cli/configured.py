"""Commands with settings: traits, given as options or in a configuration file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..command.parameter import GENERAL, Option
from ..command.printing import print_line
from ..command.types import Choice, File, Text
from .status import Misuse
from .subcommand import Subcommand

if TYPE_CHECKING:  # imported only if a setting is given, or when the work begins
    from traitlets import TraitType
    from traitlets.config import Configurable

    from ..server.standalone import StandaloneServer

__all__ = ["Configured", "Settings", "keep", "server_of"]

_SETTING = re.compile(r"--\w+\.")

Settings = Mapping[str, Mapping[str, Any]]
"""The given settings: the name of a class, the name of its trait, and the value or its text."""


class Configured(Subcommand):
    """A command with settings; its function gets them as ``settings``.

    ``classes`` imports and returns the classes whose traits they are.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        classes: Callable[[], list[type[Configurable]]],
        **more: Any,
    ) -> None:
        super().__init__(name, **more)
        self._classes = classes
        self._settings: list[click.Parameter] = []

    def general_options(self) -> list[Option]:
        """Return the options that it has in common with other commands."""
        return [_CONFIG, *super().general_options(), _HELP_ALL]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options and arguments, and the settings if one was given."""
        return [*super().get_params(ctx), *self._settings]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line; see :meth:`.Command.parse_args`."""
        ctx.obj = {}
        if any(map(_SETTING.match, args)):
            self._settings = self._all_settings()
        return super().parse_args(ctx, args)

    def option_names(self, ctx: click.Context) -> list[str]:
        """Return the names among which a mistyped one is looked for, those of settings, too."""
        settings = (name for each in self._all_settings() for name in each.opts)
        return [*super().option_names(ctx), *settings]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the options that begin with ``incomplete``; after ``--CLASS.`` the settings."""
        if not _SETTING.match(incomplete):
            return super().shell_complete(ctx, incomplete)
        names = (name for each in self._all_settings() for name in each.opts)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work with the settings."""
        ctx.params["settings"] = ctx.obj
        return super().invoke(ctx)

    def format_end(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the last lines of the help."""
        formatter.write_paragraph()
        formatter.write_text(
            "Other settings are given as --CLASS.NAME=VALUE; --help-all lists them."
        )
        super().format_end(ctx, formatter)

    def full_help(self, ctx: click.Context) -> str:
        """Return the help, and that of all settings."""
        return "\n\n".join([ctx.get_help(), *(each.class_get_help() for each in self._classes())])

    def _all_settings(self) -> list[click.Parameter]:
        traits = {(owner, name): trait for owner, name, trait in _traits(self._classes())}
        return [_setting(owner, name, traits[owner, name]) for owner, name in sorted(traits)]


def server_of(settings: Settings, **options: Mapping[str, Any]) -> StandaloneServer:
    """Return a server with these settings and those of the configuration files.

    ``options`` are settings that take precedence; ``None``, ``False`` and ``()`` mean not given.
    Raises :class:`.Misuse` if a setting does not fit.
    """
    from traitlets.config import Config
    from traitlets.config.loader import DeferredConfigString

    from ..server.hub.service import HubService
    from ..server.settings import DriftDB
    from ..server.standalone import BadSetting, StandaloneServer

    classes = [StandaloneServer, DriftDB, HubService]
    traits = {(owner, name): trait for owner, name, trait in _traits(classes)}
    config = Config()
    for owner, given in [*settings.items(), *options.items()]:
        for name, value in given.items():
            if isinstance(value, str):
                config[owner][name] = DeferredConfigString(value).get_value(traits[owner, name])
            elif isinstance(value, tuple):
                if value:
                    config[owner][name] = list(value)
            elif value is not None and value is not False:
                config[owner][name] = value
    server = StandaloneServer()
    try:
        server.configure(config)
        server.settings()  # has a bad one told now
    except BadSetting as error:
        raise Misuse(str(error)) from None
    return server


def _traits(
    classes: list[type[Configurable]],
) -> list[tuple[str, str, TraitType[Any, Any]]]:
    """Return all traits that can be set, each after the name of its class and its own."""
    from traitlets.config import Configurable

    return [
        (owner.__name__, name, trait)
        for each in classes
        for owner in each.__mro__
        if issubclass(owner, Configurable)
        for name, trait in owner.class_traits(config=True).items()
    ]


def _setting(owner: str, name: str, trait: TraitType[Any, Any]) -> Option:
    from traitlets import Enum

    def take(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            keep(ctx, owner, name, value)

    names = [f"{owner}_{name}", f"--{owner}.{name}"]
    words = [] if not isinstance(trait, Enum) else list(trait.values or ())
    few = bool(words) and all(isinstance(word, str) for word in words)
    type = Choice(words) if few else Text()
    return Option(names, type=type, hidden=True, expose_value=False, callback=take)


def keep(ctx: click.Context, owner: str, name: str, value: Any) -> None:
    """Add a setting to those given to a command."""
    ctx.obj.setdefault(owner, {})[name] = value


def _keep_file(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    if path is not None:
        keep(ctx, "JupyterApp", "config_file", path)


def _print_all(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        command = ctx.command
        assert isinstance(command, Configured)
        print_line(command.full_help(ctx))
        ctx.exit()


_CONFIG = Option(
    ["--config"],
    section=GENERAL,
    metavar="FILE",
    type=File(),
    help="A file with settings.",
    expose_value=False,
    callback=_keep_file,
)
_HELP_ALL = Option(
    ["--help-all"],
    section=GENERAL,
    is_flag=True,
    is_eager=True,
    help="Show this help with all settings.",
    expose_value=False,
    callback=_print_all,
)
