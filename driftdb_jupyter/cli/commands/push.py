"""``driftdb push``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...command.parameter import arguments, option
from ...command.printing import put
from ...command.types import Choice, Number
from ..member import Member, force_option, room_options
from ..status import Misuse
from ..subcommand import make_command, standard_input

if TYPE_CHECKING:
    from ...client.session.kind import Kind
    from ...client.session.messages import Action

__all__ = ["command"]

_KINDS: dict[Action, Kind] = {"replace": "state", "append": "stream"}
"""The kinds of objects that the actions write to; the others change nothing that is kept."""


@make_command(
    examples="""
    driftdb push slider 42
    driftdb push name Ann                      # the same as '"Ann"'
    driftdb push config - < config.json
    driftdb push chat '{"text": "hello"}' --action relay
    driftdb push lock mine --if-seq 0          # only where the key is empty, else it ends with 5
    """,
)
@arguments("given", "KEY VALUE")
@option(
    "--action",
    type=Choice(["replace", "append", "relay", "delete"]),
    default="replace",
    show_default=True,
    help="What becomes of the value. replace: the key holds this value alone, as a state does; "
    "append: it is added to the key's stream; relay: it is sent to those who listen and not kept, "
    "as in a channel; delete: the key is emptied (no value is given).",
)
@option(
    "--if-seq",
    type=Number(at_least=0),
    help="Write only if the key's newest sequence number is this; 0: if it is empty.",
)
@option("--text", is_flag=True, help="The value is a text, even if it looks like JSON.")
@force_option
@option("--json", is_flag=True, help="Print an object: key and seq.")
@room_options(insists=True)
def command(
    member: Member,
    given: tuple[str, ...],
    action: Action,
    if_seq: int | None,
    text: bool,
    force: bool,
    json: bool,
) -> None:
    """Write a value under a key, and end when the room has it.

    The value is JSON, or a text if it isn't JSON. `-` reads it from the standard input. A key
    that is in use as something else than the action writes (a stream, say, for replace) is left
    as it is.
    """
    deletes = action == "delete"
    if len(given) != (1 if deletes else 2):
        wanted = "a key" if deletes else "a key and a value"
        raise Misuse(f"expected {wanted}, got {len(given)}")
    import msgspec

    from ...client.session.stored import written
    from ...client.waiting.handle import Handle

    key = given[0]
    values = [] if deletes else [_value(given[1], text=text)]
    if action == "replace":
        values = [written(value) for value in values]
    kind = _KINDS.get(action)
    if kind is not None and not force and not key.startswith("$"):
        member.check_kind(key, kind)
    with member.joined() as room:
        outcome = room.connection.send(key, *values, action=action, if_seq=if_seq)
        handle = Handle(outcome, lambda seq: seq, connection=room.connection)
        seq = handle.result(member.timeout_seconds)
    if json:
        put(msgspec.json.encode({"key": key, "seq": seq}).decode())


def _value(given: str, *, text: bool) -> bytes:
    from ...client.values.encoding import encode
    from ..record import json_line

    if given == "-":
        given = standard_input().read().decode(errors="replace").removesuffix("\n")
    if not text:
        with suppress(ValueError):
            return json_line(given)
    return encode(given)
