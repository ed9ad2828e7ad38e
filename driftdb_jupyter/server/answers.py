"""What is answered to a message, the same over a socket and over HTTP."""

from __future__ import annotations

from msgspec import UNSET

from ..protocol.codec import Codec, KeyInfo
from ..protocol.messages import Get, Keys, Push
from ..rooms.room import Applied, Room

__all__ = ["answer_to_get", "answer_to_keys", "answers_to_push"]


def answer_to_get(codec: Codec, room: Room, get: Get) -> tuple[bytes, bool]:
    """The ``init``, and whether it is the last one: there is no ``more`` to ask for."""
    above = get.seq or 0
    epoch, recovered, seq = None, False, None
    if get.epoch is not UNSET:
        entries, recovered = room.recover(get.key, epoch=get.epoch, above=above)
        epoch, seq = room.epoch, room.seq
    else:
        entries = room.read(get.key, above=above)
    more = get.limit is not None and len(entries) > get.limit
    message = codec.init(
        get.key,
        entries[: get.limit] if more else entries,
        stamps=get.stamps,
        epoch=epoch,
        recovered=recovered,
        seq=None if more else seq,
        more=more,
    )
    return message, not more


def answer_to_keys(codec: Codec, room: Room, message: Keys) -> bytes:
    """Which keys there are."""
    streams = {key: room.stream(key) for key in room.keys if key.startswith(message.prefix)}
    infos = {
        key: KeyInfo(len(stream.entries), stream.bytes, stream.newest)
        for key, stream in streams.items()
    }
    return codec.keys(message.prefix, infos)


def answers_to_push(codec: Codec, push: Push, applied: Applied) -> list[bytes]:
    """What the pusher alone hears of a push that was taken, in this order."""
    answers = []
    if push.id is not None:
        count = None if push.values is None else len(push.values)
        answers.append(codec.ack(push.id, applied.seq, count=count))
    if applied.size > 1:
        answers.append(codec.stream_size(push.key, applied.size))
    return answers
