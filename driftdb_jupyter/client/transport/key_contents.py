"""A look at what the keys of a room hold right now, without staying to hear more."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, TypeVar

from tornado.websocket import WebSocketClientConnection

from ...protocol.errors import NotConnected
from ..runtime.background import background
from ..session import messages
from ..session.kind import META, Kind, check, kind_in_meta, looks_like
from ..session.log import Heard
from ..session.messages import Incoming, KeyInfo
from ..settings import Settings
from .errors import closed, explain
from .location import Location
from .opening import open_socket

__all__ = ["KeyContents", "check_kind", "read_keys"]

T = TypeVar("T")

_AT_ONCE = 100


class KeyContents(NamedTuple):
    """The extent of a key, and its newest value with who wrote it and when.

    That is a state's value as it was meant (:func:`.stored.meant`); ``None`` where it was removed
    in between, or the server refused to show it.
    """

    info: KeyInfo
    newest: Heard | None


def read_keys(
    location: Location, settings: Settings, *, prefix: str = "", timeout_seconds: float
) -> dict[str, KeyContents]:
    """Return what the keys that begin so hold, in the order of their names.

    However much a stream holds, only its newest value is read. Raises what a connection does
    that can't be made, and :class:`~driftdb_jupyter.protocol.errors.NotConnected` where there is
    no answer in that time.
    """

    async def look(ask: _Asker) -> dict[str, KeyContents]:
        listed = sorted((await ask.keys(prefix)).items())
        found: dict[str, KeyContents] = {}
        for start in range(0, len(listed), _AT_ONCE):
            asked = dict(listed[start : start + _AT_ONCE])
            newest = await ask.newest(asked)
            for key, info in asked.items():
                heard = newest.get(key)
                if heard is not None:
                    heard = heard.of_state()
                found[key] = KeyContents(info, heard)
        return found

    return _look(location, settings, look, timeout_seconds)


def check_kind(
    location: Location, settings: Settings, key: str, wanted: Kind, *, timeout_seconds: float
) -> None:
    """Raise :class:`~driftdb_jupyter.protocol.errors.WrongKind` if a key is of another kind.

    An empty key is of any kind, and a channel's, which keeps nothing. Other errors are those of
    :func:`read_keys`.
    """

    async def look(ask: _Asker) -> tuple[Kind | None, Kind | None]:
        asked = {
            name: listed[name]
            for name in (key, META + key)
            if name in (listed := await ask.keys(name))
        }
        newest = {name: heard.value for name, heard in (await ask.newest(asked)).items()}
        if key not in newest:
            return None, None
        meta = kind_in_meta(newest[META + key]) if META + key in newest else None
        looks = looks_like(newest[key], several=asked[key].size > 1)
        return None if meta == "channel" else meta, looks

    meta, looks = _look(location, settings, look, timeout_seconds)
    check(key, wanted, meta=meta, looks=looks)


def _look(
    location: Location,
    settings: Settings,
    look: Callable[[_Asker], Awaitable[T]],
    timeout_seconds: float,
) -> T:
    async def looking() -> T:
        try:
            socket = await open_socket(location, secrets.token_urlsafe(32), settings)
        except Exception as error:
            raise explain(error, location) from None
        try:
            return await look(_Asker(socket, location))
        finally:
            socket.close(1000)

    try:
        return background().run(looking(), timeout_seconds=timeout_seconds)
    except TimeoutError:
        raise NotConnected(f"{location.url} gave no answer within {timeout_seconds:g} s") from None


class _Asker:
    """Asks a room, one question after the other."""

    def __init__(self, socket: WebSocketClientConnection, location: Location) -> None:
        self._socket = socket
        self._location = location

    async def keys(self, prefix: str) -> dict[str, KeyInfo]:
        """Return the keys that begin so."""
        await self._socket.write_message(messages.keys(prefix))
        return (await self._next({"keys"})).keys

    async def newest(self, asked: dict[str, KeyInfo]) -> dict[str, Heard]:
        """Return the newest values of keys, without those that were removed in between."""
        newest: dict[str, Heard] = {}
        for key, info in asked.items():
            await self._socket.write_message(messages.peek(key, above=max(info.seq - 1, 0)))
        for _ in asked:  # each is answered once
            answer = await self._next({"init", "error"})
            if answer.data:
                newest[answer.key] = Heard.of(answer.data[-1])
        return newest

    async def _next(self, types: Collection[str]) -> Incoming:
        """Return the next message of one of these types; an answer to ``keys`` may be an error."""
        while (frame := await self._socket.read_message()) is not None:
            message = messages.read(frame)
            if message is not None and message.type in types:
                return message
            if message is not None and message.type == "error":
                raise message.refusal()
        raise closed(self._socket.close_code, self._location) or NotConnected(
            f"{self._location.url} closed the connection"
        )
