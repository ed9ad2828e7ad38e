"""``driftdb token``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, cast

from ...command.parameter import arguments, option
from ...command.printing import put
from ...command.types import Choice, File
from ..configured import Settings
from ..status import Misuse
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]

_KEY_VARIABLE = "DRIFTDB_TOKEN_KEYS"


@rooms_command(
    examples="""
    driftdb token key ./keys.json
    driftdb token create lecture --key ./keys.json --role read --expires 2h
    driftdb token create lecture --key ./keys.json --subject ada --name Ada
    driftdb token revoke lecture ID
    driftdb token revoke lecture --all
    """,
)
@arguments("words", "create|revoke|key")
@data_option
@option(
    "--key",
    metavar="FILE",
    type=File(),
    default="",
    help="The file with the secret or private key that signs; or in DRIFTDB_TOKEN_KEYS.",
)
@option("--kid", default="", help="The id of the key that signs, of several.")
@option(
    "--role",
    metavar="ROLE",
    type=Choice(["read", "write", "admin"]),
    help="What it allows. Without this its holder may do what the room's policy gives.",
)
@option(
    "--expires",
    metavar="TIME",
    default="1h",
    help="When it ends: after 30m, 2h or 7d (default: 1h).",
)
@option("--subject", default="", help="The name by which a policy knows its holder.")
@option("--group", multiple=True, help="A group that its holder is in; repeatable.")
@option("--name", default="", help="The name that others see.")
@option("--audience", default="", help="The server's token_audience.")
@option("--issuer", default="", help="The server's token_issuer.")
@option("--prefix", is_flag=True, help="Let its holder into all rooms whose names begin with ROOM.")
@option("--all", "all_", is_flag=True, help="Take back all tokens of a room.")
def command(
    settings: Settings,
    words: tuple[str, ...],
    data: str,
    key: str,
    kid: str,
    role: str | None,
    expires: str,
    subject: str,
    group: tuple[str, ...],
    name: str,
    audience: str,
    issuer: str,
    prefix: bool,
    all_: bool,
) -> None:
    """Sign tokens that let people into a room, take them back, and make a key for that.

    `create ROOM` prints a token. `revoke ROOM TOKEN` takes one back, given as a whole or by its id.
    `key FILE` writes a file with a new secret, readable by its owner alone, for `driftdb serve
    --token-keys FILE`.
    """
    match words:
        case ("key", path):
            _make_key(path)
        case ("revoke", room, *tokens) if len(tokens) == 1 - all_:
            from ...client.tokens import named_token

            try:
                token_id, whole = (None, None) if all_ else named_token(tokens[0])
            except ValueError as error:
                raise Misuse(str(error)) from None
            with opened(data, settings) as store:
                store.revoke_tokens(room, token_id, whole)
        case ("create", room):
            from ...client.duration import duration_seconds
            from ...client.tokens import create_token

            path = key or os.environ.get(_KEY_VARIABLE, "")
            if not path:
                raise Misuse(f"expected a file with a key: --key, or {_KEY_VARIABLE}")
            try:
                token = create_token(
                    None if prefix else room,
                    room_prefix=room if prefix else None,
                    key=Path(path),
                    kid=kid or None,
                    role=cast('Literal["read", "write", "admin"] | None', role),
                    expires_seconds=duration_seconds("--expires", expires) or 0.0,
                    subject=subject or None,
                    groups=group,
                    name=name or None,
                    audience=audience or None,
                    issuer=issuer or None,
                )
            except ValueError as error:
                raise Misuse(str(error)) from None
            put(token)
        case _:
            raise Misuse("expected create ROOM, revoke ROOM ID (or --all), or key FILE")


def _make_key(path: str) -> None:
    from ...access.tokens.keys import new_secret
    from ...protocol.name import new_id

    content = new_secret(os.urandom(32), new_id()[:8])
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
