"""Whose a kernel is, as others are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jupyter_server.auth import User
from jupyter_server.base.call_context import CallContext

from driftdb_jupyter.server.jupyter.kernels import Kernels

from ...conformance.peer import Room, fetch, get, push
from ...conformance.servers import Server

pytestmark = pytest.mark.asyncio

STARTED = {"action": "start", "status": "success", "kernel_id": "k-1"}


class Request:
    """A handler of Jupyter's, as its call context has it."""

    def __init__(self, user: object) -> None:
        self.current_user = user


def told(kernels: Kernels, kernel: str | None) -> Any:
    user = kernels.credential(kernel).identity.told
    assert user is not None
    return json.loads(user.as_json())


async def hear(kernels: Kernels, user: object, **data: str) -> None:
    CallContext.set(CallContext.JUPYTER_HANDLER, Request(user))
    await kernels.heard(None, "", STARTED | data)


async def test_a_kernel_stands_for_who_started_it(jupyter_server: Server) -> None:
    assert jupyter_server.jupyter is not None
    kernels = Kernels(jupyter_server.jupyter)
    await hear(kernels, User(username="ada", name="Ada", display_name="Ada L."))
    assert told(kernels, "k-1") == {
        "username": "kernel",
        "name": "Ada L.'s kernel",
        "display_name": "Ada L.'s kernel",
        "owner": "ada",
        "source": "kernel",
    }
    await hear(kernels, User(username="bob"), kernel_id="k-2")
    assert told(kernels, "k-2")["display_name"] == "bob's kernel"
    await hear(kernels, User(username="eve"), action="shutdown", kernel_id="k-2")
    await hear(kernels, User(username="eve"), kernel_id="k-2")
    assert told(kernels, "k-2")["display_name"] == "bob's kernel", "also after a restart"
    await hear(kernels, User(username="eve"), kernel_id="k-4")
    assert told(kernels, "k-2")["display_name"] == "Kernel", "it is gone, and forgotten"


@pytest.mark.parametrize("change", [{"status": "error"}, {"action": "restart"}])
async def test_a_kernel_that_nobody_started_is_nobodys(
    jupyter_server: Server, change: dict[str, str]
) -> None:
    assert jupyter_server.jupyter is not None
    kernels = Kernels(jupyter_server.jupyter)
    await hear(kernels, User(username="ada"), **change)
    await hear(kernels, None, kernel_id="k-3")
    for kernel in (None, "k-1", "k-3"):
        assert "owner" not in told(kernels, kernel)


async def test_under_a_hub_it_is_the_hubs_users(
    jupyter_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jupyter_server.jupyter is not None
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    kernels = Kernels(jupyter_server.jupyter)
    assert told(kernels, None)["display_name"] == "ada's kernel"
    assert told(kernels, None)["owner"] == "ada"


async def test_the_server_tells_it_by_the_id_that_a_kernel_brings(room: Room) -> None:
    server = room.server
    api = server.root.removesuffix("driftdb/") + "api/"
    started = await fetch(api + "kernels", method="POST", body="{}", headers=server.headers)
    kernel = started.json["id"]
    secret = server.extension.kernel_environment()["DRIFTDB_SECRET"]
    headers = {"Authorization": f"DriftDB {secret}", "DriftDB-Kernel": kernel}
    peer = await room.join(headers=headers)
    await peer.send(push("k", 1), get("k", stamps=True))
    (entry,) = (await peer.receive())["data"]
    assert entry["user"]["display_name"].endswith("'s kernel")
    assert entry["user"]["display_name"].startswith("Anonymous ")
    owner = entry["user"]["owner"]
    restart = f"kernels/{kernel}/restart"
    await fetch(api + restart, method="POST", body="{}", headers=server.headers)
    assert told(server.extension.kernels, kernel)["owner"] == owner
    await fetch(api + f"kernels/{kernel}", method="DELETE", headers=server.headers)
