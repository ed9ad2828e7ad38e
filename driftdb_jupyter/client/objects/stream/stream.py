"""A list that everybody in a room adds to, and that stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, overload

from ...arguments import (
    check_flag,
    check_function,
    check_hooks,
    check_seconds,
    check_text,
    check_whole,
    got,
)
from ...base_room import BaseRoom
from ...runtime.subscribers import Subscribers, Subscription
from ...session.bookmark import Bookmark
from ...session.kind import kind_of
from ...session.log import Heard
from ...session.outcome import last_of
from ...session.unread import Unread
from ...values.encoding import decode, encode, encode_each
from ...waiting.feed import Feed
from ...waiting.handle import Handle
from ..chart import (
    Chart,
    ChartKind,
    ChartStyle,
    check_columns,
    keys_of,
    values_in,
)
from ..describe import describe, hint
from ..labelled import Labelled
from ..made import class_of
from ..message import Message, read_message
from .buffered_writer import BufferedWriter
from .file import StreamFile
from .handler import StreamHandler, handler_of
from .progress import Progress

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(Labelled, Sequence[Any]):
    """A list with a name (``key``) that everybody in the room appends to, in one order for all.

    It is a sequence: ``len(stream)``, ``stream[-1]``, ``for value in stream`` go over what it
    holds now; :meth:`follow` goes on with what is yet to come. The room is found as by
    :class:`~driftdb_jupyter.SharedState`, and the same errors are raised.
    ``max_length``: how many values an append leaves in it, ``None`` for what the server allows.
    ``stamps=True``: values come as :class:`~driftdb_jupyter.Message`, with who
    appended them and when. ``encode`` and ``decode`` are for values that JSON can't hold.
    """

    _kind = "stream"
    _style: ChartStyle | None = None

    def __init__(
        self,
        key: str,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        max_length: int | None = None,
        stamps: bool = False,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[Any], Any] | None = None,
        label: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        if max_length is not None:
            check_whole("max_length", max_length, least=1)
        check_flag("stamps", stamps)
        check_hooks(encode, decode)
        check_text("label", label)
        self._enter(key, room, url, timeout_seconds)
        self._encode, self._decode, self._stamps = encode, decode, stamps
        self._max_length = max_length
        self._subscribers = Subscribers(self._topic)
        self._writer: BufferedWriter | None = None
        connection = self._home.connection
        self._unread = Unread(Bookmark(skip=True))
        self._replica = connection.listen(
            key,
            self,
            kind=kind_of(key, "stream"),
            keep=True,
            held=True,
            stamps=stamps,
            follower=self._unread.follower,
        )
        replica = self._replica
        self._unread.held = lambda: replica.entries[:]
        self._wait_ready(self._replica, timeout_seconds)
        self.label = label

    def append(self, value: Any) -> Handle[int | None]:
        """Add a value; the handle brings its sequence number when the room has it.

        Raises :class:`EncodingError`, :class:`TooLarge`, :class:`QueueFull` and
        :class:`NotConnected` (all in :mod:`driftdb_jupyter.protocol.errors`).
        """
        return self._push([encode(value, hook=self._encode)])

    def extend(self, values: Iterable[Any]) -> Handle[int | None]:
        """Add many values, in as few messages as hold them; the handle is the last one's.

        Raises as :meth:`append` does; none is added if one of them can't be encoded, or if it is
        given one value in place of many (:class:`TypeError`), such as a text.
        """
        if isinstance(values, (str, bytes, bytearray, Mapping)) or not isinstance(values, Iterable):
            raise TypeError(f"expected several values, such as a list of them, got {got(values)}")
        return self._push(encode_each(values, hook=self._encode))

    def compact(self, summarize: Callable[[list[Any]], Any]) -> Handle[int | None]:
        """Put one value, ``summarize(values)``, in the place of all that the stream holds.

        What others append meanwhile stays behind it. Raises as :meth:`append` does.
        """
        check_function("summarize", summarize)
        connection = self._home.connection
        # The epoch first: where the room starts over in between, it refuses the other's.
        epoch = self._replica.epoch
        entries = self._replica.entries[:]
        if not entries:
            raise ValueError("expected a stream with values, got an empty one")
        seq = entries[-1].seq
        text = encode(summarize([self._read(entry) for entry in entries]), hook=self._encode)
        outcome = connection.compact(self._replica, text, seq=seq, epoch=epoch)
        return self._handle(outcome, lambda seq: seq)

    def follow(self, *, start: str = "oldest", timeout_seconds: float | None = None) -> Feed:
        """Return the values for a ``for`` or an ``async for`` loop that waits for each next one.

        ``start``: ``"oldest"`` for what the stream holds first, ``"now"`` for what comes from now
        on. ``timeout_seconds``: how long each may take (``None``: ``DRIFTDB_WAIT_SECONDS``, a day).
        """
        if start not in ("oldest", "now"):
            raise ValueError(f'expected start="oldest" or start="now", got {start!r}')
        return Feed(
            self._home.connection,
            self._replica,
            owner=self,
            place=Bookmark(skip=start == "now"),
            read=self._read,
            timeout_seconds=timeout_seconds,
        )

    def subscribe(self, handler: Callable[[Any], object]) -> Subscription:
        """Call ``handler(value)`` for each value that is appended from now on, each once.

        See :meth:`.PubSub.subscribe`.
        """
        return self._subscribers.add(handler)

    def file(self, *, flush_seconds: float = 0.05) -> StreamFile:
        """Return a text file to print to: each line is a value (see :class:`.StreamFile`)."""
        check_seconds("flush_seconds", flush_seconds)
        return StreamFile(self, self._open_writer(), flush_seconds=flush_seconds)

    def handler(self, level: int = logging.NOTSET) -> StreamHandler:
        """Return a handler for :mod:`logging` (see :class:`.StreamHandler`).

        There is one for a key of a room, whose level this sets. So a cell that adds it to a
        logger may be run again.
        """
        return handler_of(self, self._open_writer(), level)

    def progress(
        self,
        iterable: Iterable[T] | None = None,
        *,
        total: int | None = None,
        description: str | None = None,
        every_seconds: float = 0.1,
    ) -> Progress[T]:
        """Go through an iterable, as ``tqdm`` does, and append where it is.

        Without an iterable: ``with stream.progress(total=10) as progress: progress.update()``.
        See :class:`.Progress`.
        """
        if iterable is not None and not isinstance(iterable, Iterable):
            raise TypeError(f"expected an iterable, got {got(iterable)}")
        if total is not None:
            check_whole("total", total, least=0)
        check_text("description", description)
        check_seconds("every_seconds", every_seconds)
        return Progress(
            self._open_writer(),
            iterable,
            total=total,
            description=description,
            every_seconds=every_seconds,
        )

    def chart(
        self,
        x: str | None = None,
        y: str | Iterable[str] | None = None,
        *,
        kind: ChartKind = "line",
        streams: Stream | Iterable[Stream] = (),
        log_x: bool = False,
        log_y: bool = False,
        smoothing: float = 0.0,
        bins: int = 30,
        window: float | None = None,
    ) -> Chart:
        """Return a chart of the values, which are numbers or dicts, also of those yet to come.

        ``y``: the columns (names in the dicts) that are drawn, ``None`` for all that are numbers;
        ``x``: the column of the horizontal axis, ``None`` for ``"step"``, ``"epoch"`` and the like
        where values have it, and else for their count. Where values have no such column,
        ``"time"`` is when the server got them. ``kind`` is ``"line"``, ``"points"``, ``"bar"``
        (texts are counted as votes) or ``"histogram"``, which has ``bins``. ``streams``: others of
        the same room that are drawn in the same chart. ``smoothing``: how much of the line is its
        past, from 0 to below 1. ``window``: how much of the horizontal axis is shown while the
        chart follows, ``None`` for all. ``log_x``, ``log_y``: logarithmic axes.

        The room is told, so that its page shows the same (``$meta/KEY``). Raises
        :class:`TypeError` and :class:`ValueError` for arguments that make no sense, and for
        columns that the values don't have.
        """
        keys = keys_of(streams, self, Stream)
        style = ChartStyle.of(
            kind=kind,
            x=x,
            y=y,
            log_x=log_x,
            log_y=log_y,
            smoothing=smoothing,
            bins=bins,
            window=window,
            streams=keys,
        )
        if not keys:  # else others may have them
            check_columns(style, values_in(each.value for each in self._replica.entries[::-1]))
        self._style_as(style)
        chart: Chart = class_of("Chart")(self, style)
        return chart

    def close(self) -> None:
        """Hear no more, and write no more; the room's connection stays for others."""
        self._closed = True
        self._subscribers.clear()
        self._home.connection.unsubscribe(self._key, self)

    def __len__(self) -> int:
        return len(self._replica.entries)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        found = self._replica.entries[index]
        return (
            [self._read(each) for each in found] if isinstance(found, list) else self._read(found)
        )

    def __iter__(self) -> Iterator[Any]:
        entries = self._replica.entries[:]
        return map(self._read, entries)

    def deliver(self) -> None:
        """Tell the subscribers what came (the callbacks call this)."""
        super().deliver()
        unread, subscribers = self._unread, self._subscribers
        unread.fetch()
        self._miss(unread.missed)
        while values := unread.values:
            if not subscribers:
                values.clear()
                continue
            heard = values[0]
            subscribers.notify(heard, partial(self._read, heard))
            if unread.values and unread.values[0] is heard:
                unread.values.popleft()

    def _push(self, values: Sequence[bytes]) -> Handle[int | None]:
        self._check_open()
        connection = self._home.connection
        if self._writer is not None and self._writer.busy:  # what was printed comes first
            self._writer.hand_over(connection.settings.connect_timeout_seconds, last=False)
        batches = [values] if len(values) == 1 else self._replica.batches(values)
        first = self._replica.meta is None
        outcomes = [
            connection.push(self._replica, *batch, keep=True, max_length=self._max_length)
            for batch in batches
        ]
        if first and outcomes:
            hint(connection, self._key, "stream")
        return self._handle(last_of(outcomes), lambda seq: seq)

    def _style_as(self, style: ChartStyle | None) -> None:
        """Have it shown as such a chart, ``None``: as it fits (:class:`.Chart` calls this)."""
        self._style = style
        self._describe("chart")

    def _describe(self, *said: str) -> None:
        style = self._style
        chart = None if style is None else style.members()
        describe(self, self._kind, label=self.label, chart=chart, said=said)

    def _open_writer(self) -> BufferedWriter:
        if self._writer is None:
            self._writer = BufferedWriter(self._home, self._replica, max_length=self._max_length)
        return self._writer

    def _read(self, heard: Heard) -> Any:
        message: Message = read_message(heard, lambda text: decode(text, hook=self._decode))
        return message if self._stamps else message.value
