"""Requests of the client over HTTP, beside a room's socket."""

from __future__ import annotations

from http import HTTPStatus

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

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
) -> bytes:
    """Return the body of the answer to a request at a location's server; call it on its loop.

    Raises :class:`tornado.httpclient.HTTPClientError` for an answer that is none of success, and
    what a connection does that can't be made.
    """
    client = AsyncHTTPClient(force_instance=True)
    try:
        response = await client.fetch(
            HTTPRequest(
                url,
                method=method,
                body=body,
                headers=await location.headers_now(),
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
