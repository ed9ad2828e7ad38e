"""``driftdb rooms``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...command.parameter import option
from ...command.printing import put, say
from ...protocol.name import room_digest
from ...text.terminal import one_line
from ..amounts import number_of, size_of
from ..configured import Settings
from ..stored import data_option, in_redis, opened, rooms_command

if TYPE_CHECKING:
    from ...broker.broker import RoomSummary

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb rooms
    driftdb rooms --data ./rooms --json | jq .name
    driftdb rooms --redis rediss://rooms@redis.example
    """,
)
@data_option
@option("--json", is_flag=True, help="Print JSON Lines.")
def command(settings: Settings, data: str, json: bool) -> None:
    """List all rooms: how much they keep, and when they were last used."""
    import msgspec

    from ..journal import disk_bytes, journal_path

    with opened(data, settings) as store:
        rooms, trouble = store.rooms(), store.trouble()
        if trouble is not None:
            say(trouble)
        if json:
            for room in rooms:
                line = {**msgspec.to_builtins(room), "digest": room_digest(room.name)}
                put(msgspec.json.encode(line).decode())
        else:
            _print_table(rooms)
            total = size_of(sum(room.bytes for room in rooms))
            disk = 0 if in_redis(data, settings) else disk_bytes(journal_path(data))
            where = f"on the disk {size_of(disk)}" if disk else "in Redis"
            put(f"{number_of(len(rooms), 'room')}: {total}, {where}")


def _print_table(rooms: list[RoomSummary]) -> None:
    from datetime import datetime

    shown = [one_line(room.name) for room in rooms]
    width = max([4, *map(len, shown)])
    put(f"{'ROOM':<{width}}  {'KEYS':>6}  {'SEQ':>10}  {'SIZE':>10}  {'LAST USED':<16}  IN LOGS")
    for room, name in zip(rooms, shown, strict=True):
        used = datetime.fromtimestamp(room.used_at).strftime("%Y-%m-%d %H:%M")
        size = size_of(room.bytes)
        digest = "~" + room_digest(room.name)
        put(f"{name:<{width}}  {room.keys:>6}  {room.seq:>10}  {size:>10}  {used}  {digest}")
