"""In a real kernel: which class there is, where callbacks run, and what a busy cell sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from ..client.fakes import FakeServer, serving
from ..client.served import fresh_room
from ..client.written import PROLOGUE, check_that_all_arrived
from ..conformance.servers import standalone


class Kernel:
    """A kernel as a Jupyter server with rooms would start it."""

    def __init__(self, url: str) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(
            env={
                **os.environ,
                "DRIFTDB_URL": url,
                "DRIFTDB_SECRET": "s3cret",
                "JPY_SESSION_NAME": "/home/ada/plots.ipynb",
                "DRIFTDB_FLUSH_SECONDS": "100",  # a busy machine ends it late
            }
        )
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code: str, *, cell: str | None = None) -> str:
        """Run a cell, as a front end does that names it, and return what it shows."""
        self.client.session.metadata = {} if cell is None else {"cellId": cell}
        text: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                text.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                text.append(" ".join(content["data"]))
            elif message["msg_type"] == "error":
                text.append("\n".join(content["traceback"]))

        self.client.execute_interactive(code, timeout=60, output_hook=hear)
        return "".join(text).strip()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def wait_for_value(server: FakeServer, key: str, value: object) -> None:
    """Wait until the server has a value."""
    server.wait_for(lambda: (server.room.value(key) or (None,))[0] == value)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: FakeServer) -> Iterator[Kernel]:
    kernel = Kernel(server.url)
    assert kernel.run("from driftdb_jupyter import SharedState\nimport threading, time") == ""
    yield kernel
    kernel.stop()


def test_a_state_is_a_control_in_the_notebooks_own_room(kernel: Kernel, server: FakeServer) -> None:
    shown = kernel.run("state = SharedState('slider', 0)\nstate")
    types = ["vnd.jupyter.widget-view+json", "vnd.driftdb.view+json"]
    assert shown.split() == ["text/plain", *(f"application/{name}" for name in types), "text/html"]
    assert kernel.run("print(state.room.name)").startswith("plots-")
    assert set(server.authorizations) == {"DriftDB s3cret"}


def test_a_busy_cell_sees_others_writes_and_is_told_of_them_when_it_is_done(
    kernel: Kernel, server: FakeServer
) -> None:
    kernel.run(
        """
        busy, seen, begun = SharedState("busy", 0), [], SharedState("begun")
        busy.observe(lambda change: seen.append((change.new, threading.current_thread().name)))
        busy.value = 1
        """
    )
    kernel.client.execute("begun.value = 1\nwhile busy.value != 50: pass\nduring = list(seen)")
    server.wait_for(lambda: server.room.value("begun") is not None)
    server.write("busy", 2)
    server.write("busy", 50)
    assert kernel.run("print(during)") == "[(1, 'MainThread')]"
    assert kernel.run("print(seen[-1])") == "(50, 'MainThread')"


def test_what_an_observer_prints_is_of_the_cell_that_ran_last(
    kernel: Kernel, server: FakeServer
) -> None:
    kernel.run("printed = SharedState('printed', 0)")
    kernel.run("printed.observe(lambda change: print('now', change.new, flush=True))")
    last = kernel.client.execute("'the last one'")
    kernel.client.get_shell_msg(timeout=60)
    server.write("printed", 7)
    message: dict[str, Any] = {"msg_type": ""}
    while message["msg_type"] != "stream":
        message = kernel.client.get_iopub_msg(timeout=60)
    assert message["content"]["text"] == "now 7\n"
    assert message["parent_header"]["msg_id"] == last
    kernel.run("printed.close()")


def test_a_cell_that_is_run_again_has_one_connection(kernel: Kernel, server: FakeServer) -> None:
    for _ in range(5):
        kernel.run("again = SharedState('again', 0)")
    assert server.connections == 1


def test_an_observer_that_never_ends_can_be_interrupted(kernel: Kernel, server: FakeServer) -> None:
    kernel.run(
        """
        endless, entered, told = SharedState("endless", 0), SharedState("entered", 0), []
        def wait_for_ever(change):
            threading.Thread(target=entered.set, args=(change.new,)).start()
            while True: time.sleep(0.01)
        endless.observe(wait_for_ever)
        endless.observe(lambda change: told.append(change.new))
        """
    )
    for value in (1, 2):
        server.write("endless", value)
        wait_for_value(server, "entered", value)
        kernel.manager.interrupt_kernel()
        printed = kernel.run("print(told)")
        assert printed.endswith(str(list(range(1, value + 1)))), "the others are told all the same"
    kernel.run("endless.close()")


def test_a_cell_that_awaits_ends_with_the_observer_that_is_interrupted(
    kernel: Kernel, server: FakeServer
) -> None:
    kernel.run(
        """
        endless, entered = SharedState("endless2", 0), SharedState("entered2", 0)
        def wait_for_ever(change):
            threading.Thread(target=entered.set, args=(change.new,)).start()
            while True: time.sleep(0.01)
        endless.observe(wait_for_ever)
        """
    )
    code = "import asyncio\nentered.value = -1\nawait asyncio.sleep(1000)"
    # Or the kernel would drop what it is sent for a moment after the error, the next cell here.
    cell = kernel.client.execute(code, stop_on_error=False)
    wait_for_value(server, "entered2", -1)
    server.write("endless2", 1)
    wait_for_value(server, "entered2", 1)
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != cell:
        pass
    assert reply["content"]["status"] == "error"
    assert kernel.run("print('usable')").endswith("usable")
    kernel.run("endless.close()")


SHOWN = ["state", "display(state)", "ipywidgets.VBox([state])", "state.value;"]


@pytest.mark.parametrize("last_line", SHOWN)
def test_a_cell_that_is_run_again_replaces_its_observers(
    kernel: Kernel, server: FakeServer, last_line: str
) -> None:
    key = f"told by {last_line}"
    kernel.run(f"import ipywidgets\nfrom IPython.display import display\nkey, told = {key!r}, []")
    for run in range(4):
        code = "state = SharedState(key, 0)\nstate.observe(lambda change: told.append(change.new))"
        kernel.run(f"run = {run}\n{code}\n{last_line}", cell="observes")
    kernel.run("other = SharedState(key, 0)\nother.observe(lambda change: told.append('other'))")
    assert kernel.run("_ = state.set(1).result()\nprint(told)") == "[1]"
    server.write(key, 7)
    assert kernel.run("state.wait_for(lambda value: value == 7)") == "text/plain"
    kernel.run("import asyncio\nwhile not {7, 'other'} <= set(told): await asyncio.sleep(0.01)")
    assert kernel.run("print(told.count(1), told.count(7))") == "1 1"


def test_a_cell_that_is_run_again_replaces_its_bindings(kernel: Kernel) -> None:
    kernel.run("from driftdb_jupyter import bind\nimport ipywidgets\ncalled = []")
    for _ in range(3):
        kernel.run(
            """
            view = ipywidgets.interactive(lambda n: called.append(n), n=(0, 10))
            bind(view.kwargs_widgets[0], key="bound")
            view
            """,
            cell="binds",
        )
    assert kernel.run("called.clear()\nSharedState('bound').value = 9") == ""
    assert kernel.run("print(called, view.kwargs_widgets[0].value)") == "[9] 9"


def test_a_cell_that_is_run_again_hands_its_models_on(kernel: Kernel) -> None:
    code = "pair = [SharedState('handed on', 0, max=most) for _ in range(2)]\npair"
    kernel.run(f"most = 10\n{code}", cell="two")
    kernel.run("before = [each.model_id for each in pair]\nlayouts = [e.layout for e in pair]")
    assert kernel.run("print(len(set(before)))") == "2", "each has its own"
    kernel.run("pair[0].layout.width = '50%'\npair[0].disabled = True\npair[0].add_class('mine')")
    kernel.run(f"most = 20\n{code}", cell="two")
    assert kernel.run("print(before == [each.model_id for each in pair])") == "True"
    state = "pair[0].get_state()"
    told = f"json.loads({state}['_control'])['max'], {state}['_dom_classes'], pair[0].layout.width"
    assert kernel.run(f"import json\nprint({told}, pair[0].disabled)") == "20 () None False"
    assert kernel.run("print(pair[0].layout is layouts[0], layouts[0].comm)") == "False None"
    assert kernel.run("print(pair[1].layout is layouts[1])") == "True"


def test_without_a_cells_id_its_text_and_its_variables_tell(kernel: Kernel) -> None:
    kernel.run("told = []\ndef tell(change): told.append(change.new)")
    for most in (10, 20, 20):
        kernel.run(f"knob = SharedState('knob', 0, max={most})\nknob.observe(tell)\nknob")
    kernel.run("other = SharedState('knob', 0)\nother.observe(lambda c: told.append('other'))")
    assert kernel.run("knob.value = 3\nprint(told)") == "[3]"
    kernel.run("import asyncio\nwhile len(told) < 2: await asyncio.sleep(0.01)")
    assert kernel.run("print(told)") == "[3, 'other']"


def test_what_is_to_stay_stays(kernel: Kernel) -> None:
    kernel.run("from driftdb_jupyter import keep_on_rerun\ntold = []")
    for _ in range(2):
        kernel.run(
            """
            state = SharedState('stays', 0)
            with keep_on_rerun():
                state.observe(lambda change: told.append(change.new))
            state
            """,
            cell="stays",
        )
    assert kernel.run("state.value = 1") == ""
    assert kernel.run("print(told)") == "[1, 1]"


@pytest.mark.parametrize("end", ["shutdown", "restart", "shutdown of a busy kernel"])
def test_what_was_written_arrives_when_the_kernel_is_shut_down(end: str) -> None:
    with standalone() as standing, fresh_room(standing.root) as mine:
        kernel = Kernel(standing.root)
        try:
            kernel.manager.shutdown_wait_time = 120.0
            assert (
                kernel.run(f"import sys; sys.argv = ['', {mine.url!r}]{PROLOGUE}kept = write()")
                == ""
            )
            if end == "restart":
                kernel.manager.restart_kernel()
            else:
                if "busy" in end:
                    kernel.client.execute("import time\nwhile True: time.sleep(0.01)")
                kernel.manager.shutdown_kernel()
        finally:
            kernel.stop()
        check_that_all_arrived(mine)
