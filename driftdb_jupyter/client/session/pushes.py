"""The pushes of one client that the room has not acknowledged: their ids, order and limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ...protocol.errors import QueueFull, Refusal, TooLarge
from ...protocol.json_text import count_marks
from ...protocol.limits import Limits
from . import messages

__all__ = ["Push", "Pusher", "Pushes"]

_WAYS_OUT = (
    "Share less at once (a sample of a frame, several values of a stream), or raise "
    "message_limit_bytes on the server and DRIFTDB_MESSAGE_LIMIT_BYTES here."
)


# So many values are cut together; more of them are no faster in one message.
_BLOCK_COUNT = 1_000


class Pusher(Protocol):
    """Receives the room's answers to its pushes (see :class:`.Replica`)."""

    key: str

    @property
    def restored(self) -> bool:
        """Whether undated pushes may be sent (see :class:`.Replica`)."""

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """Take the news that a push was applied, as ``seq`` where the server remembers it."""

    def refused(self, push_id: int, error: Refusal) -> None:
        """Take the news that a push was not applied."""


class Push(NamedTuple):
    """A push under way. An ``undated`` one gets the epoch in which it is sent first.

    Of the refusal of a ``quiet`` one only its pusher is told.
    """

    pusher: Pusher
    frame: bytes
    offer: bool
    undated: bool
    writes: int
    quiet: bool


class Pushes:
    """Numbers pushes, and holds them until they are acknowledged.

    After a lost connection every one is sent again with its old id, in order; the server applies
    each once (protocol, "Knowing that a push arrived, once"). An id stays its push's own,
    whatever became of it.

    ``queue_limit_bytes`` and ``queue_limit_count`` bound the appends and relays that wait; of a
    state one write waits at most.
    """

    # How far the ids of the pushes in flight may be apart: a server remembers 1,024 at least
    # (protocol, "Knowing that a push arrived, once"). Fewer, while it has no time for them.
    widest_window = 1_000
    narrowest_window = 8

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        queue_limit_bytes: int = 16 * 1024 * 1024,
        queue_limit_count: int = 10_000,
    ) -> None:
        self.limits = limits or Limits()
        self.online = False
        """Whether there is a connection."""
        self.offline_since: float | None = None
        """The time since which there is none, in seconds since 1970.

        ``None``: there is one, or never was.
        """
        self.byte_count = 0
        """The length of the frames of all writes that wait, together."""
        self.writes = 0
        """The number of writes that wait."""
        self.last_id = 0
        """The id that was given last."""
        self._queue_limit_bytes = queue_limit_bytes
        self._queue_limit_count = queue_limit_count
        self._pushes: OrderedDict[int, Push] = OrderedDict()  # not acknowledged, by id
        self._unsent: OrderedDict[int, None] = OrderedDict()  # those to send on this connection
        self._offers: set[int] = set()
        self._window = self.widest_window

    # What replicas call.

    def check_size(self, key: str, *values: bytes) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.TooLarge` for what is over the limit."""
        length = _length(key, values)
        if length > self.limits.message_bytes:
            refusal = self.limits.message_too_large(length)
            raise TooLarge(refusal.plain, in_python=_WAYS_OUT)

    def check_queue(self, key: str, *values: bytes, more: int = 0, more_bytes: int = 0) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.QueueFull` where too much waits.

        ``more`` writes of ``more_bytes`` together wait to be numbered. Where nothing waits a
        message of any size is taken, or it never would be.
        """
        waiting, size = self.writes + more, self.byte_count + more_bytes
        if not waiting or (
            size + _length(key, values) <= self._queue_limit_bytes
            and waiting < self._queue_limit_count
        ):
            return
        since = self.offline_since
        if since is not None:
            gone = f"there has been no connection since {datetime.fromtimestamp(since):%H:%M:%S}"
        elif not self.online:
            gone = "there was no connection yet"
        else:
            gone = "the server takes them more slowly than they come"
        raise QueueFull(
            f"expected at most {self._queue_limit_count} writes and {self._queue_limit_bytes} "
            f"bytes to wait for the room, got one more than the {waiting} ({size} bytes) that "
            f"wait: {gone}",
            waiting=waiting,
            waiting_bytes=size,
            offline_since=since,
        )

    def batches(self, key: str, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        limits = self.limits
        room = limits.message_bytes - messages.push_overhead_bytes(key, count=2)
        for start in range(0, len(values), _BLOCK_COUNT):
            block = values[start : start + _BLOCK_COUNT]
            length = sum(map(len, block)) + len(block)
            if len(block) <= limits.values and length <= min(room, limits.sparse_bytes):
                yield block
            else:
                yield from self._cut(block, room)

    def _cut(self, values: Sequence[bytes], room: int) -> Iterator[Sequence[bytes]]:
        start = length = items = 0
        for end, value in enumerate(values):
            marks = 1 + count_marks(value)
            full = (
                length + len(value) + 1 > room
                or end - start == self.limits.values
                or items + marks > self.limits.sparse_bytes
            )
            if end > start and full:
                yield values[start:end]
                start, length, items = end, 0, 0
            length += len(value) + 1
            items += marks
        if start < len(values):
            yield values[start:]

    def push(
        self,
        pusher: Pusher,
        *values: bytes,
        action: messages.Action,
        if_seq: int | None = None,
        epoch: str | None = None,
        seq: int | None = None,
        max_length: int | None = None,
        offer: bool = False,
        dated: bool = False,
        writes: int = 1,
        quiet: bool = False,
    ) -> int:
        """Push values (see :func:`.messages.push`), and return the push's id.

        An ``offer`` is not sent over another connection. One that is ``dated`` is for the epoch
        alone in which it is sent first: in another it is a conflict. ``writes``: how many it
        counts for. Of the refusal of a ``quiet`` one only its pusher is told.
        """
        push_id = self.last_id + 1
        frame = messages.push(
            pusher.key,
            *values,
            action=action,
            push_id=push_id,
            if_seq=if_seq,
            epoch=epoch,
            seq=seq,
            max_length=max_length,
        )
        self.last_id = push_id
        self._pushes[push_id] = Push(pusher, frame, offer, dated, writes, quiet)
        self._unsent[push_id] = None
        if offer:
            self._offers.add(push_id)
        self.byte_count += len(frame)
        self.writes += writes
        return push_id

    # What the session calls.

    def outgoing(self, *, epoch: str | None) -> Iterator[bytes]:
        """Take the frames that may be sent now: offers first, the others in their order.

        ``epoch``: the one that the room is in, as far as it has said so.
        """
        for push_id in sorted(self._offers & self._unsent.keys()):
            del self._unsent[push_id]
            yield self._pushes[push_id].frame
        oldest = next(iter(self._pushes), 0)
        while self._unsent and (push_id := next(iter(self._unsent))) < oldest + self._window:
            push = self._pushes[push_id]
            if push.undated:
                if not push.pusher.restored:
                    break
                push = self._date(push_id, push, epoch)
            del self._unsent[push_id]
            yield push.frame

    def send_again(self) -> None:
        """Send all that was not acknowledged over the connection that is open now."""
        self._unsent = OrderedDict.fromkeys(self._pushes)

    def widen(self) -> None:
        """Allow one more push in flight, because the server took one."""
        self._window = min(self._window + 1, self.widest_window)

    def narrow(self) -> None:
        """Allow half as many pushes in flight, because the server has no time for them."""
        self._window = max(self._window // 2, self.narrowest_window)

    def get(self, push_id: int) -> Push | None:
        """Return a push that is under way."""
        return self._pushes.get(push_id)

    def done(self, push_id: int) -> Push | None:
        """Take out a push that was answered; ``None`` if it is not under way (any more)."""
        push = self._pushes.pop(push_id, None)
        if push is not None:
            self._unsent.pop(push_id, None)
            self._offers.discard(push_id)
            self.byte_count -= len(push.frame)
            self.writes -= push.writes
        return push

    def longest_sent(self) -> tuple[int, int] | None:
        """Return the id and the length in bytes of the longest push that was sent."""
        sent = [push_id for push_id in self._pushes if push_id not in self._unsent]
        if not sent:
            return None
        longest = max(sent, key=lambda push_id: len(self._pushes[push_id].frame))
        return longest, len(self._pushes[longest].frame)

    def drop_offers(self) -> None:
        """Drop the offers: the connection that they were for is gone."""
        for push_id in list(self._offers):
            self.done(push_id)

    def abandon(self) -> None:
        """Drop all pushes."""
        self._pushes = OrderedDict()
        self._unsent = OrderedDict()
        self._offers = set()
        self.byte_count = self.writes = 0

    def restart(self) -> None:
        """Start numbering from the beginning, as another client."""
        self.last_id = 0

    def _date(self, push_id: int, push: Push, epoch: str | None) -> Push:
        """Give a push the epoch of the room."""
        frame = push.frame if epoch is None else messages.dated(push.frame, epoch)
        self.byte_count += len(frame) - len(push.frame)
        push = self._pushes[push_id] = push._replace(frame=frame, undated=False)
        return push


def _length(key: str, values: Sequence[bytes]) -> int:
    return sum(map(len, values)) + messages.push_overhead_bytes(key, count=len(values))
