"""Which cell of a notebook is running, and what ends when that cell is run again.

A person runs a cell again to replace what it did, but what its earlier run made lives on: IPython
keeps the results of cells (``Out``), and a page may ask for a widget's model at any time. So each
observer, subscription, binding and log handler belongs to the run of the cell that registered it,
and ends as soon as a later run of the same cell uses the same key of the same room again.

A cell is known by the id that the front end sends (``cellId`` in the metadata of the request:
JupyterLab, Notebook 7 and VS Code do). Where there is none, as in a console, it is known by its
text; and a cell with another text that gives a variable a new object of the same key takes the
place of the one that gave it the old object.

What is registered elsewhere belongs to no cell, and stays: in scripts, in threads, in callbacks,
and in a ``with keep_on_rerun():`` block.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections import deque
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakSet

from .turn_lock import TurnLock

__all__ = [
    "Cells",
    "Registration",
    "Run",
    "Topic",
    "cells",
    "current_run",
    "ipython",
    "keep_on_rerun",
]

Topic = tuple[Hashable, str]
"""A room, and a key in it."""

_OURS = f"{__name__.partition('.')[0]}."

_PAST_RUNS = 100
"""How many runs of a cell are remembered, so that a task of an old run replaces nothing newer."""


class Registration(Protocol):
    """An observer, handler or binding that belongs to a run of a cell. It is held weakly."""

    def end(self) -> None:
        """End it, because the cell was run again."""


@dataclass(frozen=True)
class Run:
    """One run of a cell."""

    cell: Hashable
    number: Hashable
    has_id: bool
    """Whether the front end says which cell it is."""


@dataclass
class _Use:
    """The things that a run of a cell registered on a topic, and how many objects it made there."""

    run: Hashable
    registered: WeakSet[Registration] = field(default_factory=WeakSet)
    made: int = 0


@dataclass
class _Cell:
    run: Hashable = None
    past: deque[Hashable] = field(default_factory=lambda: deque(maxlen=_PAST_RUNS))
    uses: dict[Topic, _Use] = field(default_factory=dict)


@dataclass(frozen=True)
class _Named:
    """An object that a variable holds, and the cell that gave it."""

    topic: Topic
    cell: Hashable
    value: weakref.ref[Any]


class Cells:
    """The things that the newest run of each cell registered. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = TurnLock()
        self._cells: dict[Hashable, _Cell] = {}
        self._named: dict[str, _Named] = {}
        self._watched: Any = None

    def use(self, topic: Topic) -> None:
        """End what earlier runs of the running cell registered on a topic."""
        self._use(topic)

    def own(self, topic: Topic, registration: Registration) -> None:
        """Have ``registration.end()`` called when the running cell is run again and uses the topic.

        Does nothing where no cell is running.
        """
        with self._lock:
            use = self._use(topic)
            if use is not None:
                use.registered.add(registration)

    def place(self, topic: Topic) -> Hashable:
        """Return which object of its run this is, in words that are the same in the next run.

        ``None`` where no cell is running.
        """
        run = current_run()
        use = self._use(topic)
        if run is None or use is None:
            return None
        use.made += 1
        return (run.cell, topic, use.made)

    def _use(self, topic: Topic) -> _Use | None:
        run = current_run()
        if run is None:
            return None
        with self._lock:
            cell = self._cells.setdefault(run.cell, _Cell())
            if run.number in cell.past:
                return None
            if run.number != cell.run:
                if cell.run is not None:
                    cell.past.append(cell.run)
                cell.run = run.number
                cell.uses = {each: use for each, use in cell.uses.items() if use.registered}
            use = cell.uses.get(topic)
            if use is None or use.run != run.number:
                # First, because an interrupt may come in between; ending twice does no harm.
                if use is not None:
                    _end(use)
                use = cell.uses[topic] = _Use(run.number)
                if not run.has_id:
                    self._watch_names()
            return use

    def _watch_names(self) -> None:
        shell = ipython()
        if shell is not None and self._watched is not shell:
            self._watched = shell
            shell.events.register("post_run_cell", self._look_at_names)

    def _look_at_names(self, *_: object) -> None:
        """Note which variables hold an object of the run that has just ended."""
        run = current_run()
        if run is None or run.has_id:
            return
        replaced = []
        with self._lock:
            cell = self._cells.get(run.cell)
            if cell is None or cell.run != run.number:
                return
            used = {topic for topic, use in cell.uses.items() if use.run == run.number}
            for name, value in list(ipython().user_ns.items()):
                topic = None if name.startswith("_") else _topic_of(value)
                if topic not in used:
                    continue
                before = self._named.get(name)
                if before is not None and before.value() is value:
                    continue
                if before is not None and before.topic == topic and before.cell != run.cell:
                    use = self._cells[before.cell].uses.pop(topic, None)
                    replaced += [use] if use is not None else []
                self._named[name] = _Named(topic, run.cell, weakref.ref(value))
        for use in replaced:
            _end(use)


def current_run() -> Run | None:
    """Return the run of the cell that the calling code belongs to."""
    if _outside.get():
        return None
    shell = ipython()
    if shell is None or not _runs_cells(threading.current_thread()):
        return None
    get_parent = getattr(getattr(shell, "kernel", None), "get_parent", None)
    if get_parent is None:
        if type(shell).__name__ != "TerminalInteractiveShell":
            return None
        inputs = shell.user_ns.get("In") or [""]
        return Run(("text", hash(inputs[-1])), len(inputs), has_id=False)
    parent = get_parent("shell")
    if not parent or parent["header"]["msg_type"] != "execute_request":
        return None
    if parent["content"].get("silent"):
        return None
    number = parent["header"]["msg_id"]
    cell_id = (parent.get("metadata") or {}).get("cellId")
    if cell_id:
        return Run(("id", str(cell_id)), number, has_id=True)
    return Run(("text", hash(parent["content"]["code"])), number, has_id=False)


@contextlib.contextmanager
def keep_on_rerun() -> Iterator[None]:
    """Keep what this block registers when its cell is run again.

    ::

        with keep_on_rerun():
            slider.observe(count)  # counts once more with each run of this cell
    """
    token = _outside.set(True)
    try:
        yield
    finally:
        _outside.reset(token)


def ipython() -> Any:
    """Return the IPython that this process is, in a kernel or a terminal; else ``None``."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def _runs_cells(thread: threading.Thread) -> bool:
    # A subshell of ipykernel 7 runs cells on a thread of its own.
    return thread is threading.main_thread() or type(thread).__name__ == "SubshellThread"


def _topic_of(value: object) -> Topic | None:
    """Return the topic of one of the client's objects."""
    for kind in type(value).__mro__:  # a widget has a class of its own, made by traitlets
        if kind.__module__.startswith(_OURS):
            topic: Topic | None = getattr(value, "_topic", None)
            return topic
    return None


def _end(use: _Use) -> None:
    for registration in list(use.registered):
        registration.end()


_outside: ContextVar[bool] = ContextVar("driftdb_outside_of_cells", default=False)
cells = Cells()
