"""The keys that tokens are verified by: those of a file, and those of a URL."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import stat
import time
from collections.abc import Callable
from http import HTTPStatus

from tornado.simple_httpclient import SimpleAsyncHTTPClient

from ...access.tokens.keys import BadKey, Key, parse_keys
from ..settings import DriftDB
from .log_text import printable

__all__ = ["TokenKeys", "read_keys"]

_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 10.0
_STALE_TIMES = 12  # as docs/settings.md says


def read_keys(path: str, *, limit_bytes: int) -> tuple[Key, ...]:
    """Return the keys of a file.

    Raises :class:`ValueError`, which says what is wrong and never what the keys are, and
    ``OSError``.
    """
    with open(path, "rb") as file:
        content = file.read(limit_bytes + 1)
        mode = os.fstat(file.fileno()).st_mode
    if len(content) > limit_bytes:
        raise ValueError(f"expected keys of at most {limit_bytes} bytes in {path}, got more")
    try:
        keys = parse_keys(content)
    except BadKey as error:
        raise ValueError(f"{path}: {error}") from None
    is_secret = any(key.signing is not None for key in keys)
    if is_secret and os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"others may read {path}: take that away (chmod 600)")
    return keys


class TokenKeys:
    """The keys of a server; a file is read again when it has changed, a URL every now and then.

    Raises what :func:`read_keys` does, and :class:`ValueError` for a URL that isn't https. ``tls``:
    by which certificates the URL's server is known, ``None`` for the usual ones. ``clock``: seconds
    that nobody sets.
    """

    def __init__(
        self,
        settings: DriftDB,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path: str = settings.token_keys_file
        self._url: str = settings.token_keys_url
        self._limit_bytes: int = settings.token_keys_limit_bytes
        self._timeout_seconds: float = settings.token_keys_timeout_seconds
        self._refresh_seconds: float = settings.token_keys_refresh_seconds
        self._tls = tls
        self._clock = clock
        self._log = logging.getLogger("driftdb_jupyter")
        self._of_file: tuple[Key, ...] = ()
        self._of_url: tuple[Key, ...] = ()
        self._seen: tuple[int, int, int, int] | None = None
        self._looked = clock()
        self._fetched: float | None = None
        self._asked: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        if self._url and not self._url.startswith("https://"):
            raise ValueError(f"expected token_keys_url as https://…, got {printable(self._url)}")
        if self._path:
            self._read()

    def known(self) -> tuple[Key, ...]:
        """Return the keys as they are known now."""
        now = self._clock()
        if self._path and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._look()
        fetched = self._fetched
        if fetched is None or now - fetched >= _STALE_TIMES * self._refresh_seconds:
            return self._of_file
        return self._of_file + self._of_url

    def are_old(self) -> bool:
        """Return whether those of the URL should be asked for, and may be again."""
        if not self._url:
            return False
        now = self._clock()
        is_old = self._fetched is None or now - self._fetched >= self._refresh_seconds
        return is_old and self._fetching is None and self.may_refresh()

    def may_refresh(self) -> bool:
        """Return whether those of the URL are being asked for, or may be again already."""
        if not self._url or self._fetching is not None:
            return bool(self._url)
        return self._asked is None or self._clock() - self._asked >= _RETRY_SECONDS

    def refresh(self) -> asyncio.Future[None]:
        """Ask the URL for its keys, once for all who wait; where that fails, the old ones stay.

        Returns what may be waited for.
        """
        if self._fetching is None:
            self._asked = self._clock()
            self._fetching = asyncio.ensure_future(self._fetch())
            self._fetching.add_done_callback(self._end)
        return asyncio.shield(self._fetching)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=self._limit_bytes)
        try:
            response = await client.fetch(
                self._url,
                raise_error=False,
                follow_redirects=False,
                connect_timeout=self._timeout_seconds,
                request_timeout=self._timeout_seconds,
                ssl_options=self._tls,
                decompress_response=False,
            )
            if response.code != HTTPStatus.OK:
                raise BadKey(f"HTTP {response.code}")
            keys = parse_keys(response.body)
            if any(key.algorithm == "HS256" for key in keys):
                raise BadKey("expected public keys alone, got a secret")
        except Exception as error:  # of the network, TLS, or what it answered
            reason = printable(str(error) or type(error).__name__)
            self._log.warning("The keys of tokens can't be had from token_keys_url: %s", reason)
        else:
            self._of_url = keys
            self._fetched = self._clock()
        finally:
            client.close()

    def _look(self) -> None:
        """Read the file again if it has changed; where it can't be read, the old keys stay."""
        try:
            if self._state() != self._seen:
                self._read()
                self._log.info("The keys of tokens were read again from %s", self._path)
        except (OSError, ValueError) as error:
            self._log.error("%s; the keys stay as they were", printable(str(error)))

    def _read(self) -> None:
        self._seen = self._state()
        self._of_file = read_keys(self._path, limit_bytes=self._limit_bytes)

    def _state(self) -> tuple[int, int, int, int]:
        found = os.stat(self._path)
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
