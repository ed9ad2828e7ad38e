"""``driftdb inspect``."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from ...command.parameter import arguments, at_most_one, option
from ...command.printing import put
from ...text.terminal import one_line, unstyled
from ..amounts import size_of
from ..member import Member, room_options
from ..subcommand import make_command

if TYPE_CHECKING:
    from ...client.transport.key_contents import KeyContents

__all__ = ["command"]

_META = "$meta/"


@make_command(
    examples="""
    driftdb inspect
    driftdb inspect sensors/ --json | jq -r .key
    """,
)
@arguments("prefix", "[PREFIX]", callback=at_most_one("at most one prefix"))
@option(
    "--json",
    is_flag=True,
    help="Print JSON Lines: key, kind, size (values), bytes, and its newest value as of get.",
)
@room_options()
def command(member: Member, prefix: str | None, json: bool) -> None:
    """Print the keys of a room: what each is, how much it holds, and its newest value.

    With an argument only the keys that begin with it. The kind of a key is what its maker said;
    if nobody did, a key of one value is shown as a state, and one of several as a stream. Keys
    that begin with `$` are the protocol's own, and shown only if they are asked for.
    """
    prefix = prefix or ""
    found = member.read_keys(prefix)
    meta = member.read_keys(_META + prefix) if prefix else found
    shown = {
        key: (_kind(each, meta.get(_META + key)), each)
        for key, each in found.items()
        if not key.startswith("$") or prefix.startswith("$")
    }
    if json:
        for key, (kind, each) in shown.items():
            put(_line(key, kind, each))
    else:
        _print_table(shown)


def _kind(each: KeyContents, meta: KeyContents | None) -> str:
    from ...client.session.kind import looks_like
    from ...client.values.encoding import decode

    description = (
        decode(meta.newest.value) if meta is not None and meta.newest is not None else None
    )
    if isinstance(description, dict) and isinstance(description.get("kind"), str):
        return str(description["kind"])
    if each.newest is not None and looks_like(each.newest.value, several=False) == "reducer":
        return "reducer"
    return "state" if each.info.size == 1 else "stream"


def _line(key: str, kind: str, each: KeyContents) -> str:
    import msgspec

    from ..record import record

    line: dict[str, Any] = {"key": key, "kind": kind}
    line |= {"size": each.info.size, "bytes": each.info.bytes, "seq": each.info.seq}
    if each.newest is not None:
        newest = msgspec.structs.asdict(record(key, each.newest))
        line |= {name: value for name, value in newest.items() if value is not None}
    return msgspec.json.encode(line).decode()


def _print_table(shown: dict[str, tuple[str, KeyContents]]) -> None:
    from datetime import datetime

    from ..record import text_of

    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    widest = None if columns is None else columns // 4  # of a long key the rest matters more
    names = {key: _cut(one_line(key), widest) for key in shown}
    width = max([3, *map(len, names.values())])
    heads = f"{'KEY':<{width}}  {'KIND':<8}  {'VALUES':>7}  {'SIZE':>11}  {'WRITTEN':<16}  "
    put(heads + "NEWEST")
    for key, (kind, each) in shown.items():
        written, text = "", ""
        if each.newest is not None:
            text = one_line(unstyled(text_of(each.newest.value)))
            if each.newest.stamp is not None:
                moment = datetime.fromtimestamp(each.newest.stamp.time / 1000)
                written = moment.strftime("%Y-%m-%d %H:%M")
        size = size_of(each.info.bytes)
        line = f"{names[key]:<{width}}  {one_line(kind):<8}  {each.info.size:>7}  {size:>11}  "
        line += f"{written:<16}  {text}"
        put(_cut(line, columns))


def _cut(text: str, columns: int | None) -> str:
    return text if columns is None or len(text) <= columns else text[: columns - 1] + "…"
