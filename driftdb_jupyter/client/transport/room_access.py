"""What the owner of a room says over HTTP: who may do what in it, and its share links."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
from tornado.httpclient import HTTPClientError

from ...protocol.errors import DriftDBError, Forbidden, NotConnected, Unreachable, refusal
from ..runtime.background import background
from ..settings import Settings
from .errors import explain
from .fetch import fetch
from .location import Location

__all__ = ["ask_owner", "read_policy", "revoke_token", "write_policy"]

_SECONDS = 10.0


def read_policy(location: Location, settings: Settings) -> object:
    """Return a room's policy as JSON has it, ``None`` where it has none.

    Raises as :func:`ask_owner` does.
    """
    return ask_owner(location, settings, "GET", "access", None)


def write_policy(location: Location, settings: Settings, policy: object) -> None:
    """Set a room's policy, ``None`` to take it away; raises as :func:`ask_owner` does."""
    ask_owner(location, settings, "PUT", "access", policy)


def revoke_token(location: Location, token_id: str | None, token: str | None) -> None:
    """Take back a token, by its id, or all; raises as :func:`ask_owner` does.

    ``token``: that one, where it is given whole: a server that verifies it knows when it ends.
    """
    which = "tokens" if token_id is None else f"tokens/{quote(token_id, safe='')}"
    headers = {} if token is None else {"DriftDB-Token": token}
    ask_owner(location, Settings.from_environment(), "DELETE", which, None, headers=headers)


def ask_owner(
    location: Location,
    settings: Settings,
    method: str,
    what: str,
    content: object,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> object:
    """Return the answer to a request that only a room's owner may make.

    ``what`` is the path below the room's URL; ``content`` goes along with ``PUT`` and ``POST``,
    ``headers`` with all.
    Raises :class:`~driftdb_jupyter.protocol.errors.Forbidden` unless one owns the room, what the
    server refuses, and what a connection does that can't be made.
    """
    body = msgspec.json.encode(content) if method in ("PUT", "POST") else None
    asking = _ask(location, settings, method, what, body, headers)
    try:
        return background().run(asking, timeout_seconds=_SECONDS)
    except TimeoutError:
        raise NotConnected(f"{location.url} gave no answer within {_SECONDS:g} s") from None


async def _ask(
    location: Location,
    settings: Settings,
    method: str,
    what: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> object:
    url = f"{location.url}/{what}"
    try:
        return msgspec.json.decode(
            await fetch(
                location,
                settings,
                url,
                method=method,
                body=body,
                headers=headers,
                timeout_seconds=_SECONDS,
            )
        )
    except msgspec.DecodeError:
        raise Unreachable(
            f"what answers at {location.server} is no room server: it told nothing of who may do"
            " what. Check the URL."
        ) from None
    except HTTPClientError as error:
        raise _refusal(error, location) from None
    except Exception as error:
        raise explain(error, location) from None


def _refusal(error: HTTPClientError, location: Location) -> DriftDBError:
    if error.code == 403:
        return Forbidden(
            f"only who owns the room {location.url} may say who may do what in it.",
            in_python="A standalone server's room is owned by whoever has the secret that it was "
            'made with: url="http://HOST:8080/room/ID?token=SECRET".',
        )
    try:
        content: Any = msgspec.json.decode(error.response.body) if error.response else None
        return refusal(content["code"], content["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return explain(error, location)
