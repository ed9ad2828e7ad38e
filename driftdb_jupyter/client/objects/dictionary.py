"""Several values under one key, as one mapping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from ...protocol.errors import DriftDBError
from ..arguments import check_mapping, got
from ..base_room import BaseRoom
from ..runtime.cells import Topic
from ..runtime.subscribers import Subscription
from ..sealed import Sealed
from ..waiting.handle import Handle
from ..waiting.wait import Wait
from .reducer import SharedReducer
from .shared import brief_of

if TYPE_CHECKING:
    from ..room import Room

__all__ = ["SharedDict"]


class SharedDict(Sealed, MutableMapping[str, Any]):
    """A ``dict`` with a name (``key``) that everybody in a room shares, item by item.

    Who sets one item leaves the others as they are; of two who set the same the later counts, and
    all see the same. Names are ``str``. ``initial`` is what it holds in a room that has none yet.
    The other arguments are those of :class:`~driftdb_jupyter.SharedReducer`.
    """

    def __init__(
        self,
        key: str,
        initial: Mapping[str, Any] | None = None,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[Any], Any] | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        if initial is not None:
            check_mapping("the initial value", initial)
        self._reducer = _Items(
            key,
            _after,
            dict(initial or {}),
            room=room,
            url=url,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
        )

    @property
    def _topic(self) -> Topic:
        return self._reducer._topic

    @classmethod
    async def create(cls, *args: Any, **options: Any) -> SharedDict:
        """Make one in async code (see :meth:`.SharedState.create`)."""
        return await asyncio.to_thread(cls, *args, **options)

    @property
    def key(self) -> str:
        """Its name in the room."""
        return self._reducer.key

    @property
    def room(self) -> Room:
        """The room that it is in."""
        return self._reducer.room

    @property
    def error(self) -> DriftDBError | None:
        """Why an action was refused, or why there is no connection (:attr:`.SharedState.error`)."""
        return self._reducer.error

    def retry(self) -> None:
        """Try at once to connect again, where there is no connection; doesn't wait."""
        self._reducer.retry()

    def set(self, items: Mapping[str, Any] | None = None, /, **more: Any) -> Handle[None]:
        """Set several items at once; the handle tells when the room has them.

        ``update`` does the same without a handle. Raises as :meth:`.SharedReducer.dispatch` does.
        """
        if items is not None:
            check_mapping("the items", items)
        return self._reducer.dispatch({"set": {**(items or {}), **more}})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several items at once, as ``dict.update`` does; others see all or none of them."""
        for given in args[:1]:
            if isinstance(given, (str, bytes)) or not isinstance(given, (Mapping, Iterable)):
                raise TypeError(f"expected a dict as the items, got {got(given)}")
        items = dict(*args, **kwargs)
        if items:
            self.set(items)

    def clear(self) -> None:
        """Remove all items."""
        self._reducer.dispatch({"remove": list(self)})

    def subscribe(self, handler: Callable[[dict[str, Any]], object]) -> Subscription:
        """Call ``handler(items)`` when any item changed (see :meth:`.PubSub.subscribe`)."""
        return self._reducer.subscribe(handler)

    def wait_for(
        self,
        predicate: Callable[[dict[str, Any]], object],
        *,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Wait until ``predicate(items)`` is true (see :meth:`.SharedState.wait_for`)."""
        return self.when(predicate).result(timeout_seconds)

    def when(self, predicate: Callable[[dict[str, Any]], object]) -> Wait[dict[str, Any]]:
        """Like :meth:`wait_for`, for async code (see :meth:`.SharedState.when`)."""
        return self._reducer.when(predicate)

    def close(self) -> None:
        """Hear no more; the room's connection stays for others."""
        self._reducer.close()

    def __getitem__(self, name: str) -> Any:
        return self._reducer.item(name)

    def __setitem__(self, name: str, value: Any) -> None:
        check_mapping("the items", {name: value})
        self._reducer.dispatch({"set": {name: value}})

    def __delitem__(self, name: str) -> None:
        if name not in self._reducer.items():
            raise KeyError(name)
        self._reducer.dispatch({"remove": [name]})

    def __contains__(self, name: object) -> bool:
        return name in self._reducer.items()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._reducer.items()))

    def __len__(self) -> int:
        return len(self._reducer.items())

    def __repr__(self) -> str:
        items = brief_of(self._reducer.items)
        return f"SharedDict({self.key!r}, {items}, room={self.room.name!r})"


class _Items(SharedReducer):
    """The items of a dictionary, and the actions that change them."""

    _kind = "dict"

    @classmethod
    def _class_name(cls) -> str:
        return "SharedDict"

    def items(self) -> dict[str, Any]:
        """Return all items as they are kept: not to be changed, or handed out."""
        items: dict[str, Any] = self._current()
        return items

    def item(self, name: str) -> Any:
        """Return an item, for whoever may change it; raises :class:`KeyError`."""
        return self._read(self._write(self.items()[name]))

    def _keep(self, text: bytes) -> Any:
        items = self._read(text)
        return items if isinstance(items, dict) else {}

    def _kept_text(self, kept: Any) -> bytes:
        return self._write(kept)

    def _hand_out(self, kept: Any) -> Any:
        return self._read(self._write(kept))

    def _next(self, kept: Any, action: bytes) -> Any:
        return _after(kept, self._read(action))


def _after(items: dict[str, Any], action: Any) -> dict[str, Any]:
    """Return the items after an action; raises for one that is none. Changes nothing."""
    removed = set(action.get("remove", ()))
    added = dict(action.get("set", {}))
    return {name: value for name, value in items.items() if name not in removed} | added
