"""``driftdb access``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...command.parameter import arguments, one, option
from ...command.printing import put
from ...command.types import File
from ..amounts import number_of
from ..configured import Settings
from ..status import Misuse
from ..stored import data_option, opened, rooms_command
from ..subcommand import standard_input

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb access lecture
    driftdb access lecture --anyone read --user ada=admin --group staff=write
    driftdb access lecture --file policy.json
    driftdb access lecture --open
    driftdb access lecture --forget-owners
    """,
)
@arguments("name", "ROOM", callback=one("the name of one room"))
@data_option
@option("--anyone", metavar="ROLE", default="", help="What everybody may do: read, write or admin.")
@option("--user", metavar="NAME=ROLE", multiple=True, help="What a person may do; repeatable.")
@option("--group", metavar="NAME=ROLE", multiple=True, help="What a group may do; repeatable.")
@option(
    "--file",
    type=File(),
    default="",
    help="A file with the whole policy as JSON (docs/access.md); - is the standard input.",
)
@option(
    "--open",
    "open_",
    is_flag=True,
    help="Take the policy away: whoever is let in at all may do everything.",
)
@option(
    "--forget-owners",
    is_flag=True,
    help="Make the secrets of the room's owners worth nothing, as after one has leaked.",
)
def command(
    settings: Settings,
    name: str,
    data: str,
    anyone: str,
    user: tuple[str, ...],
    group: tuple[str, ...],
    file: str,
    open_: bool,
    forget_owners: bool,
) -> None:
    """Print who may do what in a room, as JSON, or change it.

    The given roles replace the whole policy: whoever isn't named may do nothing. The change holds
    at once, also for those who are in the room. A room without a policy is printed as null.
    """
    import msgspec

    from ...access.policy import parse_policy

    roles = bool(anyone or user or group)
    if roles + bool(file) + open_ + forget_owners > 1:
        raise Misuse(
            "expected roles, or --file, or --open, or --forget-owners, got more than one of these"
        )
    with opened(data, settings) as store:
        if open_:
            store.set_policy(name, None)
        elif forget_owners:
            put(f"Forgot {number_of(store.forget_owners(name), 'owner')}.")
        elif file:
            store.set_policy(name, parse_policy(_read(file)))
        elif roles:
            content: dict[str, Any] = {"users": _roles("--user", user)}
            content["groups"] = _roles("--group", group)
            content["anyone"] = anyone or []
            store.set_policy(name, parse_policy(content))
        else:
            policy = store.policy(name)
            shown = msgspec.json.encode(None if policy is None else policy.to_builtins())
            put(msgspec.json.format(shown, indent=2).decode())


def _roles(option: str, given: Iterable[str]) -> dict[str, str]:
    roles = {}
    for each in given:
        name, equals, role = each.rpartition("=")
        if not equals:
            raise Misuse(f"{option}: expected NAME=ROLE, got {each!r}")
        roles[name] = role
    return roles


def _read(path: str) -> bytes:
    if path == "-":
        return standard_input().read()
    with open(path, "rb") as source:
        return source.read()
