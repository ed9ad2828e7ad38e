"""The keys of tokens that a URL tells: asked for off the loop's way, kept, and bounded."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from driftdb_jupyter.access.tokens.verifier import Verifier
from driftdb_jupyter.server.http.request import Unauthorized
from driftdb_jupyter.server.http.signed import SignedTokens
from driftdb_jupyter.server.process.token_keys import TokenKeys
from driftdb_jupyter.server.settings import DriftDB

from ...certificates import CERTIFICATE

pytestmark = pytest.mark.asyncio
PAIRS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("old", "new")}
SECRET = base64.urlsafe_b64encode(bytes(32)).decode()


def jwk(kid: str) -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(PAIRS[kid].public_key())), "kid": kid}


def token(kid: str) -> str:
    content = {"room": "r", "role": "read", "exp": 2_000_000_000, "aud": "rooms"}
    return jwt.encode(content, PAIRS[kid], algorithm="ES256", headers={"kid": kid})


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """Whoever signs tokens: answers with a key set over https."""

    def __init__(self) -> None:
        self.url = ""
        self.body: Any = {"keys": [jwk("old")]}
        self.status = 200
        self.asked = 0
        self.go_on = asyncio.Event()
        self.go_on.set()


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()

    class Keys(RequestHandler):
        async def get(self) -> None:
            provider.asked += 1
            await provider.go_on.wait()
            self.set_status(provider.status)
            if provider.status == 302:
                self.set_header("Location", "/keys?again")
            body = provider.body
            self.finish(body if isinstance(body, (bytes, str)) else json.dumps(body))

    server = HTTPServer(
        Application([("/keys", Keys)], log_function=lambda _: None),
        ssl_options={"certfile": str(CERTIFICATE)},
    )
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    provider.url = f"https://127.0.0.1:{socket.getsockname()[1]}/keys"
    yield provider
    provider.go_on.set()
    server.stop()
    await server.close_all_connections()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(provider: Provider, clock: Clock) -> TokenKeys:
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    settings = DriftDB(token_keys_url=provider.url, token_keys_limit_bytes=4096)
    return TokenKeys(settings, tls=trusting, clock=clock)


@pytest.fixture
def tokens(keys: TokenKeys) -> SignedTokens:
    return SignedTokens(Verifier(audience="rooms"), keys, clock=lambda: 1_900_000_000.0)


async def taken(tokens: SignedTokens, kid: str) -> bool:
    """Whether a token by that key is taken."""
    try:
        made = tokens(token(kid))
        if isinstance(made, asyncio.Future) or asyncio.iscoroutine(made):
            await made
    except Unauthorized:
        return False
    return True


async def test_all_who_come_first_wait_for_one_answer(
    tokens: SignedTokens, provider: Provider
) -> None:
    provider.go_on.clear()
    coming = [asyncio.ensure_future(taken(tokens, "old")) for _ in range(3)]
    while not provider.asked:
        await asyncio.sleep(0.01)
    provider.go_on.set()
    assert await asyncio.gather(*coming) == [True] * 3
    assert provider.asked == 1
    assert await taken(tokens, "old")
    assert provider.asked == 1


async def test_a_new_key_is_asked_for_and_not_again_and_again(
    tokens: SignedTokens, provider: Provider, clock: Clock
) -> None:
    assert await taken(tokens, "old")
    assert not await taken(tokens, "new")
    provider.body = {"keys": [jwk("new"), jwk("old")]}
    assert not await taken(tokens, "new")
    assert provider.asked == 1
    clock.now += 10
    assert await taken(tokens, "new")
    assert provider.asked == 2


async def test_a_key_that_was_taken_away_is_good_no_more_once_it_is_asked_again(
    keys: TokenKeys, tokens: SignedTokens, provider: Provider, clock: Clock
) -> None:
    assert await taken(tokens, "old")
    credential = tokens(token("old"))
    assert not asyncio.iscoroutine(credential)
    provider.body = {"keys": [jwk("new")]}
    clock.now += 301
    assert await taken(tokens, "old")  # meanwhile; those who come don't wait
    await keys.refresh()
    assert not await taken(tokens, "old")
    assert await taken(tokens, "new")
    assert credential.revalidate() is False  # type: ignore[union-attr]


async def test_while_nobody_answers_the_old_ones_are_good_for_a_while(
    keys: TokenKeys, tokens: SignedTokens, provider: Provider, clock: Clock
) -> None:
    assert await taken(tokens, "old")
    provider.status = 503
    clock.now += 12 * 300 - 1
    assert await taken(tokens, "old")
    await keys.refresh()
    clock.now += 1
    assert not await taken(tokens, "old")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 200),
        ({"keys": []}, 200),
        ({"keys": [{"kty": "oct", "kid": "old", "k": SECRET}]}, 200),
        ({"keys": [jwk("old")], "more": "x" * 5000}, 200),
        ({"keys": [jwk("old")]}, 404),
        ({"keys": [jwk("old")]}, 302),
    ],
    ids=["no JSON", "none", "a secret", "long", "404", "redirect"],
)
async def test_what_is_no_set_of_public_keys_is_not_taken(
    tokens: SignedTokens,
    provider: Provider,
    body: Any,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider.body, provider.status = body, status
    logging.getLogger("driftdb_jupyter").propagate = True
    assert not await taken(tokens, "old")
    assert provider.asked == 1
    assert "can't be had from token_keys_url" in caplog.text
    assert SECRET not in caplog.text


async def test_a_certificate_that_nobody_vouches_for_is_none(
    provider: Provider, clock: Clock
) -> None:
    settings = DriftDB(token_keys_url=provider.url)
    keys = TokenKeys(settings, clock=clock)
    await keys.refresh()
    assert keys.known() == ()
    assert provider.asked == 0


async def test_a_file_that_others_could_read_is_read_when_they_no_longer_may(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "key"
    path.write_text("a" * 40)
    path.chmod(0o600)
    keys = TokenKeys(DriftDB(token_keys_file=str(path)), clock=clock)
    before = keys.known()
    path.write_text("b" * 40)
    path.chmod(0o644)
    clock.now += 1
    assert keys.known() == before
    path.chmod(0o600)
    clock.now += 1
    assert keys.known() != before
