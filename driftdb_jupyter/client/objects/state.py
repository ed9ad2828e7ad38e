"""A value that everybody in a room shares."""

from __future__ import annotations

import contextlib
import logging
import math
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

from traitlets import All, EventHandler, HasTraits, TraitType
from traitlets.utils.bunch import Bunch
from traitlets.utils.sentinel import Sentinel

from ..arguments import check_flag, check_function
from ..base_room import BaseRoom
from ..runtime.callbacks import callbacks
from ..runtime.cells import cells
from ..runtime.change_notifier import ChangeNotifier
from ..runtime.subscribers import call_each
from ..runtime.user_traceback import trimmed
from ..session.kind import kind_of
from ..session.outcome import Outcome
from ..values.encoding import Hook, decode, encode, same
from ..values.encoding import decode as plain
from ..waiting.handle import Handle
from ..waiting.wait import Wait
from .chart import Chart, ChartKind, ChartStyle, check_columns, rows_in
from .control import Control, Kind
from .describe import describe
from .made import class_of
from .message import Message, read_message
from .shared import Shared, brief_of

__all__ = ["SharedState"]

_log = logging.getLogger("driftdb_jupyter")
_SHOWN = ("control", "options", "min", "max", "step", "label", "description")


class _RoomValue(TraitType[Any, Any]):
    """A trait that is kept in a room, not in the object."""

    info_text = "a JSON value"

    def get(self, obj: HasTraits, cls: type[Any] | None = None) -> Any:
        assert isinstance(obj, SharedState)
        return obj._read()

    def set(self, obj: HasTraits, value: Any) -> None:
        assert isinstance(obj, SharedState)
        obj._write(self._validate(obj, value))


class _Asked(TraitType[Any, Any]):
    """A trait that says how the state is shown: a part of its :class:`.Control`."""

    def get(self, obj: HasTraits, cls: type[Any] | None = None) -> Any:
        assert isinstance(obj, SharedState)
        assert self.name is not None
        return _copied(obj._given.get(self.name))

    def set(self, obj: HasTraits, value: Any) -> None:
        assert isinstance(obj, SharedState)
        assert self.name is not None
        before = self.get(obj)
        obj._ask({self.name: value})
        if before != self.get(obj):
            obj._notify_trait(self.name, before, self.get(obj))


class _Described(_Asked):
    """The description; without one it reads as what stands beside the control.

    ipywidgets' ``interact`` gives those widgets a description that have none.
    """

    def get(self, obj: HasTraits, cls: type[Any] | None = None) -> Any:
        assert isinstance(obj, SharedState)
        return super().get(obj, cls) or obj._given.get("label") or obj._key


class _Observation:
    """An observer, as it belongs to the run of a cell (:mod:`..runtime.cells`)."""

    def __init__(self, state: SharedState, handler: Any, names: Any, type: Any) -> None:
        # Weakly, because a state that nobody holds is to go at once, without the cyclic collector.
        self._state = weakref.ref(state)
        self.given = (handler, names, type)

    def end(self) -> None:
        """Call the observer no more, unless another cell has it observe, too."""
        state = self._state()
        if state is None:
            return
        rest = [each for each in state._observations if each is not self]
        if all(each.given != self.given for each in rest):
            with contextlib.suppress(ValueError):  # it was taken away in another way
                state.unobserve(*self.given)
        else:
            state._observations = rest


class SharedState(Shared, HasTraits):
    """A value with a name (``key``) that everybody in a room shares.

    ``initial`` is what it is where the room has no value yet (``None``: nothing); it is then
    written there. The room is the notebook's own, unless ``room`` gives another's name or URL, or
    a :class:`~driftdb_jupyter.Room`; ``url`` is another server's URL or a room's.
    Waits up to ``timeout_seconds`` for the room's value.

    How a cell shows it: ``control`` is a name of :data:`~.control.Kind`
    (``None``: what fits the value), ``options`` are the choices of a dropdown, radio buttons or a
    multiselect (a list of values, of ``(label, value)``, or a dict of labels and values), ``min``,
    ``max`` and ``step`` a number's, ``label`` stands beside it in place of the key and
    ``description`` below it; ``disabled`` and ``read_only`` let nobody change it there, and
    ``limit_bytes`` bounds a file. All of these can be set later, too, and can be observed and
    linked as the value can (``names="max"``). None of this bounds what is written from elsewhere.

    ``throttle_seconds``: writes are sent, and observers told, no more often than that; the last
    value always arrives. ``stamps=True``: :attr:`written` tells who wrote the value, and when.
    ``encode`` makes something of a value that can be shared, and ``decode``
    reverses it, where the built-in encodings don't do.

    Raises :class:`NoServer` where there is nothing to connect to, :class:`Unreachable`,
    :class:`Forbidden`, :class:`RoomNotFound`, :class:`NotConnected` after the timeout,
    :class:`EncodingError`, :class:`TooLarge` (all in :mod:`driftdb_jupyter.protocol.errors`), and
    :class:`ValueError` for arguments that make no sense.
    """

    if TYPE_CHECKING:  # what it has in a notebook, as each of ipywidgets
        layout: Any
        tooltip: str | None
        tabbable: bool | None

        add_class: Callable[[str], Any]
        remove_class: Callable[[str], Any]

    value = _RoomValue(help="The room's value, or the own newest write while it is under way.")

    options = _Asked(None, help="The choices: a list, or a dict of labels and values.")
    min = _Asked(None, help="The least that the control lets one choose.")
    max = _Asked(None, help="The most that the control lets one choose.")
    step = _Asked(None, help="The control's step.")
    label = _Asked(None, help="What stands beside the control in place of the key.")
    description = _Described(None, help="What stands below the control.")
    disabled = _Asked(False, help="Whether the control is greyed out.")
    read_only = _Asked(False, help="Whether nobody can change the value there.")
    limit_bytes = _Asked(help="The most bytes that a file may have.")

    _settable: ClassVar[Sequence[str]] = (
        *("value", "control", "min", "max", "step", "options", "label", "description"),
        *("disabled", "read_only", "limit_bytes"),
    )

    _style: ChartStyle | None = None
    _observable = False
    _observations: Sequence[_Observation] = ()
    # The old and the new value of the change that is told next, and what reads both anew.
    _reads: tuple[Any, Any, Callable[[], tuple[Any, Any]]] | None = None

    def __init__(
        self,
        key: str,
        initial: Any = None,
        *,
        room: str | BaseRoom | None = None,
        url: str | None = None,
        control: Kind | None = None,
        options: Iterable[Any] | Mapping[str, Any] | None = None,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        label: str | None = None,
        description: str | None = None,
        disabled: bool = False,
        read_only: bool = False,
        limit_bytes: int = 512 * 1024,
        throttle_seconds: float = 0.0,
        stamps: bool = False,
        encode: Hook | None = None,
        decode: Hook | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        given: dict[str, Any] = {
            "control": control,
            "options": options,
            "min": min,
            "max": max,
            "step": step,
            "label": label,
            "description": description,
            "disabled": disabled,
            "read_only": read_only,
            "limit_bytes": limit_bytes,
            "throttle_seconds": throttle_seconds,
            "encode": encode,
        }
        given = _with_choices(given)
        asked = Control.of(initial, **given)
        check_function("decode=", decode, optional=True)
        check_flag("stamps", stamps)
        self._encode_hook, self._decode_hook = encode, decode
        offer = None if initial is None else self._encode(initial)
        if offer is not None:
            asked.check_value(plain(offer))
        self._enter(key, room, url, timeout_seconds)
        self._given, self._asked = given, asked
        self._is_list = isinstance(initial, (list, tuple))
        self._throttle = throttle_seconds
        self._notified_at = -math.inf
        connection = self._home.connection
        try:
            replica = self._replica = connection.subscribe(
                key, self, initial=offer, kind=kind_of(key, "state"), stamps=stamps
            )
            self._pace = connection.pace(replica, throttle_seconds) if throttle_seconds else None
            connection.wait_ready(replica, timeout_seconds)
        except BaseException:
            connection.unsubscribe(key, self)
            raise
        self._notifier = ChangeNotifier(lambda: replica.shown)
        super().__init__()
        self._clicks: dict[Callable[..., object], Callable[[Any], None]] = {}
        self._observable = True
        if self._is_asked():
            self._describe()

    @property
    def written(self) -> Message | None:
        """The room's value with who wrote it, and when (``stamps=True``).

        An own write is there once the room has it. ``None`` where the room has no value, or has not
        told yet.
        """
        written = self._replica.written
        return None if written is None else read_message(written.of_state(), self._decode)

    @property
    def control(self) -> Control:
        """The control that a cell shows; can be set to a name of :data:`~.control.Kind`."""
        return self._asked

    @control.setter
    def control(self, kind: Kind | None) -> None:
        shown = self._replica.shown
        self._ask({"control": kind}, value=None if shown is None else plain(shown))

    def on_click(self, handler: Callable[[Any], object], remove: bool = False) -> None:
        """Call ``handler(state)`` for each press of a button (``control="button"``), by anybody.

        A press adds one to the value. ``remove``: call the handler no more, as ipywidgets' buttons
        have it. See :meth:`observe` for when and on which thread it is called.

        Raises :class:`ValueError` for another control.
        """
        check_function("the handler", handler)
        if self._asked.kind != "button":
            raise ValueError(
                f'expected a control="button" to press, got {self._asked.kind!r}: '
                "observe() calls a handler when the value changes, whatever the control"
            )
        before = self._clicks.pop(handler, None)
        if before is not None:
            with contextlib.suppress(ValueError):  # its cell was run again
                self.unobserve(before)
        if remove:
            return

        def pressed(change: Any) -> None:
            for _ in range(_presses(change["old"], change["new"])):
                handler(change["owner"])

        self._clicks[handler] = pressed
        self.observe(pressed)

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
        thread of their own. Of several changes in the meantime only the last is told. Raises
        :class:`ValueError` for a name of nothing that can be observed.
        """
        check_function("the handler", handler)
        for name in [names] if isinstance(names, (str, Sentinel)) else names:
            if name is not All and not self.has_trait(str(name)):
                known = ", ".join(sorted(self.trait_names()))
                raise ValueError(f"expected one of {known} as names=, got {name!r}")
        callbacks.notice_loop()
        if self._observable:
            observation = _Observation(self, handler, names, type)
            cells.own(self._topic, observation)
            self._observations = [*self._observations, observation]
        super().observe(handler, names, type)

    def unobserve(
        self,
        handler: Callable[..., Any],
        names: Sentinel | str | Collection[Sentinel | str] = "value",
        type: Sentinel | str = "change",
    ) -> None:
        """Call the handler no more; the arguments are those that it was observed with."""
        given = (handler, names, type)
        self._observations = [each for each in self._observations if each.given != given]
        super().unobserve(handler, names, type)

    def notify_change(self, change: Any) -> None:
        """Tell the observers of a change, each of them whatever another raises.

        The first error is raised when all were told, as traitlets raises it: to who sets
        :attr:`value`. Further ones are logged.
        """
        if change["name"] == "value" and change["type"] == "change":
            observers = self._observers()
            reads, self._reads = self._reads, None
            if reads is None or reads[0] is not change.old or reads[1] is not change.new:
                read = None
            else:
                read = reads[2]
            call_each(observers, _changes(change, len(observers), read), raises=True)
        else:
            super().notify_change(change)

    def set(self, value: Any) -> Handle[Any]:
        """Set the value; ``set(value).result()`` returns when the room has it.

        The handle brings the value, or a newer own one that took its place on the way. Raises
        :class:`EncodingError` and :class:`TooLarge`; what an observer raises is logged.
        """
        outcome: Outcome[bytes] = Outcome()
        self._write(value, outcome)
        return self._handle(outcome, self._decode)

    def update(self, fn: Callable[[Any], Any]) -> Handle[Any]:
        """Set the value to ``fn(value)``, such that nobody's update is lost.

        ``update(lambda n: n + 1)`` counts right, whoever else counts at the same time: the room
        takes the new value only where it still has the old one, else ``fn`` is called again with
        the newer one, on another thread. So ``fn`` should do nothing else. The handle brings what
        it returned last, when the room has it. Raises what ``fn`` raises the first time,
        :class:`EncodingError` and :class:`TooLarge`.
        """
        check_function("fn", fn)

        def step(base: bytes | None) -> bytes:
            return self._encode(fn(None if base is None else self._decode(base)))

        self._check_open()
        before, self._refusal = self._refusal, None  # before, as in _write
        try:
            outcome = self._home.connection.update(self._replica, step, pace=self._pace)
        except BaseException:
            self._refusal = before
            raise
        return self._handle(outcome, self._decode)

    def wait_for(
        self, predicate: Callable[[Any], object], *, timeout_seconds: float | None = None
    ) -> Any:
        """Wait until ``predicate(value)`` is true, and return that value.

        Works in the middle of a running cell: it is the way to ask a person something there.
        ``timeout_seconds``: how long at most, ``None`` for ``DRIFTDB_WAIT_SECONDS`` (a day).

        Raises :class:`TimedOut` and, after the room was closed, :class:`NotConnected`.
        """
        return self.when(predicate).result(timeout_seconds)

    def when(self, predicate: Callable[[Any], object]) -> Wait[Any]:
        """Like :meth:`wait_for`, for async code: ``value = await state.when(predicate)``."""
        return self._wait(self._read, predicate)

    def chart(
        self,
        x: str | None = None,
        y: str | Iterable[str] | None = None,
        *,
        kind: ChartKind = "bar",
        log_x: bool = False,
        log_y: bool = False,
        smoothing: float = 0.0,
        bins: int = 30,
    ) -> Chart:
        """Return a chart of the value: rows, a frame, a dict of numbers, or votes.

        ``kind="bar"`` has a bar for each name of a dict of numbers, for each row (``x`` is the
        column of the names, ``y`` are those of the amounts), or for each choice among votes: a
        list of choices, or a dict with each voter's. The other kinds and arguments are those of
        :meth:`.Stream.chart`, and draw rows as a stream's values.

        The room is told, so that its page shows the chart in place of the control. Raises
        :class:`TypeError` and :class:`ValueError` for arguments that make no sense, and for
        columns that the value doesn't have.
        """
        style = ChartStyle.of(
            kind=kind,
            x=x,
            y=y,
            log_x=log_x,
            log_y=log_y,
            smoothing=smoothing,
            bins=bins,
        )
        shown = self._replica.shown
        check_columns(style, () if shown is None else rows_in(shown))
        self._style_as(style)
        chart: Chart = class_of("Chart")(self, style)
        return chart

    def close(self) -> None:
        """Hear and write the value no more; the room's connection stays for others."""
        self._closed = True
        self._home.connection.unsubscribe(self._key, self)
        self.unobserve_all("value")
        self._observations = ()

    def has_news(self) -> bool:
        """Return False for what was told already, as the room's answer to an own write."""
        return not self._observable or self._replica.shown != self._notifier.notified

    def deliver(self) -> None:
        """Tell the observers, if the value is another than they know (the callbacks call this)."""
        super().deliver()
        if not self._observable:
            return
        early = self._notified_at + self._throttle - time.monotonic()
        if early > 0:
            callbacks.schedule_later(self, early)
            return
        self._deliver_changes()

    def __repr__(self) -> str:
        return f"SharedState({self._key!r}, {brief_of(self._read)}, room={self._home.name!r})"

    def _observers(self) -> list[Callable[..., Any]]:
        """Return the observers of the value, in the order in which traitlets tells them."""
        notifiers = self._trait_notifiers
        handlers = [
            handler
            for name in ("value", All)
            for type in ("change", All)
            for handler in notifiers.get(name, {}).get(type, ())
        ]
        return [
            getattr(self, each.name) if isinstance(each, EventHandler) and each.name else each
            for each in handlers
        ]

    def _ask(self, changes: Mapping[str, Any], *, value: Any = None) -> None:
        """Have it shown in another way, with that value; raises as :meth:`.Control.of` does."""
        given = _with_choices({**self._given, **changes})
        asked = Control.of([] if self._is_list else None, **given)
        asked.check_value(value)
        self._asked = asked
        self._given = given
        self._describe("control")

    def _is_asked(self) -> bool:
        """Return True if something was asked for of how it is shown."""
        given = self._given
        flags = ("disabled", "read_only")
        return any(given[name] for name in flags) or any(given[name] is not None for name in _SHOWN)

    def _style_as(self, style: ChartStyle | None) -> None:
        """Have it shown as such a chart, ``None``: as a control (:class:`.Chart` calls this)."""
        self._style = style
        self._describe("chart")

    def _describe(self, *said: str) -> None:
        style = self._style
        chart = None if style is None else style.members()
        if self._is_asked():
            said = (*said, "control")
        describe(self, "state", control=self.control, chart=chart, said=said)

    def _read(self) -> Any:
        self._home.connection.start()
        shown = self._replica.shown
        return None if shown is None else self._decode(shown)

    def _encode(self, value: Any) -> bytes:
        return encode(value, hook=self._encode_hook)

    def _decode(self, text: bytes) -> Any:
        return decode(text, hook=self._decode_hook)

    def _write(self, value: Any, outcome: Outcome[bytes] | None = None) -> None:
        self._check_open()
        text = self._encode(value)
        notifies_here = callbacks.here() and not self._throttle
        by = self if notifies_here else None
        taken = False

        def write() -> None:
            nonlocal taken
            # Before, for the background thread may have it refused while this one goes on.
            before, self._refusal = self._refusal, None
            try:
                self._home.connection.write(
                    self._replica, text, by=by, outcome=outcome, pace=self._pace
                )
                taken = True
            finally:
                if not taken:
                    self._refusal = before
            self._newest = None

        if not notifies_here:
            write()
            return
        try:
            self._deliver_changes(write)
        except Exception as error:
            if not taken:
                raise
            if outcome is None:
                raise trimmed(error)  # noqa: B904 (it is the same one)
            _log.error("an observer of %r failed", self, exc_info=trimmed(error))

    def _deliver_changes(self, change: Callable[[], object] | None = None) -> None:
        self._notified_at = time.monotonic()
        try:
            self._notifier.run(self._deliver_change, change=change)
        except BaseException:
            callbacks.schedule(self)  # the others are to be told all the same
            raise

    def _deliver_change(self, before: bytes | None, now: bytes | None) -> None:
        def read() -> tuple[Any, Any]:
            try:
                old = None if before is None else self._decode(before)
            except Exception:
                old = None  # it could not be told, either
            return old, None if now is None else self._decode(now)

        old, new = read()
        if not same(old, new):
            self._reads = old, new, read
            try:
                self._notify_trait("value", old, new)
            finally:
                self._reads = None


def _with_choices(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given with its options as a tuple: an iterator can be read but once."""
    options = given["options"]
    if isinstance(options, Iterable) and not isinstance(options, (str, bytes, Mapping)):
        options = tuple(options)
    return {**given, "options": _copied(options)}


_UNCHANGEABLE = (type(None), bool, int, float, str, bytes)


def _changes(change: Any, count: int, read: Callable[[], tuple[Any, Any]] | None) -> Iterable[Any]:
    """Return a change for each of its observers, none of whom sees what another makes of a value.

    As traitlets does, all are given the same one where its values can't be changed. ``read``
    returns the old and the new value anew; without it (traitlets held the change back and may have
    joined it with others) they are copied. Raises what reading raises.
    """
    if count < 2 or (type(change.old) in _UNCHANGEABLE and type(change.new) in _UNCHANGEABLE):
        return repeat(change)
    changes = [change]
    for _ in range(count - 1):
        old, new = (_copied(change.old), _copied(change.new)) if read is None else read()
        changes.append(Bunch(change, old=old, new=new))
    return changes


def _copied(value: Any) -> Any:
    """Return a deep copy, or the value itself where it can't be copied."""
    if type(value) in _UNCHANGEABLE:
        return value
    try:
        return deepcopy(value)
    except Exception:  # a type of the user's, which encode= and decode= know
        return value


_MOST_PRESSES = 1000
"""What adds more to a button's value at once is one press: somebody set the value."""


def _presses(old: Any, new: Any) -> int:
    """Return how many presses of a button made its value another."""
    try:
        added = int(new) - int(old or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return min(added, 1) if added > _MOST_PRESSES else max(added, 0)
