"""A channel: what is published is heard by who is there, and kept nowhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..base_room import BaseRoom
from ..runtime.callbacks import callbacks
from ..runtime.subscribers import Subscribers, Subscription
from ..session.kind import kind_of
from ..session.log import Follower, Heard, Missed, News
from ..values.encoding import decode, encode
from ..waiting.feed import Feed
from ..waiting.handle import Handle
from .describe import hint
from .labelled import Labelled
from .message import Message, read_message

__all__ = ["PubSub"]


class PubSub(Labelled):
    """A channel with a name (``key``): everybody in the room hears what anybody publishes.

    Nothing is kept for who comes later; who was away for a short while hears what was missed.
    The room is found as by :class:`~driftdb_jupyter.SharedState`, and the same
    errors are raised. ``history``: so many of the newest values :attr:`last` remembers.
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
        self._enter(key, room, url, timeout_seconds)
        self._encode, self._decode, self._stamps = encode, decode, stamps
        self._subscribers, self._untold = Subscribers(self._topic), deque[Heard]()
        self._history: deque[Heard] = deque(maxlen=history)
        connection = self._home.connection
        self._follower = Follower()
        self._replica = connection.listen(
            key,
            self,
            kind=kind_of(key, "channel"),
            keep=False,
            stamps=stamps,
            follower=self._follower,
        )
        self._wait_ready(self._replica, timeout_seconds)
        self.label = label

    @property
    def last(self) -> list[Any]:
        """The newest values that were heard, oldest first."""
        return [self._read(heard) for heard in list(self._history)]

    def publish(self, value: Any) -> Handle[None]:
        """Say something to everybody who is there; the handle tells when the room has it.

        Raises :class:`EncodingError`, :class:`TooLarge`, :class:`QueueFull` and
        :class:`NotConnected` (all in :mod:`driftdb_jupyter.protocol.errors`).
        """
        self._check_open()
        text = encode(value, hook=self._encode)
        first = self._replica.meta is None
        receipt = self._home.connection.push(self._replica, text, keep=False)
        if first:
            hint(self._home.connection, self._key, "channel")
        return self._handle(receipt, lambda _: None)

    def subscribe(self, handler: Callable[[Any], object]) -> Subscription:
        """Call ``handler(value)`` for each value from now on, in order, each once.

        It is called on the main thread as soon as that is free, in a plain script on a thread of
        its own. Call the subscription, or leave its ``with`` block, to end it.
        """
        return self._subscribers.add(handler)

    def messages(self, *, timeout_seconds: float | None = None) -> Feed:
        """Return what is published from now on, for a ``for`` or an ``async for`` loop.

        ``timeout_seconds``: how long each may take (``None``: for ever).
        """
        return Feed(
            self._home.connection,
            self._replica,
            owner=self,
            pick=_heard,
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
        news = self._follower.take()
        self._miss(sum(each.number for each in news if isinstance(each, Missed)))
        heard = [heard for each in news for heard in _heard(each)]
        self._history.extend(heard)
        self._untold.extend(heard)
        try:
            self._subscribers.tell_all(self._untold, self._read)
        finally:
            if self._untold:  # a handler was interrupted
                callbacks.schedule(self)

    def _read(self, heard: Heard) -> Any:
        message: Message = read_message(heard, lambda text: decode(text, hook=self._decode))
        return message if self._stamps else message.value


def _heard(news: News) -> Iterable[Heard]:
    """Return what was published; not what the key's stream holds."""
    return (news,) if isinstance(news, Heard) else ()
