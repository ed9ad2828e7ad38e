"""Whose a kernel is, what it is given, and what it may do."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from jupyter_server.auth import AllowAllAuthorizer, User
from jupyter_server.base.call_context import CallContext

from driftdb_jupyter.server.jupyter.kernels import Kernels

from ...conformance.peer import Room, fetch, get, push
from ...conformance.servers import Server

pytestmark = pytest.mark.asyncio

ADA = User(username="ada", name="Ada", display_name="Ada L.")
KERNEL = {"username": "kernel", "name": "Kernel", "display_name": "Kernel", "source": "kernel"}
Start = Callable[..., dict[str, str]]


class Request:
    """A handler of Jupyter's, as its call context has it."""

    def __init__(self, user: object) -> None:
        self.current_user = user


class Manager:
    """What the server keeps of a kernel."""


@pytest.fixture
def managers() -> dict[str, Manager]:
    return {}


@pytest.fixture
def start(
    jupyter_server: Server, managers: dict[str, Manager], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Prepares a kernel that somebody starts, and gives the headers that it sends."""
    kernels = jupyter_server.extension.kernels

    def before(name: object, options: dict[str, Any]) -> tuple[Any, str, str]:
        kernel = options["kernel_id"]
        managers[kernel] = Manager()
        return managers[kernel], "python3", kernel

    def start(user: object, kernel: str = "k-1", **options: Any) -> dict[str, str]:
        CallContext.set(CallContext.JUPYTER_HANDLER, Request(user))
        options["kernel_id"] = kernel
        kernels._prepare(None, options)
        return {"Authorization": f"DriftDB {options['env']['DRIFTDB_SECRET']}"}

    monkeypatch.setattr(kernels, "_pre_start", before)
    yield start
    managers.clear()


async def told(room: Room, headers: dict[str, str]) -> Any:
    """What others are told of a kernel that writes."""
    peer = await room.join(headers=headers)
    await peer.send(push("k", 1, "replace"), get("k", stamps=True))
    (entry,) = (await peer.receive())["data"]
    await peer.leave()
    return entry["user"]


async def test_a_kernel_stands_for_who_started_it(room: Room, start: Start) -> None:
    assert await told(room, start(ADA)) == {
        "username": "kernel",
        "name": "Ada L.'s kernel",
        "display_name": "Ada L.'s kernel",
        "owner": "ada",
        "source": "kernel",
    }
    bobs = start(User(username="bob"), "k-2")
    assert (await told(room, bobs))["display_name"] == "bob's kernel"
    assert await told(room, start(None, "k-3")) == KERNEL


async def test_its_secret_opens_nothing_when_it_is_gone(
    room: Room, start: Start, managers: dict[str, Manager]
) -> None:
    """Also not for somebody whom the authorizer allows nothing."""
    gone, stays, nobodys = start(ADA, "k-1"), start(ADA, "k-2"), start(None, "k-3")
    room.server.rights.refused = {"read", "write"}
    assert (await fetch(room.url, headers=gone)).status == 403
    room.server.rights.refused = set()
    managers.clear()
    for headers in (gone, stays):
        for url, method in ((room.url, "GET"), (f"{room.server.root}new", "POST")):
            answer = await fetch(url, method=method, headers=headers)
            assert answer.status == 403, url
    assert not room.server.extension.kernels.knows(gone["Authorization"])
    assert await told(room, nobodys) == KERNEL


async def test_a_kernel_with_the_same_id_is_its_new_persons(
    room: Room, start: Start, managers: dict[str, Manager]
) -> None:
    before = start(ADA)
    first = managers["k-1"]
    again = start(User(username="bob"))
    del first  # the manager of the one before
    assert again == before
    assert (await told(room, again))["owner"] == "bob"
    nobodys = start(None)
    assert nobodys != again
    assert (await fetch(room.url, headers=again)).status == 403
    assert await told(room, nobodys) == KERNEL
    start(ADA)
    assert (await told(room, nobodys))["owner"] == "ada"  # no more than Ada may


@pytest.mark.parametrize("authorizer", ["own", "Jupyter's"])
async def test_its_connections_end_when_it_is_gone(
    room: Room,
    start: Start,
    managers: dict[str, Manager],
    authorizer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if authorizer == "Jupyter's":
        assert room.server.jupyter is not None
        settings = room.server.jupyter.web_app.settings
        monkeypatch.setitem(settings, "authorizer", AllowAllAuthorizer())
    stays, ends = [await room.join(headers=start(ADA, kernel)) for kernel in ("k-1", "k-2")]
    del managers["k-2"]
    room.server.run(room.server.hub.check_credentials)
    await ends.is_closed_with(4401)
    await stays.settle()
    await stays.leave()


async def test_what_the_server_itself_starts_is_nobodys(room: Room) -> None:
    secret = room.server.extension.kernel_environment()["DRIFTDB_SECRET"]
    assert await told(room, {"Authorization": f"DriftDB {secret}"}) == KERNEL


async def test_under_a_hub_that_is_the_hubs_users(
    jupyter_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jupyter_server.jupyter is not None
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    user = Kernels(jupyter_server.jupyter)._unknown.identity.told
    assert user is not None
    shown = json.loads(user.as_json())
    assert (shown["display_name"], shown["owner"]) == ("ada's kernel", "ada")


async def test_what_else_is_in_its_environment_stays(room: Room, start: Start) -> None:
    options: dict[str, Any] = {"env": {"JPY_SESSION_NAME": "a.ipynb"}}
    start(ADA, **options)
    assert options["env"] == {"JPY_SESSION_NAME": "a.ipynb"}, "it is the caller's"
    before: dict[str, Any] = {"env": {"JPY_SESSION_NAME": "a.ipynb"}, "kernel_id": "k-9"}
    room.server.extension.kernels._prepare(None, before)
    assert before["env"].keys() == {"JPY_SESSION_NAME", "DRIFTDB_SECRET"}
    assert before["env"]["DRIFTDB_SECRET"] != os.environ["DRIFTDB_SECRET"]


async def test_no_kernel_has_the_name_of_another(room: Room, start: Start) -> None:
    adas, bobs = (
        start(user, kernel)["Authorization"].removeprefix("DriftDB ")
        for user, kernel in ((ADA, "k-1"), (User(username="bob"), "k-2"))
    )
    proof = bobs.rpartition(".")[2]
    shared = room.server.extension.kernels.secret
    for forged in (
        *(f"k-1.{proof}", f"k-1.{proof}.", "k-1.", f".{proof}", proof, "k-1"),
        *(adas[:-1], adas.upper(), adas + ".", f"%6b-1.{adas.rpartition('.')[2]}"),
        *(f"k-1.{shared}", f"%FF.{proof}", "é.é", ".."),
        *(f"k-1.person.{proof}", f"k-1.nobody.{proof}", adas.replace("person", "nobody")),
    ):
        answer = await fetch(room.url, headers={"Authorization": f"DriftDB {forged}"})
        assert answer.status == 403, forged


@pytest_asyncio.fixture
async def adas(room: Room, start: Start) -> AsyncIterator[Any]:
    """A connection of a kernel of Ada's."""
    peer = await room.join(headers=start(ADA))
    yield peer
    await peer.leave()


async def test_it_may_do_what_its_person_may(room: Room, start: Start) -> None:
    asked: list[object] = []
    rights = room.server.rights
    is_authorized = rights.is_authorized

    def of_person(handler: Any, user: User, action: str, resource: str) -> Any:
        asked.append(user)
        if user.username == "bob" and action == "write":
            return False
        return is_authorized(handler, user, action, resource)

    headers = start(User(username="bob"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rights, "is_authorized", of_person)
        assert (
            await fetch(f"{room.url}/send", method="POST", body="{}", headers=headers)
        ).status == 404
        assert (await room.post(push("k", 1))).status == 200  # who is logged in
        bobs = await room.join(headers=headers)
        await bobs.send(push("k", 1))
        await bobs.hears_error("forbidden", key="k", action="append")
        made = await fetch(room.server.root + "new", method="POST", headers=headers)
        assert made.status == 403
        policy = json.dumps({"users": {"bob": {"can": ["append"], "keys": ["k"]}}})
        url = f"{room.url}/access"
        for who, status in ((headers, 403), (room.server.headers, 200)):
            answer = await fetch(url, method="PUT", body=policy, headers=who)
            assert answer.status == status
        await bobs.is_closed_with(4403)  # it may read nothing
        policy = json.dumps({"users": {"bob": {"can": ["read", "append"], "keys": ["k"]}}})
        await fetch(url, method="PUT", body=policy, headers=room.server.headers)
        bobs = await room.join(headers=headers)
        await bobs.send(push("k", 2), push("other", 2))
        assert (await bobs.receive())["type"] == "stream_size"
        await bobs.hears_error("forbidden", key="other", action="append")
        await room.holds("k", {1: 1, 2: 2})
    assert all(isinstance(user, User) for user in asked)
    assert await told(room, start(ADA, "k-3"))


async def test_the_authorizer_is_asked_again_when_it_is_time(room: Room, adas: Any) -> None:
    await adas.subscribe("k")
    room.server.rights.refused = {"write"}
    await adas.send(push("k", 1))
    await adas.receive()  # it was asked when it connected
    room.server.run(room.server.hub.check_credentials)
    await adas.settle()
    await adas.send(push("k", 2))
    await adas.hears_error("forbidden", key="k", action="append")
    room.server.rights.refused = {"read"}
    room.server.run(room.server.hub.check_credentials)
    await adas.is_closed_with(4403)


async def test_one_that_answers_later_is_waited_for(room: Room, start: Start) -> None:
    room.server.rights.as_coroutine = True
    adas = await room.join(headers=start(ADA))
    await adas.subscribe("k")
    await adas.send(push("k", 1))
    assert (await adas.receive())["value"] == 1
    room.server.rights.refused = {"write"}
    room.server.run(room.server.hub.check_credentials)
    await adas.send(push("k", 2))
    await adas.hears_error("forbidden", key="k", action="append")


async def test_jupyter_hands_each_kernel_its_own(room: Room) -> None:
    server = room.server
    api = server.root.removesuffix("driftdb/") + "api/kernels"
    assert server.jupyter is not None
    manager: Any = server.jupyter.kernel_manager
    secrets = []
    for _ in range(2):
        started = await fetch(api, method="POST", body="{}", headers=server.headers)
        kernel = started.json["id"]
        secrets.append(manager.get_kernel(kernel)._launch_args["env"]["DRIFTDB_SECRET"])
        assert secrets[-1] == server.extension.kernels.secret_of(kernel, of_person=True)
    headers = {"Authorization": f"DriftDB {secrets[0]}"}
    owner = (await told(room, headers))["owner"]
    first = manager.list_kernel_ids()[0]
    await fetch(f"{api}/{first}/restart", method="POST", body="{}", headers=server.headers)
    again = await told(room, headers)
    assert again["owner"] == owner
    assert again["display_name"].startswith("Anonymous ")
    for kernel in manager.list_kernel_ids():
        await fetch(f"{api}/{kernel}", method="DELETE", headers=server.headers)
    assert (await fetch(room.url, headers=headers)).status == 403
