"""``driftdb links``."""

from __future__ import annotations

from typing import Any

from ...command.parameter import arguments, one, option
from ...command.printing import put, say
from ...command.types import Number
from ...text.terminal import one_line
from ..amounts import number_of
from ..configured import Settings
from ..status import Misuse
from ..stored import data_option, in_redis, opened, rooms_command

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb links lecture
    driftdb links lecture --make read --expires 2h --name students
    driftdb links lecture --make write --key slider --people 30 --ask-name
    driftdb links lecture --revoke students
    """,
)
@arguments("room", "ROOM", callback=one("the name of one room"))
@data_option
@option(
    "--make",
    metavar="ROLE",
    default="",
    help="Make a link that lets in whoever has it, to read or to write, and print its URL.",
)
@option(
    "--key", metavar="KEY", multiple=True, help="A key that it opens, instead of all; repeatable."
)
@option(
    "--expires",
    metavar="TIME",
    default="",
    help="When it ends: after 30m, 2h or 7d, or never (default: 1d).",
)
@option("--name", default="", help="The name under which it is listed.")
@option(
    "--people",
    metavar="N",
    type=Number(at_least=1),
    default=None,
    help="How many people may come in by it.",
)
@option("--ask-name", is_flag=True, help="Ask for a name before letting anybody in.")
@option(
    "--revoke",
    metavar="LINK",
    default="",
    help="Take back the link with this id, or all with this name.",
)
@option("--json", is_flag=True, help="Print JSON Lines.")
def command(
    settings: Settings,
    room: str,
    data: str,
    make: str,
    key: tuple[str, ...],
    expires: str,
    name: str,
    people: int | None,
    ask_name: bool,
    revoke: str,
    json: bool,
) -> None:
    """List the share links of a room, make one, or take some back.

    A link lets in whoever has it, also without an account, to do what it says and nothing else.
    Its URL is printed once, when it is made. Taking a link back puts everybody out who is in by it.
    """
    import msgspec

    if make and revoke:
        raise Misuse("expected --make or --revoke, got both")
    if not make and (key or expires or name or people is not None or ask_name):
        raise Misuse("expected --make beside what a link is to give, got none")
    with opened(data, settings) as store:
        if make:
            made = store.make_link(
                room, _terms(make, key, expires, name=name, people=people, ask_name=ask_name)
            )
            put(msgspec.json.encode(made).decode() if json else made["url"])
            if made["local"] and in_redis(data, settings):
                say(
                    "That stands behind the URL of your servers, which --DriftDB.public_url=URL"
                    " would put before it."
                )
            elif made["local"]:
                say(
                    "Only this machine opens that URL: start the server with --host 0.0.0.0"
                    " (Jupyter: --ip 0.0.0.0), or tell it its address behind a proxy or tunnel"
                    " with --public-url (Jupyter: --DriftDB.public_url), and make another link."
                )
        elif revoke:
            count = store.revoke_link(room, revoke)
            if not count:
                raise Misuse(f"expected the id or name of a link, got {revoke!r}: there is none")
            put(f"Took back {number_of(count, 'link')}.")
        else:
            _print(store.links(room), json=json)


def _terms(role: str, keys: tuple[str, ...], expires: str, **more: Any) -> dict[str, Any]:
    from ...client.duration import duration_seconds

    content: dict[str, Any] = {"grants": {"can": role, "keys": list(keys)} if keys else role}
    if expires:
        lasting = None if expires == "never" else expires
        try:
            content["lifetime_seconds"] = duration_seconds("--expires", lasting)
        except ValueError as error:
            raise Misuse(str(error)) from None
    content |= {"name": more["name"], "ask_name": more["ask_name"]}
    if more["people"] is not None:
        content["people_limit"] = more["people"]
    return content


def _print(links: list[dict[str, Any]], *, json: bool) -> None:
    import msgspec

    if json:
        for link in links:
            put(msgspec.json.encode(link).decode())
        return
    from datetime import datetime

    from ...client.share import in_words

    put(f"{'NAME':<16}  {'GIVES':<24}  {'ENDS':<16}  {'PEOPLE':>11}  {'HERE':>5}  ID")
    for link in links:
        ends = link["expires_at"]
        when = "never" if ends is None else f"{datetime.fromtimestamp(ends):%Y-%m-%d %H:%M}"
        when = "expired" if link["expired"] else when
        people = f"{link['people']} of {link['people_limit']}"
        gives = one_line(", ".join(map(in_words, link["grants"])))
        put(
            f"{one_line(link['name']):<16}  {gives:<24}  {when:<16}  {people:>11}"
            f"  {link['people_here']:>5}  {link['id']}"
        )
    put(number_of(len(links), "link"))
