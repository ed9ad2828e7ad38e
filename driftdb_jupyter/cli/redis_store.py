"""The rooms in Redis, which a command shares as one more server does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ..protocol.errors import Unavailable, Unreachable
from ..server.hosting.hub import Hub
from ..server.http.administration import Administration
from ..server.in_redis import RedisUnconfigured, redis_broker
from ..server.process.audit import audit_to
from ..server.settings import DriftDB
from .status import Misuse
from .store import LocalStore

__all__ = ["redis_store"]


@contextmanager
def redis_store(settings: DriftDB) -> Iterator[LocalStore]:
    """Open the rooms that are in the Redis of the settings, whether servers run or not.

    No server is asked, so that none need be found and trusted: whoever may use Redis may do
    everything to the rooms as it is. Those who are in one hear of it from their servers.

    Raises :class:`.Misuse` where the settings don't say how, and :class:`.Unreachable`, which says
    why Redis can't be used.
    """
    loop = asyncio.new_event_loop()
    try:
        try:
            broker = redis_broker(settings)
        except RedisUnconfigured as error:
            raise Misuse(f"--redis: {error}") from None
        audit_to(settings.audit_log)
        hub = Hub(broker, settings)
        try:
            try:
                loop.run_until_complete(broker.begin())
            except Unavailable as error:
                raise Unreachable(f"--redis: {error.plain}") from None
            yield LocalStore(Administration(hub), loop)
        finally:
            loop.run_until_complete(hub.stop())
    finally:
        loop.close()
