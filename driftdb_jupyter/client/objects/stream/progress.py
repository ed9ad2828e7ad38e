"""How far a loop has come, for everybody to see."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .stream import Stream

__all__ = ["Progress"]

T = TypeVar("T")


class Progress(Generic[T]):
    """Goes through an iterable, as ``tqdm`` does, and appends where it is.

    The values are ``{"progress": n, "total": N, "description": D, "seconds": s, "id": ID,
    "done": bool}`` with ``"error"`` where the loop failed and what :attr:`postfix` says: one for
    the beginning, one for the end, and in between no more than one every ``every_seconds``.
    A view shows the newest of an ``id``.
    """

    def __init__(
        self,
        stream: Stream,
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
        self._stream = stream
        self._iterable = iterable
        self._total = total
        self._description = description
        self._every = every_seconds
        self._id = secrets.token_urlsafe(6)
        self._start = time.monotonic()
        self._told = -every_seconds

    def __iter__(self) -> Iterator[T]:
        if self._iterable is None:
            raise TypeError("expected an iterable, got none: call update() instead")
        with self:
            for item in self._iterable:
                yield item
                self.update()

    def __enter__(self) -> Progress[T]:
        self._tell()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failed = kind is not None and not issubclass(kind, GeneratorExit)
        self._tell(done=True, error=kind.__name__ if kind is not None and failed else None)

    def update(self, steps: int = 1, **postfix: Any) -> None:
        """Some more steps are done; ``postfix`` as in ``update(loss=0.3)``."""
        self.count += steps
        self.postfix.update(postfix)
        if time.monotonic() - self._told >= self._every:
            self._tell()

    def _tell(self, *, done: bool = False, error: str | None = None) -> None:
        self._told = time.monotonic()
        self._stream.append(
            {
                "progress": self.count,
                "total": self._total,
                "description": self._description,
                "seconds": round(self._told - self._start, 3),
                "id": self._id,
                "done": done,
                **({} if error is None else {"error": error}),
                **({"postfix": dict(self.postfix)} if self.postfix else {}),
            }
        )
