"""A notebook's own room, while notebooks are renamed, copied and deleted by Jupyter's REST API."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from driftdb_jupyter.protocol.name import notebook_room

from ...conformance.peer import Answer, fetch
from ...conformance.servers import Server

pytestmark = pytest.mark.asyncio

EMPTY: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Front:
    """A front end of Jupyter, in a folder where it alone is."""

    def __init__(self, server: Server) -> None:
        assert server.jupyter is not None
        self.server = server
        self.root = Path(server.jupyter.root_dir)
        self.folder = "folder-" + secrets.token_hex(4)
        (self.root / self.folder).mkdir()
        self.sessions: set[str] = set()
        spec = self.root / "data" / "kernels" / "silent"
        spec.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-c", "import time; time.sleep(60)"]
        (spec / "kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": "silent", "language": "none"})
        )

    async def api(self, method: str, path: str, body: object = None) -> Answer:
        """Make a request of Jupyter's REST API."""
        answer = await fetch(
            f"{self.server.root.removesuffix('driftdb/')}api/{path}",
            method=method,
            body=None if body is None else json.dumps(body),
            headers=self.server.headers,
        )
        assert answer.status < 300
        return answer

    async def new(self, name: str) -> None:
        """Make a notebook."""
        body = {"type": "notebook", "content": EMPTY}
        await self.api("PUT", f"contents/{self.folder}/{name}", body)

    async def rename(self, name: str, other: str) -> None:
        """Rename a notebook or a folder; the sessions aren't told."""
        source, target = (f"{self.folder}/{each}".rstrip("/") for each in (name, other))
        await self.api("PATCH", f"contents/{source}", {"path": target})

    async def copy(self, name: str) -> str:
        """Copy a notebook, and return the copy's name."""
        body = {"copy_from": f"{self.folder}/{name}"}
        made: str = (await self.api("POST", f"contents/{self.folder}", body)).json["name"]
        return made

    async def delete(self, name: str) -> None:
        """Delete a notebook."""
        await self.api("DELETE", f"contents/{self.folder}/{name}")

    async def open(self, name: str, *, drive: str = "", kind: str = "notebook") -> Kernel:
        """Start a kernel for a notebook."""
        body = {
            "path": f"{drive}{self.folder}/{name}",
            "name": name.rpartition("/")[2],
            "type": kind,
            "kernel": {"name": "silent"},
        }
        session = (await self.api("POST", "sessions", body)).json
        self.sessions.add(session["id"])
        return Kernel(self, session["id"], session["kernel"]["id"], self.path(name))

    def path(self, name: str) -> str:
        """Where a notebook lies, as kernels are told it."""
        return str(self.root / self.folder / name)

    async def ask(self, **query: str) -> Answer:
        """Ask for a notebook's room."""
        headers = self.server.headers
        return await fetch(f"{self.server.root}notebook?{urlencode(query)}", headers=headers)

    async def close(self) -> None:
        """End all its kernels."""
        for session in self.sessions:
            await self.api("DELETE", f"sessions/{session}")


class Kernel:
    """A kernel that was started for a notebook."""

    def __init__(self, front: Front, session: str, kernel: str, started_as: str) -> None:
        self.front = front
        self.session = session
        self.kernel = kernel
        self.started_as = started_as

    async def room(self) -> str:
        """The notebook's room, as the kernel is told it; also after a restart, which tells more."""
        answer = await self.front.ask(kernel=self.kernel, started_as=self.started_as)
        name: str = answer.json["room"]
        return name

    async def moves_to(self, name: str) -> None:
        """The front end tells the session that its notebook is another one now."""
        await self.front.api(
            "PATCH", f"sessions/{self.session}", {"path": f"{self.front.folder}/{name}"}
        )


@pytest_asyncio.fixture
async def front(jupyter_server: Server) -> AsyncIterator[Front]:
    front = Front(jupyter_server)
    await front.new("a.ipynb")
    yield front
    await front.close()


async def test_a_notebooks_room_is_named_by_its_path(front: Front) -> None:
    kernel = await front.open("a.ipynb")
    assert await kernel.room() == notebook_room(front.path("a.ipynb"))


async def test_two_who_open_a_notebook_are_in_one_room(front: Front) -> None:
    one, two = await front.open("a.ipynb"), await front.open("a.ipynb", drive="RTC:")
    assert one.kernel != two.kernel
    assert await one.room() == await two.room()


@pytest.mark.parametrize("told", [True, False], ids=["session-told", "session-not-told"])
async def test_a_renamed_notebook_keeps_its_room(front: Front, told: bool) -> None:
    kernel = await front.open("a.ipynb")
    room = await kernel.room()
    for name, other in (("a.ipynb", "b.ipynb"), ("b.ipynb", "c.ipynb")):
        await front.rename(name, other)
        if told:
            await kernel.moves_to(other)
    assert await kernel.room() == room
    assert await (await front.open("c.ipynb")).room() == room


async def test_a_kernel_that_first_asks_after_a_rename_shares_the_room(front: Front) -> None:
    kernel = await front.open("a.ipynb")
    await front.rename("a.ipynb", "b.ipynb")
    late = await front.open("b.ipynb")
    assert await kernel.room() == await late.room() == notebook_room(front.path("b.ipynb"))


async def test_notebooks_in_a_renamed_folder_keep_their_rooms(front: Front) -> None:
    (front.root / front.folder / "inner").mkdir()
    await front.new("inner/n.ipynb")
    kernel = await front.open("inner/n.ipynb")
    room = await kernel.room()
    await front.rename("inner", "outer")
    assert await kernel.room() == room
    assert await (await front.open("outer/n.ipynb")).room() == room


async def test_a_new_notebook_at_a_renamed_ones_path_has_another_room(front: Front) -> None:
    kernel = await front.open("a.ipynb")
    room = await kernel.room()
    await front.rename("a.ipynb", "b.ipynb")
    await kernel.moves_to("b.ipynb")
    await front.new("a.ipynb")
    fresh = await (await front.open("a.ipynb")).room()
    assert fresh.startswith("a-")
    assert fresh != room == await kernel.room()


async def test_a_new_notebook_at_a_deleted_ones_path_has_another_room(front: Front) -> None:
    room = await (await front.open("a.ipynb")).room()
    await front.close()
    front.sessions.clear()
    await front.delete("a.ipynb")
    await front.new("a.ipynb")
    one, two = await front.open("a.ipynb"), await front.open("a.ipynb", drive="RTC:")
    assert await one.room() == await two.room() != room


async def test_a_copy_has_another_room(front: Front) -> None:
    kernel = await front.open("a.ipynb")
    room = await kernel.room()
    copy = await front.open(await front.copy("a.ipynb"))
    assert await copy.room() != room == await kernel.room()


async def test_a_copy_takes_over_no_room_of_a_file_that_was_removed_in_a_shell(
    front: Front,
) -> None:
    name = await front.copy("a.ipynb")
    room = await (await front.open(name)).room()
    (front.root / front.folder / name).unlink()
    assert await front.copy("a.ipynb") == name
    assert await (await front.open(name, drive="RTC:")).room() != room


async def test_a_notebook_that_is_saved_under_another_name_has_another_room(front: Front) -> None:
    kernel = await front.open("a.ipynb")
    room = await kernel.room()
    await front.rename("a.ipynb", "b.ipynb")
    await kernel.moves_to("b.ipynb")
    await front.new("a.ipynb")
    await kernel.moves_to("a.ipynb")
    assert await kernel.room() != room


async def test_a_script_in_a_cell_shares_the_room_of_the_path_that_it_knows(front: Front) -> None:
    room = await (await front.open("a.ipynb")).room()
    path = front.path("a.ipynb")
    assert (await front.ask(kernel="", started_as=path)).json["room"] == room
    await front.rename("a.ipynb", "b.ipynb")
    assert (await front.ask(kernel="", started_as=path)).json["room"] == room
    await front.new("a.ipynb")
    fresh = await (await front.open("a.ipynb", drive="RTC:")).room()
    assert (await front.ask(kernel="", started_as=path)).json["room"] == fresh != room


async def test_a_console_has_the_room_of_the_name_that_it_was_given(front: Front) -> None:
    console = await front.open("console-1-5f3a", kind="console")
    console.started_as = front.path("Console 1")
    assert await console.room() == notebook_room(front.path("Console 1"))


async def test_a_room_that_expired_is_no_notebooks(front: Front) -> None:
    hub, retention = front.server.hub, front.server.hub.settings.room_retention_seconds
    room = await (await front.open("a.ipynb")).room()
    await front.rename("a.ipynb", "b.ipynb")
    front.server.complete(hub.rooms.create(room))
    hub.settings.room_retention_seconds = 1e-9
    front.server.complete(hub.expire())
    hub.settings.room_retention_seconds = retention
    assert await (await front.open("b.ipynb")).room() == notebook_room(front.path("b.ipynb"))


async def test_only_who_may_write_is_told(front: Front) -> None:
    query = f"{front.server.root}notebook?kernel=&started_as=a"
    assert (await fetch(query)).status == 403
    front.server.rights.refused = {"write"}
    assert (await front.ask(kernel="", started_as="a")).status == 403
    secret = front.server.extension.kernel_environment()["DRIFTDB_SECRET"]
    assert (await fetch(query, headers={"Authorization": f"DriftDB {secret}"})).status == 200


async def test_a_question_without_a_kernel_is_none(front: Front) -> None:
    assert (await front.ask()).status == 400
