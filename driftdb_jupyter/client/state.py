"""A value that everybody in a room shares."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from traitlets import HasTraits, TraitType

from ..protocol.errors import DriftDBError, EncodingError, Refusal
from .callbacks import callbacks
from .room import Room
from .room import room as find_room
from .values import decode, encode, same

if TYPE_CHECKING:
    from traitlets.utils.sentinel import Sentinel

__all__ = ["SharedState"]

_log = logging.getLogger("driftdb_jupyter")


class _RoomValue(TraitType[Any, Any]):
    """A trait that is kept in a room, not in the object."""

    info_text = "a JSON value"

    def get(self, obj: HasTraits, cls: type[Any] | None = None) -> Any:
        assert isinstance(obj, SharedState)
        return obj._read()

    def set(self, obj: HasTraits, value: Any) -> None:
        assert isinstance(obj, SharedState)
        obj._write(self._validate(obj, value))


class SharedState(HasTraits):
    """A value with a name (``key``) that everybody in a room shares.

    ``initial`` is what it is where the room has no value yet (``None``: nothing); it is then
    written there. The room is the notebook's own, unless ``room`` gives another's name or URL, or
    a :class:`~driftdb_jupyter.client.room.Room`; ``url`` is another server's URL or a room's.
    ``min``, ``max``, ``step`` and ``label`` are for the control that shows it; they don't bound
    what is written. Waits up to ``timeout_seconds`` for the room's value.

    Raises :class:`NoServer` where there is nothing to connect to, :class:`Unreachable`,
    :class:`Forbidden`, :class:`RoomNotFound`, :class:`NotConnected` after the timeout,
    :class:`EncodingError`, :class:`TooLarge` (all in :mod:`driftdb_jupyter.protocol.errors`), and
    :class:`ValueError` for arguments that make no sense.
    """

    value = _RoomValue(help="The room's value, or the own newest write while it is under way.")

    def __init__(
        self,
        key: str,
        initial: Any = None,
        *,
        room: str | Room | None = None,
        url: str | None = None,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        label: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        _check_key(key)
        _check_bounds(min, max, step)
        offer = None if initial is None else encode(initial)
        if isinstance(room, Room):
            if url is not None:
                raise ValueError("expected either a Room as room= or url=, got both")
            self._home = room
        else:
            self._home = find_room(room, url=url, timeout_seconds=timeout_seconds)
        self._key = key
        self._bounds = (min, max, step)
        self._label = label
        self._refusal: Refusal | None = None
        self._logged: Refusal | None = None
        self._teller: threading.Thread | None = None
        self._depth = 0
        self._announced: bytes | None = None
        callbacks.notice_loop()
        connection = self._home.connection
        self._replica = connection.subscribe(key, self, initial=offer)
        try:
            connection.wait_ready(self._replica, timeout_seconds)
        except BaseException:
            connection.unsubscribe(key, self)
            raise
        self._announced = self._replica.shown
        super().__init__()

    @property
    def key(self) -> str:
        """Its name in the room."""
        return self._key

    @property
    def room(self) -> Room:
        """The room that it is in."""
        return self._home

    @property
    def min(self) -> float | None:
        """The control's lower bound."""
        return self._bounds[0]

    @property
    def max(self) -> float | None:
        """The control's upper bound."""
        return self._bounds[1]

    @property
    def step(self) -> float | None:
        """The control's step."""
        return self._bounds[2]

    @property
    def label(self) -> str | None:
        """What the control is labelled with in place of the key."""
        return self._label

    @property
    def error(self) -> DriftDBError | None:
        """Why the newest write was refused, or why there is no connection."""
        return self._refusal or self._home.error

    def retry(self) -> None:
        """Try at once to connect again, where there is no connection; doesn't wait."""
        self._home.retry()

    def observe(
        self,
        handler: Callable[..., Any],
        names: Sentinel | str | Collection[Sentinel | str] = "value",
        type: Sentinel | str = "change",
    ) -> None:
        """Call ``handler(change)`` when the value changed, with ``change.old`` and ``change.new``.

        As :meth:`traitlets.HasTraits.observe`, but for the value where ``names`` doesn't say
        otherwise. The room's changes are told on the main thread as soon as it is free, in a
        kernel as in a program whose main thread runs an event loop; in a plain script on a
        thread of their own. Of several changes in the meantime only the last is told.
        """
        callbacks.notice_loop()
        super().observe(handler, names, type)

    def unobserve(
        self,
        handler: Callable[..., Any],
        names: Sentinel | str | Collection[Sentinel | str] = "value",
        type: Sentinel | str = "change",
    ) -> None:
        """Call the handler no more; the arguments are those that it was observed with."""
        super().unobserve(handler, names, type)

    def close(self) -> None:
        """Hear of the value no more; the room's connection stays for others."""
        self._home.connection.unsubscribe(self._key, self)
        self.unobserve_all("value")

    def deliver(self) -> None:
        """Tell the observers, if the value is another than they know (the callbacks call this)."""
        self._report()
        with self._home.connection.guard:
            claimed = self._claim()
        if claimed:
            self._tell()

    def refused(self, error: Refusal) -> None:
        """Keep why a write was refused (the connection calls this)."""
        self._refusal = error
        callbacks.schedule(self)

    def __repr__(self) -> str:
        return f"SharedState({self._key!r}, {self._read()!r}, room={self._home.name!r})"

    def _read(self) -> Any:
        self._home.connection.start()
        shown = self._replica.shown
        return None if shown is None else decode(shown)

    def _write(self, value: Any) -> None:
        text = encode(value)
        connection = self._home.connection
        tell_here = callbacks.here()
        with connection.guard:
            connection.write(self._replica, text, by=self if tell_here else None)
            self._refusal = None
            claimed = tell_here and self._claim()
        if claimed:
            self._tell()

    # One thread at a time tells the observers, so that they hear of changes in their order;
    # nobody waits for it: it goes on until nothing is left to tell.

    def _claim(self) -> bool:
        me = threading.current_thread()
        if self._teller is not me:
            if self._teller is not None and self._teller.is_alive():
                return False
            self._teller, self._depth = me, 0
        self._depth += 1
        return True

    def _release(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._teller = None

    def _tell(self) -> None:
        try:
            while (change := self._next_change()) is not None:
                self._notify_trait("value", *change)
        except BaseException:
            with self._home.connection.guard:
                self._release()
            callbacks.schedule(self)
            raise

    def _next_change(self) -> tuple[Any, Any] | None:
        with self._home.connection.guard:
            while (shown := self._replica.shown) != self._announced:
                before, self._announced = self._announced, shown
                old = None if before is None else decode(before)
                new = None if shown is None else decode(shown)
                if not same(old, new):
                    return old, new
            self._release()
            return None

    def _report(self) -> None:
        refusal = self._refusal
        if refusal is not None and refusal.code != getattr(self._logged, "code", None):
            self._logged = refusal
            _log.warning(
                "SharedState %r: the room refused a write, and keeps its value: %s",
                self._key,
                refusal,
            )


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise EncodingError(f"key: expected a str, got {type(key).__name__}")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise EncodingError(f"key: expected a str that UTF-8 can hold, got {key!r}") from None


def _check_bounds(low: float | None, high: float | None, step: float | None) -> None:
    if low is not None and high is not None and not low <= high:
        raise ValueError(f"expected min <= max, got min={low!r} and max={high!r}")
    if step is not None and not step > 0:
        raise ValueError(f"expected a step above 0, got {step!r}")
