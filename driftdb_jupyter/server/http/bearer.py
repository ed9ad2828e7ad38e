"""The secret or token that a request comes with, in its header."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders

from ...access.tokens.claims import TOKEN_LIMIT_LENGTH

__all__ = ["bearer"]

# "token" is what clients send that are given a Jupyter server's token.
_SCHEMES = ("bearer", "token")


def bearer(headers: HTTPHeaders) -> str | None:
    """Return the text of ``Authorization: Bearer TEXT`` (RFC 6750), ``None`` without one."""
    scheme, _, text = headers.get("Authorization", "").partition(" ")
    text = text.strip()
    if scheme.lower() not in _SCHEMES or not text or len(text) > TOKEN_LIMIT_LENGTH:
        return None
    return text
