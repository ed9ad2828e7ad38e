"""A stream as a handler of :mod:`logging`."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, NoReturn

from ...runtime.background import background
from ...values.encoding import encode
from .buffered_writer import BufferedWriter
from .lines import printed

if TYPE_CHECKING:
    from .stream import Stream

__all__ = ["StreamHandler", "handler_of"]

_GATHER_SECONDS = 0.05
_FLUSH_SECONDS = 5.0


class StreamHandler(logging.Handler):
    """Appends ``{"level", "logger", "message", "time"}`` for each record.

    ``message`` is what the formatter makes of it, as a terminal would show it (see
    :class:`.StreamFile`), in one value with its line breaks; ``time`` is in seconds since 1970.
    Records that come quickly travel together.
    """

    def __init__(self, stream: Stream, writer: BufferedWriter, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.attach(stream, writer)

    def attach(self, stream: Stream, writer: BufferedWriter) -> None:
        """Append to this stream from now on."""
        self._stream, self._writer = stream, writer

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record; what fails is reported as :mod:`logging` does it."""
        # Our own reports about this connection would never end.
        if record.name.startswith("driftdb_jupyter") or background().here():
            return
        try:
            value = {
                "level": printed(record.levelname),
                "logger": printed(record.name),
                "message": printed(self.format(record)),
                "time": record.created,
            }
            self._writer.put(encode(value), within_seconds=_GATHER_SECONDS)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all records are on their way, some seconds at most."""
        self._writer.hand_over(_FLUSH_SECONDS, last=False)

    def close(self) -> None:
        """Take it from the handlers that :meth:`.Stream.handler` returns again."""
        if _handlers.get(_place(self._stream)) is self:
            del _handlers[_place(self._stream)]
        super().close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "cannot pickle a StreamHandler: call handler() of a stream of the other process"
        )


def handler_of(stream: Stream, writer: BufferedWriter, level: int) -> StreamHandler:
    """Return the one handler of a stream's room and key, which now appends to this stream.

    :mod:`logging` adds a handler to a logger once, so that a cell may be run again.
    """
    handler = _handlers.get(_place(stream))
    if handler is None:
        handler = _handlers[_place(stream)] = StreamHandler(stream, writer, level)
    else:
        handler.attach(stream, writer)
        handler.setLevel(level)
    return handler


def _place(stream: Stream) -> tuple[str, str]:
    return stream.room.url, stream.key


_handlers: weakref.WeakValueDictionary[tuple[str, str], StreamHandler]
_handlers = weakref.WeakValueDictionary()
