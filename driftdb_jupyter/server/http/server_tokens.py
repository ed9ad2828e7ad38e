"""The tokens that making rooms, and asking for metrics, may need on a standalone server."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path

from tornado.httputil import HTTPServerRequest

from .bearer import bearer

__all__ = [
    "TOKEN_VARIABLE",
    "holds_token",
    "read_secret",
    "read_token",
]

TOKEN_VARIABLE = "DRIFTDB_CREATE_TOKEN"
"""The environment variable that holds it where no file does."""

_LEAST_LENGTH = 16


def holds_token(request: HTTPServerRequest, token: str) -> bool:
    """Return True if a request carries the token: ``Authorization: Bearer …`` or ``token …``."""
    given = bearer(request.headers)
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def read_token(path: str, *, variable: str = "") -> str | None:
    """Return the token of a file, or of an environment variable; ``None`` where there is neither.

    From the environment it is taken away, so that no program that the server starts has it. Raises
    :class:`ValueError`, which says what is wrong and never what the token is, and ``OSError``.
    """
    token = read_secret(path, variable=variable)
    if token is None:
        return None
    if len(token) < _LEAST_LENGTH or not token.isascii() or not token.isprintable():
        raise ValueError(
            f"expected a token of at least {_LEAST_LENGTH} printable ASCII characters in"
            f" {path or variable}"
        )
    return token


def read_secret(path: str, *, variable: str = "") -> str | None:
    """Return the secret of a file, or of an environment variable; ``None`` where there is neither.

    From the environment it is taken away. Raises as :func:`read_token`, but takes any text.
    """
    given = os.environ.pop(variable, None)
    if path:
        given = Path(path).read_text("utf-8")
        if os.name == "posix" and os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"others may read {path}: take that away (chmod 600)")
    return None if given is None else given.strip()
