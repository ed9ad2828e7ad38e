"""The ticket for which a share link is traded (protocol, "Tickets")."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from tornado.httpclient import HTTPClientError

from ...protocol.errors import (
    DriftDBError,
    Forbidden,
    QuotaExceeded,
    RateExceeded,
    Unreachable,
    printable,
)
from ..settings import Settings
from .errors import explain
from .fetch import fetch
from .location import Location
from .own_mark import own_mark

__all__ = ["ticket_by_link"]


async def ticket_by_link(location: Location, settings: Settings) -> str:
    """Return a ticket, as it stands in a URL, which opens one socket, for the link of a location.

    Raises :class:`~driftdb_jupyter.protocol.errors.Forbidden` for a link that has expired, was
    taken back or demands a name, :class:`~driftdb_jupyter.protocol.errors.QuotaExceeded` where as
    many people came in by it as may, and what a connection does that can't be made.
    """
    secret = location.link
    assert secret is not None
    shown = replace(location, link=None, authorization=f"Bearer {secret}", own=False)
    content = {"browser": own_mark(secret), "name": location.guest_name}
    try:
        answer: Any = msgspec.json.decode(
            await fetch(
                shown,
                settings,
                f"{location.url}/ticket",
                method="POST",
                body=msgspec.json.encode(content),
                timeout_seconds=settings.connect_timeout_seconds,
            )
        )
        ticket = answer["ticket"]
    except (msgspec.DecodeError, KeyError, TypeError):
        ticket = None
    except HTTPClientError as error:
        raise _refusal(error, location) from None
    if not isinstance(ticket, str):
        raise Unreachable(
            f"what answers at {location.server} is no room server: it gave no ticket for the share"
            " link. Check the URL."
        )
    return quote(ticket, safe="", errors="replace")


def _refusal(error: HTTPClientError, location: Location) -> DriftDBError:
    try:
        content: Any = msgspec.json.decode(error.response.body) if error.response else {}
        code, action = content.get("code"), content.get("action")
    except (msgspec.DecodeError, AttributeError):
        code = action = None
    if error.code == HTTPStatus.FORBIDDEN and action == "name":
        return Forbidden(
            f"the share link to {location.url} asks for a name: set DRIFTDB_GUEST_NAME.",
            in_python='In Python pass it: room(url, guest_name="Ada").',
        )
    if code == "quota":
        return QuotaExceeded(
            f"as many people came in by this share link to {location.url} as may. Ask for another"
            " one."
        )
    if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return Forbidden(
            f"the share link to {location.url} has expired, or was taken back. Ask for another one."
        )
    if code == "rate":
        return RateExceeded(printable(str(content.get("message"))))
    return explain(error, location)
