from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

import pytest

from driftdb_jupyter.client.runtime import cells as module
from driftdb_jupyter.client.runtime.callbacks import Callbacks
from driftdb_jupyter.client.runtime.cells import Cells, current_run, keep_on_rerun

TOPIC = ("a room", "a key")
OTHER = ("a room", "another key")


class Registered:
    """A registration that says whether it was ended."""

    ended = False

    def __init__(self, label: str = "") -> None:
        self.label = label

    def end(self) -> None:
        self.ended = True


class Notebook:
    """An IPython whose kernel runs cells."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.kernel = self
        self.events = self
        self.cells = Cells()
        self._parent: dict[str, Any] = {}
        self._numbers = count()
        self._after: list[Callable[[], None]] = []

    def get_parent(self, channel: str) -> dict[str, Any]:
        return self._parent

    def register(self, event: str, callback: Callable[[], None]) -> None:
        assert event == "post_run_cell"
        self._after.append(callback)

    def request(self, kind: str, **more: Any) -> None:
        """Have a request of a kind, as a front end sends it."""
        header = {"msg_type": kind, "msg_id": next(self._numbers)}
        self._parent = {"header": header, "content": {}, "metadata": {}, **more}

    def run(self, code: str, *registered: Registered, cell: str | None = None) -> None:
        """Run a cell that registers these on one topic."""
        metadata = {} if cell is None else {"cellId": cell}
        self.request("execute_request", content={"code": code}, metadata=metadata)
        self.cells.use(TOPIC)
        for each in registered:
            self.cells.own(TOPIC, each)
        for callback in self._after:
            callback()


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    notebook = Notebook()
    monkeypatch.setattr(module, "ipython", lambda: notebook)
    return notebook


def test_what_a_cell_registered_ends_when_it_is_run_again(notebook: Notebook) -> None:
    first, second, new = Registered(), Registered(), Registered()
    notebook.run("observe(f)", first, second, cell="a")
    assert (first.ended, second.ended) == (False, False), "a run may register several"
    notebook.run("observe(g)", new, cell="a")
    assert (first.ended, second.ended, new.ended) == (True, True, False)


def test_it_stays_while_the_cell_does_not_use_its_topic_again(notebook: Notebook) -> None:
    once = Registered()
    notebook.run("once", once, cell="a")
    notebook.request("execute_request", content={"code": ""}, metadata={"cellId": "a"})
    notebook.cells.use(OTHER)
    assert not once.ended


def test_other_cells_keep_theirs(notebook: Notebook) -> None:
    one, two = Registered(), Registered()
    notebook.run("observe(f)", one, cell="a")
    notebook.run("observe(f)", two, cell="b")
    assert (one.ended, two.ended) == (False, False)


def test_a_cell_without_an_id_is_known_by_its_text(notebook: Notebook) -> None:
    one, other, again = Registered(), Registered(), Registered()
    notebook.run("observe(f)", one)
    notebook.run("observe(f) ", other)
    notebook.run("observe(f)", again)
    assert (one.ended, other.ended, again.ended) == (True, False, False)


def test_a_cell_without_an_id_takes_a_variables_place(notebook: Notebook) -> None:
    class Shared:
        _topic = TOPIC

    Shared.__module__ = "driftdb_jupyter.client"
    one, two, three = Registered(), Registered(), Registered()
    notebook.user_ns["knob"] = Shared()
    notebook.run("knob = state(max=10)", one)
    notebook.user_ns["knob"] = notebook.user_ns["dial"] = Shared()
    notebook.run("knob = dial = state(max=20)", two)
    assert (one.ended, two.ended) == (True, False)
    notebook.run("knob.value = 1")
    assert two.ended is False, "it has the same object as before"
    del notebook.user_ns["knob"], notebook.user_ns["dial"]
    notebook.user_ns["other"] = Shared()
    notebook.run("other = state()", three)
    assert two.ended is False


def test_a_task_of_an_old_run_ends_nothing_of_a_newer_one(notebook: Notebook) -> None:
    notebook.run("old", cell="a")
    old = notebook.get_parent("shell")
    new, late = Registered(), Registered()
    notebook.run("new", new, cell="a")
    notebook._parent = old
    notebook.cells.own(TOPIC, late)
    assert not new.ended


def test_nothing_is_held_that_nobody_else_holds(notebook: Notebook) -> None:
    notebook.run("observe(f)", Registered(), cell="a")
    [cell] = notebook.cells._cells.values()
    assert [len(use.registered) for use in cell.uses.values()] == [0]
    notebook.request("execute_request", content={"code": ""}, metadata={"cellId": "a"})
    notebook.cells.use(OTHER)
    assert list(cell.uses) == [OTHER]


def test_places_are_the_same_in_each_run(notebook: Notebook) -> None:
    def run(cell: str) -> list[object]:
        notebook.run("", cell=cell)
        return [notebook.cells.place(TOPIC) for _ in range(2)]

    first, again, other = run("a"), run("a"), run("b")
    assert first == again
    assert len({*first, *other}) == 4


def test_nothing_belongs_to_a_cell_elsewhere(notebook: Notebook) -> None:
    notebook.run("observe(f)", cell="a")
    found: list[object] = []

    class Target:
        def deliver(self) -> None:
            found.append(current_run())

    thread = threading.Thread(target=lambda: found.append(current_run()))
    thread.start()
    thread.join()
    callbacks = Callbacks()
    callbacks._due[Target()] = None
    callbacks._run()
    with keep_on_rerun():
        found.append(current_run())
    notebook.request("comm_msg")
    found.append(current_run())
    notebook.request("execute_request", content={"code": "", "silent": True})
    found.append(current_run())
    assert found == [None] * 5


def test_in_a_terminal_a_cell_is_what_was_typed(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TerminalInteractiveShell:
        user_ns: ClassVar[dict[str, list[str]]] = {"In": ["", "observe(f)"]}

    terminal = TerminalInteractiveShell()
    monkeypatch.setattr(module, "ipython", lambda: terminal)
    first = current_run()
    terminal.user_ns["In"] += ["observe(f)"]
    again = current_run()
    assert first is not None
    assert again is not None
    assert (first.cell, first.number) == (again.cell, 2)
    assert again.number == 3
