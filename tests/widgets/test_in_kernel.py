"""In a real kernel: which class there is, where callbacks run, and what a busy cell sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from ..client.fakes import FakeServer, serving


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
            }
        )
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code: str) -> str:
        """Run a cell, and return what it printed and displayed."""
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
    cell = kernel.client.execute("import asyncio\nentered.value = -1\nawait asyncio.sleep(1000)")
    wait_for_value(server, "entered2", -1)
    server.write("endless2", 1)
    wait_for_value(server, "entered2", 1)
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != cell:
        pass
    assert reply["content"]["status"] == "error"
    assert kernel.run("print('usable')").endswith("usable")
    kernel.run("endless.close()")
