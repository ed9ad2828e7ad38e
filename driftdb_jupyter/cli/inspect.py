"""``driftdb inspect``."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from typing import Any

import msgspec
from traitlets import Bool

from ..client.glance import Glance
from ..client.values import decode
from .member import MemberCommand
from .record import record, text_of
from .terminal import one_line, put, uncoloured

__all__ = ["InspectCommand"]

_META = "$meta/"


class InspectCommand(MemberCommand):
    """Print the keys of a room: what each is, how much it holds, and its newest value.

    With an argument those that begin with it. What a key is says whoever made it; where nobody
    did, a key of one value is taken for a state, and one of several for a stream. Keys that
    begin with `$` are the protocol's own, and shown only where they are asked for.
    """

    name = "driftdb-inspect"
    description = __doc__
    arguments = "[PREFIX]"
    examples = """
    driftdb inspect
    driftdb inspect sensors/ --json | jq -r .key
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "json": (
            {"InspectCommand": {"json": True}},
            "Print JSON Lines: key, kind, size (values), bytes, and its newest value as of get.",
        ),
    }
    json = Bool(False, config=True, help="Whether to print JSON Lines.")

    def run(self) -> None:
        """Look, and print."""
        prefix = self.only_argument("at most one prefix") if self.extra_args else ""
        found = self.glance(prefix)
        meta = self.glance(_META + prefix) if prefix else found
        shown = {
            key: (_kind(each, meta.get(_META + key)), each)
            for key, each in found.items()
            if not key.startswith("$") or prefix.startswith("$")
        }
        if self.json:
            for key, (kind, each) in shown.items():
                put(_line(key, kind, each))
        else:
            _print_table(shown)


def _kind(each: Glance, meta: Glance | None) -> str:
    told = decode(meta.newest.value) if meta is not None and meta.newest is not None else None
    if isinstance(told, dict) and isinstance(told.get("kind"), str):
        return str(told["kind"])
    newest = None if each.newest is None else decode(each.newest.value)
    if isinstance(newest, dict) and newest.keys() in ({"apply", "i"}, {"reset"}):
        return "reducer"
    return "state" if each.info.size == 1 else "stream"


def _line(key: str, kind: str, each: Glance) -> str:
    line: dict[str, Any] = {"key": key, "kind": kind}
    line |= {"size": each.info.size, "bytes": each.info.bytes, "seq": each.info.seq}
    if each.newest is not None:
        newest = msgspec.structs.asdict(record(key, each.newest))
        line |= {name: value for name, value in newest.items() if value is not None}
    return msgspec.json.encode(line).decode()


def _print_table(shown: dict[str, tuple[str, Glance]]) -> None:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    widest = None if columns is None else columns // 4  # of a long key the rest matters more
    names = {key: _cut(one_line(key), widest) for key in shown}
    width = max([3, *map(len, names.values())])
    heads = f"{'KEY':<{width}}  {'KIND':<8}  {'VALUES':>7}  {'SIZE':>11}  {'WRITTEN':<16}  "
    put(heads + "NEWEST")
    for key, (kind, each) in shown.items():
        written, text = "", ""
        if each.newest is not None:
            text = one_line(uncoloured(text_of(each.newest.value)))
            if each.newest.stamp is not None:
                moment = datetime.fromtimestamp(each.newest.stamp.time / 1000)
                written = moment.strftime("%Y-%m-%d %H:%M")
        size = _size(each.info.bytes)
        line = f"{names[key]:<{width}}  {one_line(kind):<8}  {each.info.size:>7}  {size:>11}  "
        line += f"{written:<16}  {text}"
        put(_cut(line, columns))


def _cut(text: str, columns: int | None) -> str:
    return text if columns is None or len(text) <= columns else text[: columns - 1] + "…"


def _size(bytes_: int) -> str:
    return f"{bytes_} bytes" if bytes_ < 1000 else f"{bytes_ / 1000:,.1f} kB"
