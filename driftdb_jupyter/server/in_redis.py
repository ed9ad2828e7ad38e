"""The broker of rooms in Redis, as the settings have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.errors import BadMessage, DriftDBError
from .http.server_tokens import read_secret
from .settings import DriftDB

if TYPE_CHECKING:
    from ..broker.redis.broker import RedisBroker

__all__ = [
    "PASSWORD_VARIABLE",
    "SENTINEL_PASSWORD_VARIABLE",
    "RedisUnconfigured",
    "redis_broker",
]

PASSWORD_VARIABLE = "DRIFTDB_REDIS_PASSWORD"
"""The environment variable that holds the password of Redis where no file does."""

SENTINEL_PASSWORD_VARIABLE = "DRIFTDB_REDIS_SENTINEL_PASSWORD"
"""The one for the password of its Sentinels."""


class RedisUnconfigured(DriftDBError):
    """The settings don't say how to use Redis; says what is wrong, and nothing secret."""


def redis_broker(settings: DriftDB) -> RedisBroker:
    """Return the broker of the rooms that are in the Redis of the settings; it connects later.

    Passwords are taken out of the environment, so that no program that this one starts has them.
    Raises :class:`RedisUnconfigured`.
    """
    try:
        from ..broker.redis.broker import RedisBroker
        from ..broker.redis.connecting import RedisPlace
    except ModuleNotFoundError:
        raise RedisUnconfigured(
            "it needs the client of Redis: pip install 'driftdb-jupyter[redis]'"
        ) from None
    try:
        place = RedisPlace(
            settings.redis,
            password=read_secret(settings.redis_password_file, variable=PASSWORD_VARIABLE),
            sentinel_password=read_secret(
                settings.redis_sentinel_password_file, variable=SENTINEL_PASSWORD_VARIABLE
            ),
            timeout_seconds=settings.redis_timeout_seconds,
        )
    except OSError as error:
        raise RedisUnconfigured(f"{error.filename}: {error.strerror}") from None
    except (ValueError, BadMessage) as error:
        raise RedisUnconfigured(str(error)) from None
    return RedisBroker(
        place,
        prefix=settings.redis_prefix,
        lease_seconds=settings.presence_grace_seconds,
        timeout_seconds=settings.redis_timeout_seconds,
        **settings.broker_options(),
    )
