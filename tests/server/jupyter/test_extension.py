"""The Jupyter Server extension: who may come in, and what it hands to kernels."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import suppress
from datetime import datetime
from typing import Any
from unittest.mock import patch
from weakref import ref

import pytest
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import JupyterServerAuthWarning
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError

from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.server.jupyter.extension import DriftDBExtension
from driftdb_jupyter.server.limits.callers import Caller
from driftdb_jupyter.server.limits.rate import Rate
from driftdb_jupyter.server.settings import DriftDB

from ...certificates import CERTIFICATE
from ...conformance.peer import Answer, Room, ack, fetch, get, init, push, pushed
from ...conformance.servers import TOKEN, Server, jupyter

pytestmark = pytest.mark.asyncio


async def knock(room: Room, query: str = "", **headers: str) -> list[int]:
    """The statuses of a new room, this room, a message to it and a socket, for who comes so."""
    statuses = []
    for method, url, body in (
        ("POST", room.server.root + "new", ""),
        ("GET", room.url, None),
        ("POST", room.url + "/send", '{"type":"ping"}'),
    ):
        answer = await fetch(url + query, method=method, body=body, headers=headers)
        statuses.append(answer.status)
    try:
        await room.join(query=query.removeprefix("?"), headers=headers)
        statuses.append(101)
    except HTTPClientError as refused:
        statuses.append(refused.code)
    return statuses


async def logged_in(server: Server) -> Answer:
    """What Jupyter answers to who comes with the token in the URL: it has the login's cookie."""
    return await fetch(f"{server.root}room/login?token={TOKEN}")


IN, OUT = [200, 200, 200, 101], [403, 403, 403, 403]


class TestAuthentication:
    async def test_nobody_comes_in_without_it(self, room: Room) -> None:
        assert await knock(room) == OUT

    async def test_a_refusal_is_no_redirect_to_a_login_page(self, room: Room) -> None:
        answer = await fetch(room.url)
        assert (answer.status, "Location" in answer.headers) == (403, False)

    async def test_a_token_in_the_header_is_one(self, room: Room) -> None:
        assert await knock(room, Authorization=f"token {TOKEN}") == IN
        assert await knock(room, Authorization=f"Bearer {TOKEN}") == IN

    async def test_a_token_in_the_url_is_one(self, room: Room) -> None:
        assert await knock(room, query=f"?token={TOKEN}") == IN

    async def test_a_wrong_token_is_none(self, room: Room) -> None:
        assert await knock(room, Authorization="token wrong") == OUT
        assert await knock(room, query="?token=wrong") == OUT

    async def test_a_cookie_is_one_for_reading_and_for_sockets(self, room: Room) -> None:
        cookie = (await logged_in(room.server)).cookies
        assert cookie
        new, info, send, connect = await knock(room, Cookie=cookie)
        assert (info, connect) == (200, 101)
        assert (new, send) == (403, 403)  # a POST by cookie needs Jupyter's XSRF token

    async def test_a_post_by_cookie_passes_with_jupyters_xsrf_token(self, room: Room) -> None:
        cookie = (await logged_in(room.server)).cookies
        page = await fetch(room.server.root.removesuffix("driftdb/") + "login")
        xsrf = page.cookies.partition("_xsrf=")[2].partition(";")[0]
        assert xsrf
        headers = {"Cookie": f"{cookie}; _xsrf={xsrf}", "X-XSRFToken": xsrf}
        assert (await fetch(room.server.root + "new", method="POST", headers=headers)).status == 200

    async def test_a_user_meets_no_404_with_any_name(self, room: Room) -> None:
        assert (await fetch(room.url, headers=room.server.headers)).status == 200


class TestOrigin:
    async def test_a_page_of_another_origin_is_refused_whoever_is_logged_in(
        self, room: Room
    ) -> None:
        cookie = (await logged_in(room.server)).cookies
        foreign = {"Origin": "https://elsewhere.example", "Cookie": cookie}
        # 404 is Jupyter's own word for such a POST.
        assert await knock(room, **foreign) == [404, 403, 404, 403]
        refused = await fetch(room.url, headers=foreign)
        assert "ServerApp.allow_origin" in refused.json["message"]

    async def test_a_page_that_holds_the_token_is_let_in_as_jupyter_does(self, room: Room) -> None:
        foreign = {"Origin": "https://elsewhere.example", **room.server.headers}
        assert await knock(room, **foreign) == IN

    async def test_pages_of_the_same_origin_are_not(self, room: Room) -> None:
        origin = "/".join(room.server.root.split("/")[:3])
        assert await knock(room, Origin=origin, **room.server.headers) == IN

    async def test_a_browsers_handshake_with_the_token_sets_jupyters_cookie(
        self, room: Room
    ) -> None:
        origin = "/".join(room.server.root.split("/")[:3])
        peer = await room.join(headers={"Origin": origin, **room.server.headers})
        assert "Set-Cookie" in peer.headers

    async def test_that_of_a_program_sets_none(self, room: Room) -> None:
        peer = await room.join(headers=room.server.headers)
        assert "Set-Cookie" not in peer.headers
        assert "Set-Cookie" in (await fetch(room.url, headers=room.server.headers)).headers

    async def test_other_origins_are_never_told_that_they_may(self, room: Room) -> None:
        for method, url in (("GET", room.url), ("OPTIONS", room.url + "/send")):
            answer = await fetch(
                url, method=method, headers={"Origin": "https://elsewhere.example"}
            )
            assert "Access-Control-Allow-Origin" not in answer.headers


ELSEWHERE = "https://elsewhere.example"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "*"),
        ({"allow_unauthenticated_access": False}, "*"),
        ({"allow_origin": "https://school.example"}, "https://school.example"),
        ({"allow_origin_pat": r"https://.*where\.example"}, ELSEWHERE),
        ({"allow_origin_pat": r"https://else"}, None),
    ],
)
async def test_a_page_elsewhere_may_ask_by_a_token_where_jupyters_settings_let_it(
    settings: dict[str, Any], told: str | None
) -> None:
    with jupyter(**settings) as server:

        async def ask(method: str, **headers: str) -> Answer:
            return await fetch(
                server.root + "room/r/ticket",
                method=method,
                body="" if method == "POST" else None,
                headers={"Origin": ELSEWHERE, **headers},
            )

        wanted = {"Access-Control-Request-Headers": "authorization,content-type"}
        preflight = await ask("OPTIONS", **wanted)
        assert preflight.status == 204
        allowed = preflight.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "driftdb-token"} <= {*allowed}
        refused = await ask("POST", Authorization="Bearer link_" + 32 * "x")
        assert refused.status == 403
        for answer in (preflight, refused):
            assert answer.headers.get("Access-Control-Allow-Origin") == told
            assert "Access-Control-Allow-Credentials" not in answer.headers
        assert (await ask("OPTIONS")).status == 403


@pytest.mark.parametrize("as_coroutine", [False, True], ids=["function", "coroutine"])
class TestAuthorizer:
    """Jupyter's own: resource ``driftdb``, actions read and write."""

    @pytest.fixture(autouse=True)
    def _kind(self, jupyter_server: Server, as_coroutine: bool) -> None:
        jupyter_server.rights.as_coroutine = as_coroutine

    async def test_it_is_asked_about_driftdb(self, room: Room) -> None:
        room.server.rights.asked.clear()
        peer = await room.join()
        await peer.send(push("k", 1))
        await peer.settle()
        assert {("read", "driftdb"), ("write", "driftdb")} <= room.server.rights.asked

    async def test_who_may_only_read_connects_and_gets(self, room: Room) -> None:
        await room.post(push("k", 1))
        room.server.rights.refused = {"write"}
        peer = await room.join()
        await peer.send(get("k"))
        await peer.hears(init("k", {1: 1}))
        assert (await room.post(get("k"))).status == 200
        assert (await fetch(room.url, headers=room.server.headers)).status == 200

    async def test_their_push_is_forbidden_and_the_connection_stays(self, room: Room) -> None:
        await room.post(push("k", 1))
        room.server.rights.refused = {"write"}
        peer = await room.join(client="x" * 16)
        for action in ("append", "replace", "relay"):
            await peer.send(push("k", 2, action, id=7))
            await peer.hears_error("forbidden", id=7, key="k", action=action)
        await peer.send(push("k", 2))
        await peer.hears_error("forbidden", key="k", action="append")
        await room.holds("k", {1: 1})

    async def test_over_http_it_is_a_403(self, room: Room) -> None:
        await room.post(push("k", 1))
        room.server.rights.refused = {"write"}
        answer = await room.post(push("k", 2, id=3), client="x" * 16)
        assert answer.status == 403
        assert (answer.json["code"], answer.json["id"]) == ("forbidden", 3)

    async def test_they_make_no_rooms(self, room: Room) -> None:
        room.server.rights.refused = {"write"}
        new = await fetch(room.server.root + "new", method="POST", headers=room.server.headers)
        assert new.status == 403
        assert (await fetch(room.url, headers=room.server.headers)).status == 404
        with pytest.raises(HTTPClientError) as refused:
            await room.join()
        assert refused.value.code == 404

    async def test_who_may_not_read_stays_outside(self, room: Room) -> None:
        await room.post(push("k", 1))
        room.server.rights.refused = {"read"}
        assert (await fetch(room.url, headers=room.server.headers)).status == 403
        assert (await room.post(get("k"))).status == 403
        with pytest.raises(HTTPClientError) as refused:
            await room.join()
        assert refused.value.code == 403

    async def test_who_has_no_right_is_not_told_whether_there_is_a_room(self, room: Room) -> None:
        await room.post(push("k", 1))
        room.server.rights.refused = {"read", "write"}
        for asked in (room, Room(room.server, room.name + "-none")):
            assert await knock(asked, **room.server.headers) == OUT
            for what in ("/page", "/figures"):
                assert (await fetch(asked.url + what, headers=room.server.headers)).status == 403

    async def test_asking_where_a_room_is_makes_none(self, room: Room) -> None:
        assert (await fetch(room.url, headers=room.server.headers)).status == 200
        room.server.rights.refused = {"write"}
        assert (await fetch(room.url, headers=room.server.headers)).status == 404

    async def test_a_right_to_write_may_be_withdrawn_and_given_again(self, room: Room) -> None:
        peer = await room.join()
        await peer.subscribe("k")
        await peer.send(push("k", 1, "relay"))
        await peer.hears(pushed("k", 1, 1))
        room.server.rights.refused = {"write"}
        await peer.send(push("k", 2, "relay"))
        await peer.hears_error("forbidden", key="k", action="relay")
        room.server.rights.refused = set()
        await peer.send(push("k", 3, "relay"))
        await peer.hears(pushed("k", 3, 2))

    async def test_who_may_no_longer_read_is_closed_with_4403(self, room: Room) -> None:
        peer = await room.join()
        await peer.send(get("k"))
        await peer.hears(init("k"))
        room.server.rights.refused = {"read"}
        await peer.send(get("k"))
        await peer.is_closed_with(4403)

    async def test_who_may_no_longer_read_is_found_out_though_it_asks_for_nothing(
        self, room: Room
    ) -> None:
        peer, other = await room.join(), await room.join(client="x" * 16)
        await other.settle()
        room.server.run(room.server.hub.check_credentials)
        await peer.hears_nothing()
        room.server.rights.refused = {"read"}
        room.server.run(room.server.hub.check_credentials)
        await peer.is_closed_with(4403)
        await other.is_closed_with(4403)

    async def test_which_keys_there_are_is_read_and_presence_is_written(self, room: Room) -> None:
        peer = await room.join()
        room.server.rights.refused = {"write"}
        await peer.send({"type": "presence", "key": "k", "value": 1})
        await peer.hears_error("forbidden", key="k", action="presence")
        room.server.rights.refused = {"read"}
        assert (await room.post({"type": "keys", "prefix": ""})).status == 403
        await peer.send({"type": "keys", "prefix": ""})
        await peer.is_closed_with(4403)

    async def test_messages_stay_in_their_order(self, room: Room) -> None:
        peer = await room.join()
        await peer.subscribe("k")
        for i in range(50):
            await peer.send(push("k", i, "relay"), {"type": "ping", "nonce": i})
        for i in range(50):
            await peer.hears(pushed("k", i, i + 1), {"type": "pong", "nonce": i})

    async def test_one_that_fails_allows_nothing(self, room: Room) -> None:
        peer = await room.join()
        room.server.rights.fails = True
        await peer.send(push("k", 1))
        await peer.hears_error("forbidden", key="k", action="append")
        assert await knock(room, **room.server.headers) == OUT

    async def test_one_that_does_not_answer_counts_as_saying_no(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        peer = await room.join()
        settings = room.server.extension.hub.settings
        monkeypatch.setattr(settings, "authorizer_timeout_seconds", 0.1)
        later = await room.join()
        asked: list[str] = []
        ends = asyncio.Event()

        async def never(self: object, allowed: bool) -> bool:
            asked.append("")
            while not ends.is_set():  # not even when it is cancelled
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            return True

        room.server.rights.as_coroutine = True
        monkeypatch.setattr(type(room.server.rights), "_answer", never)
        await later.send(push("k", 1))
        await later.hears_error("forbidden", key="k", action="append")
        assert (await fetch(room.url, headers=room.server.headers)).status == 403
        assert asked
        ends.set()
        await peer.hears_nothing()


class TestLogin:
    """A connection goes on only as long as Jupyter would let its request in."""

    async def test_one_that_is_good_is_asked_about_and_stays(self, room: Room) -> None:
        peer = await room.join()
        for _ in range(2):
            room.server.run(room.server.hub.check_credentials)
            await peer.hears_nothing()

    async def test_what_is_made_to_ask_is_freed_at_once(self, room: Room) -> None:
        peer = await room.join()
        made = JupyterHandler.__init__
        handlers: list[ref[JupyterHandler]] = []

        def make(handler: JupyterHandler, *args: Any, **kwargs: Any) -> None:
            handlers.append(ref(handler))
            made(handler, *args, **kwargs)

        gc.disable()
        try:
            with patch.object(JupyterHandler, "__init__", make):
                room.server.run(room.server.hub.check_credentials)
                for _ in range(10):  # in turns of the loop
                    await peer.hears_nothing()
            assert handlers
            assert [handler() for handler in handlers] == [None] * len(handlers)
        finally:
            gc.enable()

    async def test_who_is_logged_out_is_closed_with_4401(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert room.server.jupyter is not None
        peer, kernel = await room.join(), await room.join(headers=kernel_headers(room.server))
        monkeypatch.setattr(room.server.jupyter.identity_provider, "token", "another")
        room.server.run(room.server.hub.check_credentials)
        await peer.is_closed_with(4401)
        await peer.leave()
        await kernel.hears_nothing()

    @pytest.mark.parametrize(("status", "stays"), [(503, True), (403, False)])
    async def test_a_provider_that_can_not_tell_puts_nobody_out(
        self, room: Room, monkeypatch: pytest.MonkeyPatch, status: int, stays: bool
    ) -> None:
        assert room.server.jupyter is not None
        peer = await room.join()

        def get_user(handler: object) -> None:
            raise HTTPError(status)

        monkeypatch.setattr(room.server.jupyter.identity_provider, "get_user", get_user)
        room.server.run(room.server.hub.check_credentials)
        if stays:
            await peer.hears_nothing()
        else:
            await peer.is_closed_with(4401)

    async def test_nobody_is_put_out_where_a_request_to_ask_with_can_not_be_made(
        self, room: Room
    ) -> None:
        peer = await room.join()
        with patch.object(JupyterHandler, "__init__", side_effect=RuntimeError("on purpose")):
            room.server.run(room.server.hub.check_credentials)
            await peer.hears_nothing()


def kernel_headers(server: Server) -> dict[str, str]:
    """What a kernel sends."""
    secret = server.extension.kernel_environment()["DRIFTDB_SECRET"]
    return {"Authorization": f"DriftDB {secret}"}


async def test_nobody_is_shown_all_that_happens_unless_the_settings_allow_it(room: Room) -> None:
    for query in ("debug=true", "debug=true&cbor=true"):
        with pytest.raises(HTTPClientError) as refused:
            await room.join(query=query)
        assert refused.value.code == 403
    await room.join(query="debug=false")


class TestKernels:
    def secret(self, server: Server) -> dict[str, str]:
        secret = server.extension.kernel_environment()["DRIFTDB_SECRET"]
        return {"Authorization": f"DriftDB {secret}"}

    async def test_their_secret_opens_rooms(self, room: Room) -> None:
        assert await knock(room, **self.secret(room.server)) == IN

    async def test_with_it_they_push(self, room: Room) -> None:
        kernel = await room.join(headers=self.secret(room.server))
        await kernel.subscribe("k")
        await kernel.send(push("k", 1))
        await kernel.hears(pushed("k", 1, 1))

    async def test_they_are_not_refused_for_a_flood_from_their_address(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = Caller(DriftDB(), lambda: 0.0)
        monkeypatch.setattr(refused, "_requests", Rate(0.001, 1, now=0.0))
        refused.count_request()
        monkeypatch.setitem(room.server.hub.callers._callers, "127.0.0.1", refused)
        assert await knock(room, **room.server.headers) == [429] * 4
        assert await knock(room, **self.secret(room.server)) == IN

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "api/contents"),
            ("GET", "api/kernels"),
            ("POST", "api/kernels"),
            ("GET", "api/sessions"),
            ("GET", "api/me"),
            ("GET", "api/status"),
        ],
    )
    async def test_it_opens_nothing_else(
        self, jupyter_server: Server, method: str, path: str
    ) -> None:
        url = jupyter_server.root.removesuffix("driftdb/") + path
        answer = await fetch(url, method=method, headers=self.secret(jupyter_server))
        assert answer.status in (401, 403)

    async def test_it_is_no_token(self, room: Room) -> None:
        secret = self.secret(room.server)["Authorization"].removeprefix("DriftDB ")
        assert await knock(room, query=f"?token={secret}") == OUT
        assert await knock(room, Authorization=f"token {secret}") == OUT

    @pytest.mark.parametrize("given", ["DriftDB", "DriftDB wrong", "DriftDB é", ""])
    async def test_another_is_refused(self, room: Room, given: str) -> None:
        assert await knock(room, Authorization=given) == OUT

    async def test_a_page_of_another_origin_is_refused_with_it_too(self, room: Room) -> None:
        headers = {"Origin": "https://elsewhere.example", **self.secret(room.server)}
        with pytest.raises(HTTPClientError) as refused:
            await room.join(headers=headers)
        assert refused.value.code == 403

    async def test_their_url_is_the_servers_own(self, jupyter_server: Server) -> None:
        environment = jupyter_server.extension.kernel_environment()
        assert environment["DRIFTDB_URL"] == jupyter_server.root
        assert jupyter_server.root.endswith("/base/of/it/driftdb/")
        assert "DRIFTDB_CERTFILE" not in environment

    @pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated")  # Jupyter's own
    async def test_behind_tls_they_are_told_which_certificate_to_trust(self) -> None:
        with jupyter(certfile=str(CERTIFICATE)) as server:
            environment = server.extension.kernel_environment()
            assert environment["DRIFTDB_URL"].startswith("https://127.0.0.1:")
            assert environment["DRIFTDB_CERTFILE"] == str(CERTIFICATE)
            told = await fetch(
                environment["DRIFTDB_URL"] + "room/a",
                headers=self.secret(server),
                ca_certs=environment["DRIFTDB_CERTFILE"],
                validate_cert=False,
            )
            assert told.json["http_url"] == environment["DRIFTDB_URL"] + "room/a/send"
            assert told.json["socket_url"].startswith("wss://127.0.0.1:")


class TestActivity:
    """A server whose rooms are in use is not idle."""

    async def last_activity(self, server: Server) -> datetime:
        url = server.root.removesuffix("driftdb/") + "api/status"
        answer = await fetch(url, headers=server.headers)
        return datetime.fromisoformat(answer.json["last_activity"].replace("Z", "+00:00"))

    async def test_a_push_is_activity(self, room: Room) -> None:
        server = room.server
        server.run(server.extension.report_activity)
        before = await self.last_activity(server)
        peer = await room.join()
        await peer.send(push("k", 1, "relay"))
        await peer.settle()
        server.run(server.extension.report_activity)
        assert await self.last_activity(server) > before

    async def test_quiet_rooms_are_none(self, room: Room) -> None:
        await room.join()
        server = room.server
        server.run(server.extension.report_activity)
        before = await self.last_activity(server)
        server.run(server.extension.report_activity)
        assert await self.last_activity(server) == before


class TestUsers:
    """Who writes, as Jupyter knows them: nobody can claim a name."""

    async def test_stamps_carry_the_identity_without_what_is_empty(self, room: Room) -> None:
        reader, writer = await room.join(), await room.join(client="x" * 16)
        await reader.send(get("k", seq=None, stamps=True))
        await reader.settle()
        await writer.send(push("k", 1) | {"user": {"name": "somebody else"}})
        user = (await reader.receive())["user"]
        assert set(user) == {"username", "name", "display_name", "initials", "source"}
        assert user["display_name"].startswith("Anonymous ")

    async def test_so_do_pushes_over_http_and_presences(self, room: Room) -> None:
        reader, writer = await room.join(), await room.join(client="x" * 16)
        await room.post(push("k", 1))
        assert (await room.post(get("k", stamps=True))).json["data"][0]["user"]["username"]
        await reader.send(get("k", seq=None, presence=True))
        await reader.receive()
        await writer.send({"type": "presence", "key": "k", "value": 1})
        assert (await reader.receive())["user"]["username"]

    async def test_a_kernel_is_called_so(self, room: Room) -> None:
        secret = room.server.extension.kernel_environment()["DRIFTDB_SECRET"]
        kernel = await room.join(headers={"Authorization": f"DriftDB {secret}"})
        await kernel.send(push("k", 1), get("k", stamps=True))
        (entry,) = (await kernel.receive())["data"]
        assert entry["user"] == {
            "username": "kernel",
            "name": "Kernel",
            "display_name": "Kernel",
            "source": "kernel",
        }


class TestRetention:
    """What a client had applied is known for a day after it was here."""

    async def test_a_client_that_left_is_remembered(self, room: Room) -> None:
        peer = await room.join(client="x" * 16)
        await peer.send(push("k", "a", id=1))
        await peer.hears(ack(1, 1))
        await peer.leave()
        room.server.complete(room.server.hub.expire())
        again = await room.join(client="x" * 16)
        await again.send(push("k", "a", id=1))
        await again.hears(ack(1, 1))

    async def test_a_client_that_came_over_http_is_remembered_too(self, room: Room) -> None:
        assert (await room.post(push("k", "a", id=1), client="x" * 16)).json == ack(1, 1)
        room.server.complete(room.server.hub.expire())
        assert (await room.post(push("k", "a", id=1), client="x" * 16)).json == ack(1, 1)
        await room.holds("k", {1: "a"})


async def test_answers_are_json(room: Room) -> None:
    answer = await room.post(push("k", 1))
    assert json.loads(answer.body) is None
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_where_every_endpoint_has_to_be_authenticated_jupyter_misses_it_at_none_of_ours(
    recwarn: pytest.WarningsRecorder,
) -> None:
    with jupyter(allow_unauthenticated_access=False) as server:
        room = Room(server, "a")
        assert await knock(room) == OUT
        assert await knock(room, Authorization=f"token {TOKEN}") == IN
        page = await fetch(room.url + "/page")
        assert (page.status, "/login?next=" in page.headers["Location"]) == (302, True)
        secret = server.extension.kernels.secret
        assert await knock(room, Authorization=f"DriftDB {secret}") == IN
        await room.empty()
    assert [w for w in recwarn if issubclass(w.category, JupyterServerAuthWarning)] == []


async def test_kernels_are_told_where_rooms_are_not_kept(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension = room.server.extension
    assert "DRIFTDB_NOT_KEPT" not in extension.kernel_environment()
    broker = MemoryBroker(trouble="another server has the journal rooms.db")
    monkeypatch.setattr(extension.hub, "broker", broker)
    told = extension.kernel_environment()["DRIFTDB_NOT_KEPT"]
    assert told == "another server has the journal rooms.db"


async def test_kernels_are_told_how_others_reach_the_rooms(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension = room.server.extension
    assert "DRIFTDB_PUBLIC_URL" not in extension.kernel_environment()
    monkeypatch.setattr(extension.hub.settings, "public_url", "https://hub.example/driftdb/")
    told = extension.kernel_environment()["DRIFTDB_PUBLIC_URL"]
    assert told == "https://hub.example/driftdb/"


async def cookie(server: Server) -> dict[str, str]:
    """What a browser sends where somebody has logged in."""
    return {"Cookie": (await logged_in(server)).cookies}


class TestPeople:
    """What one of Jupyter's users may take, whatever the others do."""

    async def test_one_person_has_no_more_connections_and_messages_than_allowed(self) -> None:
        limits = {
            "person_peer_limit": 2,
            "person_rate_limit_per_second": 0.001,
            "person_rate_limit_burst": 2,
        }
        with jupyter(rooms=limits) as server:
            room = Room(server, "a")
            one, other = await cookie(server), await cookie(server)
            for _ in range(2):
                await room.join(headers=one)
            with pytest.raises(HTTPClientError) as refused:
                await room.join(headers=one)
            assert refused.value.code == 429
            flooding = await room.join(headers=other)
            await flooding.send(*[push("k", number) for number in range(5)])
            while not server.run(lambda: any(peer.throttled for peer in server.hub._peers)):
                await asyncio.sleep(0.005)
            await (await room.join(headers=await cookie(server))).settle()
            await room.empty()


async def test_one_whose_settings_are_wrong_neither_starts_nor_keeps_jupyter_from_ending() -> None:
    extension = DriftDBExtension()
    await extension._start_jupyter_server_extension(None)
    await extension.stop_extension()
