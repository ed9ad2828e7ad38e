"""A channel: what is published is heard by who is there, and kept nowhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from ..arguments import check_flag, check_hooks, check_text, check_whole
from ..base_room import BaseRoom
from ..runtime.subscribers import Subscribers, Subscription
from ..session.kind import kind_of
from ..session.log import Heard
from ..session.unread import Unread
from ..values.encoding import decode, encode
from ..waiting.feed import Feed
from ..waiting.handle import Handle
from .describe import hint
from .labelled import Labelled
from .message import Message, read_message

__all__ = ["PubSub"]


class PubSub(Labelled):
    """A channel with a name (``key``): everybody in the room hears what anybody publishes.

    Nothing is kept for later subscribers; one that was away for a short while hears what it missed.
    The room is found as by :class:`~driftdb_jupyter.SharedState`, and the same
    errors are raised. ``history``: how many of the newest values :attr:`last` remembers.
    ``stamps=True``: values come as :class:`~driftdb_jupyter.Message`, with who
    published them and when. ``encode`` and ``decode`` are for values that JSON can't hold.
    """

    _kind = "channel"

    def __init__(
        self,
        key: str,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        history: int = 100,
        stamps: bool = False,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[Any], Any] | None = None,
        label: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        check_whole("history", history, least=0)
        check_flag("stamps", stamps)
        check_hooks(encode, decode)
        check_text("label", label)
        self._enter(key, room, url, timeout_seconds)
        self._encode, self._decode, self._stamps = encode, decode, stamps
        self._subscribers = Subscribers(self._topic)
        self._history: deque[Heard] = deque(maxlen=history)
        connection = self._home.connection
        self._unread = Unread()
        self._replica = connection.listen(
            key,
            self,
            kind=kind_of(key, "channel"),
            keep=False,
            stamps=stamps,
            follower=self._unread.follower,
        )
        self._wait_ready(self._replica, timeout_seconds)
        self.label = label

    @property
    def last(self) -> list[Any]:
        """The newest values that were heard, oldest first."""
        coming, newest = self._unread.values.copy(), self._history.copy()
        taken = set(map(id, newest))  # one may have come from the one to the other meanwhile
        newest.extend(each for each in coming if id(each) not in taken)
        return [self._read(heard) for heard in newest]

    def publish(self, value: Any) -> Handle[None]:
        """Send a value to everybody who is connected; the handle tells when the room has it.

        Raises :class:`EncodingError`, :class:`TooLarge`, :class:`QueueFull` and
        :class:`NotConnected` (all in :mod:`driftdb_jupyter.protocol.errors`).
        """
        self._check_open()
        text = encode(value, hook=self._encode)
        first = self._replica.meta is None
        outcome = self._home.connection.push(self._replica, text, keep=False)
        if first:
            hint(self._home.connection, self._key, "channel")
        return self._handle(outcome, lambda _: None)

    def subscribe(self, handler: Callable[[Any], object]) -> Subscription:
        """Call ``handler(value)`` for each value from now on, in order, each once.

        It is called on the main thread as soon as that is free, in a plain script on a thread of
        its own. Call the subscription, or leave its ``with`` block, to end it.
        """
        return self._subscribers.add(handler)

    def messages(self, *, timeout_seconds: float | None = None) -> Feed:
        """Return what is published from now on, for a ``for`` or an ``async for`` loop.

        ``timeout_seconds``: how long each may take (``None``: ``DRIFTDB_WAIT_SECONDS``, a day).
        """
        return Feed(
            self._home.connection,
            self._replica,
            owner=self,
            read=self._read,
            timeout_seconds=timeout_seconds,
        )

    def __iter__(self) -> Feed:
        return self.messages()

    def __aiter__(self) -> Feed:
        return self.messages()

    def close(self) -> None:
        """Hear no more, and write no more; the room's connection stays for others."""
        self._closed = True
        self._subscribers.clear()
        self._home.connection.unsubscribe(self._key, self)

    def deliver(self) -> None:
        """Tell the subscribers what came (the callbacks call this)."""
        super().deliver()
        unread, history, subscribers = self._unread, self._history, self._subscribers
        unread.fetch()
        self._miss(unread.missed)
        while values := unread.values:
            if not subscribers:
                _move(values, history, len(values))
                continue
            heard = values[0]
            subscribers.notify(heard, partial(self._read, heard))
            if unread.values and unread.values[0] is heard:
                _move(unread.values, history, 1)

    def _read(self, heard: Heard) -> Any:
        message: Message = read_message(heard, lambda text: decode(text, hook=self._decode))
        return message if self._stamps else message.value


def _move(values: deque[Heard], history: deque[Heard], count: int) -> None:
    """Move the first values to the history, in one step: no interrupt comes in between."""
    history.extend(islice(iter(values.popleft, None), count))
