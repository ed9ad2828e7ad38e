"""``driftdb serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...command.parameter import option
from ...command.types import Choice, File, Number
from ..configured import Configured, Settings, keep, server_of
from ..subcommand import make_command

if TYPE_CHECKING:
    from traitlets.config import Configurable

__all__ = ["command"]


def _classes() -> list[type[Configurable]]:
    from ...server.hub.service import HubService
    from ...server.settings import DriftDB
    from ...server.standalone import StandaloneServer

    return [StandaloneServer, DriftDB, HubService]


class _Serve(Configured):
    def log(self, ctx: click.Context, level: int | None) -> None:
        """Have the server log from this level on, rounded up to one that traitlets know."""
        if level is not None:
            keep(ctx, "Application", "log_level", -(-level // 10) * 10)


@make_command(
    examples="""
    driftdb serve                          # http://127.0.0.1:8080/
    driftdb serve --port 9000 --named-rooms
    driftdb serve --host 0.0.0.0 --certfile cert.pem --keyfile key.pem
    driftdb serve --DriftDB.message_limit_bytes=4194304
    """,
    cls=_Serve,
    classes=_classes,
)
@option("--host", help="The address to listen on (default: 127.0.0.1).")
@option(
    "--port",
    type=Number(at_least=0, at_most=65535),
    help="The port to listen on; 0: any (default: 8080).",
)
@option("--base-url", help="The path below which everything lies (default: /).")
@option(
    "--data",
    metavar="FOLDER",
    type=File(),
    help="The folder in which rooms are kept, in a file rooms.db; it is made if it doesn't exist. "
    "By default rooms end with the server.",
)
@option(
    "--allow-memory",
    is_flag=True,
    help="Start all the same where that file can't be used: rooms then end with the server.",
)
@option(
    "--redis",
    metavar="URL",
    help="The Redis in which rooms are kept, redis://HOST:PORT or rediss://: all servers that use"
    " it share them. Its password comes from redis_password_file or DRIFTDB_REDIS_PASSWORD.",
)
@option("--certfile", metavar="FILE", type=File(), help="The TLS certificate, a PEM file.")
@option("--keyfile", metavar="FILE", type=File(), help="The TLS private key, a PEM file.")
@option(
    "--create-token",
    "create_token_file",
    metavar="FILE",
    type=File(),
    help="Let only those make rooms who know the token in this file; or in DRIFTDB_CREATE_TOKEN.",
)
@option(
    "--token-keys",
    "token_keys_file",
    metavar="FILE",
    type=File(),
    help="Take tokens that are signed with a key in this file; driftdb token key makes one.",
)
@option(
    "--require-tokens",
    "tokens_required",
    is_flag=True,
    help="Open rooms without a policy only to whoever comes with a token or the owner's secret.",
)
@option(
    "--log-format",
    "log_style",
    metavar="FORMAT",
    type=Choice(["text", "json"]),
    help="Log lines of text, or a JSON object in each line (default: text).",
)
@option(
    "--audit-log",
    metavar="FILE",
    type=File(),
    help="Write to this file who was given or refused something, a JSON object a line.",
)
@option("--show-config", is_flag=True, help="Print the settings that are set, and exit.")
@option(
    "--check-config",
    is_flag=True,
    help="Print what would be used, say what would keep the server from serving, and exit.",
)
@option(
    "--generate-config",
    is_flag=True,
    help="Write driftdb_config.py, which lists and explains all settings, into Jupyter's"
    " configuration folder (~/.jupyter unless `jupyter --config-dir` names another), or the file"
    " that --config names, and exit.",
)
@option("--named-rooms", is_flag=True, help="Let clients choose the names of rooms.")
@option(
    "--allow-origin",
    multiple=True,
    help="Let pages of another origin use the rooms, as https://school.example or"
    " http://192.168.1.7:*; may be given again. *: pages of any website.",
)
@option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="Answer by this host name, too; may be given again. *: by any.",
)
@option(
    "--public-url",
    metavar="URL",
    help="The URL of the rooms as others have it, where a proxy stands before the server.",
)
@option(
    "--trusted-proxy",
    "trusted_proxies",
    metavar="ADDRESS",
    multiple=True,
    help="Believe the X-Forwarded headers of the reverse proxy at this address or network; may be"
    " given again.",
)
def command(
    settings: Settings,
    show_config: bool,
    generate_config: bool,
    audit_log: str | None,
    redis: str | None,
    public_url: str | None,
    token_keys_file: str | None,
    trusted_proxies: tuple[str, ...],
    **options: Any,
) -> None:
    """Host rooms without Jupyter.

    Pages and programs join a room by its URL: `POST /new` makes one. Whoever knows a room's id
    may read and write it; so keep to the default host unless everybody who reaches the port may use
    the rooms. Pages of other websites may not, unless `--allow-origin` names them.
    """
    server = server_of(
        settings,
        StandaloneServer=options,
        DriftDB={
            "audit_log": audit_log,
            "public_url": public_url,
            "redis": redis,
            "token_keys_file": token_keys_file,
            "trusted_proxies": trusted_proxies,
        },
        Application={"show_config": show_config},
        JupyterApp={"generate_config": generate_config},
    )
    server.start()
