from __future__ import annotations

import socket

import pytest
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.protocol.errors import BadMessage, Unavailable

from ...certificates import OTHER_CERTIFICATE
from ..brokers import running
from .servers import RedisServer


@pytest.mark.parametrize("url", ["http://redis", "redis.example:6379", "", "ftp://a:b@c"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(BadMessage, match="expected the URL of Redis as redis://HOST:PORT"):
        RedisPlace(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hush@redis",
        "rediss://me:hush@redis:1/2",
        "redis://redis?password=hush",
        "unix://me:hush@/path",
        "redis+sentinel://me:hush@a:1,b:2/rooms",
        "redis+sentinel://a,b/rooms?password=hush",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(BadMessage, match="expected no password in the URL") as error:
        RedisPlace(url)
    assert "hush" not in str(error.value)


def test_what_is_shown_of_a_place_names_no_user() -> None:
    assert RedisPlace("rediss://me@redis.example:7000/3").shown == "rediss://redis.example:7000"
    assert RedisPlace("unix:///run/redis.socket?db=1").shown == "unix:///run/redis.socket"


def test_only_what_says_where_it_is_stands_behind_the_question_mark() -> None:
    RedisPlace("rediss://redis?ssl_ca_certs=/etc/ca.pem&db=2")
    for option in ("socket_timeout=0", "username=me", "protocol=3", "ssl_ca_certs=/etc/ca.pem"):
        with pytest.raises(BadMessage, match="behind the \\? of the URL of Redis"):
            RedisPlace(f"redis://redis?{option}")


def test_sentinels_and_the_name_of_the_primary_are_read() -> None:
    place = RedisPlace("rediss+sentinel://me@a,[::1]:7000/rooms/3?ssl_check_hostname=no")
    assert isinstance(place.pool, SentinelConnectionPool)
    assert place.pool.service_name == "rooms"
    known = [
        each.connection_pool.connection_kwargs for each in place.pool.sentinel_manager.sentinels
    ]
    assert [(each["host"], each["port"]) for each in known] == [("a", 26379), ("::1", 7000)]
    assert all(each.get("password") is each.get("username") is None for each in known)
    made = place.pool.connection_kwargs
    assert (made["username"], made["db"]) == ("me", 3)
    assert made["ssl_check_hostname"] is known[0]["ssl_check_hostname"] is False
    assert issubclass(place.pool.connection_class, SSLConnection)
    assert place.shown == "rediss+sentinel://a,[::1]:7000"


@pytest.mark.parametrize(
    "url", ["redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a/n/x"]
)
def test_sentinels_without_a_name_of_the_primary_are_refused(url: str) -> None:
    with pytest.raises(BadMessage, match="the name that the Sentinels give the primary"):
        RedisPlace(url)


@pytest.mark.parametrize("hosts", ["", "a:x", "a,,b", "a:99999"])
def test_what_is_no_sentinel_is_refused(hosts: str) -> None:
    with pytest.raises(BadMessage, match="expected Sentinels as HOST:PORT,HOST:PORT"):
        RedisPlace(f"redis+sentinel://{hosts}/rooms")


@pytest.mark.asyncio
async def test_over_tls_a_redis_is_believed_whose_certificate_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    pem = str(OTHER_CERTIFICATE)
    tls = ("--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", pem)
    server = RedisServer(*tls, "--tls-port", str(port), "--tls-auth-clients", "no")
    try:
        url = f"rediss://localhost:{port}"
        async with running(RedisBroker(RedisPlace(f"{url}?ssl_ca_certs={pem}"))) as known:
            assert await known.summaries() == []
        async with running(RedisBroker(RedisPlace(url))) as unknown:
            with pytest.raises(Unavailable, match="its certificate is not believed"):
                await unknown.summaries()
    finally:
        server.close()
