"""The answers to messages, the same over a socket and over HTTP."""

from __future__ import annotations

from msgspec import UNSET, Struct

from ...access.grants import Grants
from ...protocol.codec import Codec, Held, KeyInfo, Listing
from ...protocol.errors import TooLarge
from ...protocol.messages import Get, Keys, Push
from ...rooms.room import Applied, Found, Room

__all__ = ["Cursor", "answer_to_get", "answer_to_keys", "answers_to_push", "check_readable"]


class Cursor(Struct, frozen=True, gc=False):
    """The place where a stream goes on that was given in part.

    ``last``: the last number given. ``begun``: the room's newest number when the stream was begun
    from its start, 0 where it was not.
    """

    last: int
    begun: int


def check_readable(room: Room, get: Get) -> None:
    """Raise :class:`TooLarge` for a snapshot in parts where no epoch is asked for.

    Whoever knows no epochs knows no parts, and would take what follows them for all.
    """
    if get.epoch is UNSET and room.stream(get.key).is_in_parts:
        raise TooLarge(
            "the stream begins with a snapshot that is too large for one message: "
            "ask for it with an epoch, and put its parts together"
        )


def answer_to_get(
    codec: Codec, room: Room, get: Get, cursor: Cursor | None = None
) -> tuple[Listing, Found, Cursor | None]:
    """Return the ``init``, what it lists, and where it goes on if there is ``more``.

    ``cursor``: the one that this connection was given before.
    """
    above = get.seq or 0
    begun = cursor.begun if cursor is not None and cursor.last == above else 0
    epoch, seq = None, None
    one_more = None if get.limit is None else get.limit + 1  # to know whether there is
    if get.epoch is UNSET:
        found = Found(room.stream(get.key).lend(above, limit=one_more), False)
    else:
        found = room.recover(get.key, epoch=get.epoch, above=above, begun=begun, limit=one_more)
        if get.held and found.recovered and _is_compacted(room, get.key, found):
            found = Found(room.stream(get.key).lend(0, limit=one_more), False)
        epoch, seq = room.epoch, room.seq
        begun = begun if found.recovered else room.seq
    lists, next_cursor = found.lists, None
    count = sum(map(len, lists))
    if get.limit is not None and count > get.limit:
        count -= 1
        last = lists.pop()[:-1]
        if last:
            lists.append(last)
        next_cursor = Cursor(lists[-1][-1].seq, begun)
    held = None
    if get.held and epoch is not None and next_cursor is None:
        stream = room.stream(get.key)
        oldest = stream.oldest
        held = Held(0 if oldest is None else oldest.seq, stream.value_count)
        if oldest is not None and found.recovered and oldest.seq <= above:
            # A compact, which has no number of its own, may have put another value there.
            lists[:1] = [[oldest, *(lists[0] if lists else ())]]
            count += 1
    listing = codec.init(
        get.key,
        count,
        stamps=get.stamps,
        epoch=epoch,
        recovered=found.recovered,
        seq=seq if next_cursor is None else None,
        more=next_cursor is not None,
        held=held,
    )
    return listing, found, next_cursor


def _is_compacted(room: Room, key: str, missed: Found) -> bool:
    """Return True if a compact put another value in the place of one that was missed.

    It has that one's number, so that no list of what was missed tells of it.
    """
    oldest = room.stream(key).oldest
    return oldest is not None and any(
        entry.seq == oldest.seq and entry is not oldest and entry.value != oldest.value
        for entries in missed.lists
        for entry in entries
    )


def answer_to_keys(
    codec: Codec, room: Room, message: Keys, grants: Grants
) -> tuple[Listing, list[tuple[str, KeyInfo]]]:
    """Return the answer to ``keys``, and the keys that it lists: those that may be read."""
    keys = [key for key in room.keys if key.startswith(message.prefix)]
    if not grants.reads_all:
        keys = [key for key in keys if grants.may_read(key)]
    streams = [(key, room.stream(key)) for key in keys]
    infos = [
        (key, KeyInfo(stream.value_count, stream.byte_count, stream.newest))
        for key, stream in streams
    ]
    return codec.keys(message.prefix, len(infos)), infos


def answers_to_push(
    codec: Codec, push: Push, applied: Applied, *, sized: bool = True
) -> list[bytes]:
    """Return what the pusher alone hears of a push that was taken, in this order."""
    answers = []
    if push.id is not None:
        count = None if push.values is None else len(push.values)
        answers.append(codec.ack(push.id, applied.seq, count=count))
    if sized and applied.value_count > 1:
        answers.append(codec.stream_size(push.key, applied.value_count))
    return answers
