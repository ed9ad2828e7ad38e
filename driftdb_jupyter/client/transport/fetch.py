"""Requests of the client over HTTP, beside a room's socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from ...protocol.errors import NotConnected
from ..settings import Settings
from .location import Location

__all__ = ["fetch"]


async def fetch(
    location: Location,
    settings: Settings,
    url: str,
    *,
    method: str,
    body: bytes | None,
    timeout_seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return the body of the answer to a request at a location's server; call it on its loop.

    ``headers`` stand beside those that the location shows.

    Raises :class:`tornado.httpclient.HTTPClientError` for an answer that is none of success, and
    what a connection does that can't be made, also where a function has no token in that time.
    """
    try:
        shown = await asyncio.wait_for(location.headers_now(), timeout_seconds)
    except asyncio.TimeoutError:
        raise NotConnected(
            f"the function that was given as token= returned none within {timeout_seconds:g} s"
        ) from None
    client = AsyncHTTPClient(force_instance=True)
    try:
        response = await client.fetch(
            HTTPRequest(
                url,
                method=method,
                body=body,
                headers={**headers, **shown},
                ssl_options=location.tls(),
                follow_redirects=False,
                connect_timeout=settings.connect_timeout_seconds,
                request_timeout=timeout_seconds,
            )
        )
        return response.body
    except HTTPClientError as error:
        if error.code == HTTPStatus.UNAUTHORIZED and location.source is not None:
            location.source.forget()
        raise
    finally:
        client.close()
