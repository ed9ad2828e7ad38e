from __future__ import annotations

import pytest

from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.protocol.errors import BadMessage


@pytest.mark.parametrize("url", ["http://redis", "redis.example:6379", "", "ftp://a:b@c"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(BadMessage, match="expected the URL of Redis as redis://HOST:PORT"):
        RedisPlace(url)


@pytest.mark.parametrize("url", ["redis://:hush@redis", "rediss://me:hush@redis:1/2"])
def test_a_password_in_the_url_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(BadMessage, match="expected no password in the URL") as error:
        RedisPlace(url)
    assert "hush" not in str(error.value)


def test_what_is_shown_of_a_place_names_no_user() -> None:
    assert RedisPlace("rediss://me@redis.example:7000/3").shown == "rediss://redis.example:7000"
    assert RedisPlace("unix:///run/redis.socket?db=1").shown == "unix:///run/redis.socket"
