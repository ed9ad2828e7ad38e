"""A look at what the keys of a room hold right now, without staying to hear more."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import NamedTuple

from tornado.websocket import WebSocketClientConnection

from ...protocol.errors import NotConnected
from ..runtime.background import background
from ..session import messages
from ..session.log import Heard
from ..session.messages import Incoming, KeyInfo
from ..session.stored import meant
from ..settings import Settings
from .dial import dial
from .errors import closed, explain
from .location import Location

__all__ = ["Glance", "glance"]

_AT_ONCE = 100


class Glance(NamedTuple):
    """The extent of a key, and its newest value with who wrote it and when.

    That is a state's value as it was meant (:func:`.form.meant`); ``None`` where it was removed in
    between, or the server refused to show it.
    """

    info: KeyInfo
    newest: Heard | None


def glance(
    location: Location, settings: Settings, *, prefix: str = "", timeout_seconds: float
) -> dict[str, Glance]:
    """Return what the keys that begin so hold, in the order of their names.

    However much a stream holds, only its newest value is read. Raises what a connection does
    that can't be made, and :class:`~driftdb_jupyter.protocol.errors.NotConnected` where there is
    no answer in that time.
    """
    looking = _glance(location, settings, prefix)
    try:
        return background().run(looking, timeout_seconds=timeout_seconds)
    except TimeoutError:
        raise NotConnected(f"{location.url} gave no answer within {timeout_seconds:g} s") from None


async def _glance(location: Location, settings: Settings, prefix: str) -> dict[str, Glance]:
    try:
        socket = await dial(location, secrets.token_urlsafe(32), settings)
    except Exception as error:
        raise explain(error, location) from None
    try:
        await socket.write_message(messages.keys(prefix))
        listed = sorted((await _next(socket, location, {"keys"})).keys.items())
        found: dict[str, Glance] = {}
        for start in range(0, len(listed), _AT_ONCE):
            asked = dict(listed[start : start + _AT_ONCE])
            newest = await _newest(socket, location, asked)
            found |= {key: Glance(info, newest.get(key)) for key, info in asked.items()}
        return found
    finally:
        socket.close(1000)


async def _newest(
    socket: WebSocketClientConnection, location: Location, asked: dict[str, KeyInfo]
) -> dict[str, Heard]:
    newest: dict[str, Heard] = {}
    for key, info in asked.items():
        await socket.write_message(messages.peek(key, above=max(info.seq - 1, 0)))
    for _ in asked:  # each is answered once
        answer = await _next(socket, location, {"init", "error"})
        if answer.data:
            heard = Heard.of(answer.data[-1])
            newest[answer.key] = heard._replace(value=meant(heard.value))
    return newest


async def _next(
    socket: WebSocketClientConnection, location: Location, types: Collection[str]
) -> Incoming:
    """Return the next message of one of these types; an answer to ``keys`` may be an error."""
    while (frame := await socket.read_message()) is not None:
        message = messages.read(frame)
        if message is not None and message.type in types:
            return message
        if message is not None and message.type == "error":
            raise message.refusal()
    raise closed(socket.close_code, location) or NotConnected(
        f"{location.url} closed the connection"
    )
