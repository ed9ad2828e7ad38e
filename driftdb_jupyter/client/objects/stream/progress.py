"""A progress bar that everybody in the room sees."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar

from ....protocol.errors import EncodingError, QueueFull, Refusal
from ...arguments import check_number
from ...values.encoding import decode, encode
from ..shared import brief
from .buffered_writer import BufferedWriter
from .lines import printed

__all__ = ["Progress"]

T = TypeVar("T")

_GATHER_SECONDS = 0.05


class Progress(Generic[T]):
    """Goes through an iterable, as ``tqdm`` does, and appends where it is.

    The values are ``{"progress": n, "total": N, "description": D, "seconds": s, "id": ID,
    "done": bool}`` and what :attr:`postfix` says: one for the beginning, one for the end, and in
    between no more than one every ``every_seconds``, and none while too much waits to be sent.
    A view shows the newest of an ``id``.

    ``done`` is true in the last value, if all steps are done or ``"error"`` says what the loop
    failed with; a loop that ends before that has ``"stopped": true`` there. An iterator isn't told
    what the body of its loop raises; a ``with`` block is::

        with log.progress(range(100)) as steps:
            for step in steps:
                ...
    """

    def __init__(
        self,
        writer: BufferedWriter,
        iterable: Iterable[T] | None,
        *,
        total: int | None,
        description: str | None,
        every_seconds: float,
    ) -> None:
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        self.count = 0
        """How many steps are done."""
        self.postfix: dict[str, Any] = {}
        """What else is to be seen, such as ``{"loss": 0.3}``."""
        self._writer = writer
        self._iterable = iterable
        self._total = total
        self._description = None if description is None else printed(description)
        self._every = every_seconds
        self._id = secrets.token_urlsafe(6)
        self._start = time.monotonic()
        self._appended_at = -every_seconds
        self._entered = False
        self._exhausted = False

    def __iter__(self) -> Iterator[T]:
        if self._iterable is None:
            raise TypeError("expected an iterable, got none: call update() instead")
        if self._entered:  # the with block begins and ends it
            yield from self._steps(self._iterable)
            return
        with self:
            yield from self._steps(self._iterable)

    def __enter__(self) -> Progress[T]:
        self._entered = True
        self._append()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._entered = False
        if self._total is None:
            complete = self._exhausted or kind is None
        else:
            complete = self._exhausted or self.count >= self._total
        failed = kind is not None and not issubclass(kind, GeneratorExit)
        self._append(
            ended=True, done=complete or failed, error=kind.__name__ if kind and failed else None
        )

    def update(self, steps: int = 1, **postfix: Any) -> None:
        """Count some more steps as done; ``postfix`` as in ``update(loss=0.3)``.

        Raises :class:`TypeError` for steps that are no number, and
        :class:`~driftdb_jupyter.protocol.errors.EncodingError` for what can't be encoded, also
        where nothing is due to be appended; nothing is changed then. A tensor of one item is
        encoded as its number.
        """
        check_number("steps", steps)
        if postfix:
            # As it is now, also if it is changed before its turn comes.
            self.postfix.update(_plain(postfix))
        self.count += steps
        if time.monotonic() - self._appended_at >= self._every:
            self._append()

    def _steps(self, iterable: Iterable[T]) -> Iterator[T]:
        for item in iterable:
            yield item
            self.update()
        self._exhausted = True

    def _shown_postfix(self) -> dict[str, Any]:
        """Return what can be encoded; the rest, which was set as an attribute, as its text."""
        try:
            return _plain(self.postfix)
        except EncodingError:
            return {str(name): _plain_or_text(item) for name, item in self.postfix.items()}

    def _append(self, *, ended: bool = False, done: bool = False, error: str | None = None) -> None:
        if self._writer.behind and not ended:
            return  # a later one will do
        self._appended_at = time.monotonic()
        value: dict[str, Any] = {
            "progress": self.count,
            "total": self._total,
            "description": self._description,
            "seconds": round(self._appended_at - self._start, 3),
            "id": self._id,
            "done": done,
        }
        if ended and not done:
            value["stopped"] = True
        if error is not None:
            value["error"] = error
        if self.postfix:
            value["postfix"] = self._shown_postfix()
        try:
            self._writer.put(encode(value), within_seconds=min(self._every, _GATHER_SECONDS))
        except Refusal:
            pass  # the stream tells; a loop doesn't end because nobody can see where it is
        except QueueFull:
            if ended:
                raise


def _plain(postfix: dict[str, Any]) -> dict[str, Any]:
    """Return what others see of it; raises :class:`EncodingError` with the path."""
    shown: dict[str, Any] = decode(encode(postfix))
    return {name: printed(item) if isinstance(item, str) else item for name, item in shown.items()}


def _plain_or_text(item: Any) -> Any:
    try:
        return _plain({"": item})[""]
    except EncodingError:
        return printed(brief(item, 100))
