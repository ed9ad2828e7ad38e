"""Signed tokens that requests come with."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ...access.tokens.claims import BadToken, Claims, UnknownKey
from ...access.tokens.keys import Key, KeyId
from ...access.tokens.token import Token
from ..process.token_keys import TokenKeys
from ..settings import DriftDB
from .request import Unauthorized

if TYPE_CHECKING:
    from ...access.tokens.verifier import Verifier

__all__ = ["SignedTokens", "signed_tokens"]


class SignedTokens:
    """Makes credentials of tokens; raises :class:`~.request.Unauthorized` for one that is no good.

    ``clock``: seconds since 1970.
    """

    def __init__(
        self, verifier: Verifier, keys: TokenKeys, clock: Callable[[], float] = time.time
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._clock = clock

    def __call__(self, text: str) -> Token | Awaitable[Token]:
        """Return the credential of a token, or what to wait for while keys are asked for."""
        if self._keys.are_old():
            self._keys.refresh()  # those who come meanwhile don't wait
        try:
            return self._token(text)
        except UnknownKey as error:
            if self._keys.may_refresh():
                return self._ask_and_verify(text)
            raise Unauthorized(str(error)) from None
        except BadToken as error:
            raise Unauthorized(str(error)) from None

    async def _ask_and_verify(self, text: str) -> Token:
        await self._keys.refresh()
        try:
            return self._token(text)
        except BadToken as error:
            raise Unauthorized(str(error)) from None

    def _token(self, text: str) -> Token:
        claims, key = self._verifier.verify(text, self._keys.known(), now=self._clock())
        return self._of(claims, key)

    def verified_elsewhere(self, claims: Claims, key_id: KeyId) -> Token | None:
        """Return the credential of a token that another server has verified.

        ``None`` where its key isn't known here.
        """
        for key in self._keys.known():
            if (key.algorithm, key.id) == key_id:
                return self._of(claims, key)
        return None

    def _of(self, claims: Claims, key: Key) -> Token:
        keys = self._keys
        return Token(
            claims,
            expires_at=claims.expires_at + self._verifier.leeway_seconds,
            key_id=(key.algorithm, key.id),
            is_key_known=lambda: key in keys.known(),
        )


def signed_tokens(settings: DriftDB) -> SignedTokens | None:
    """Return what these settings take of signed tokens, ``None`` where they take none.

    Raises :class:`ValueError`, which says what is wrong, and ``OSError``.
    """
    if not (settings.token_keys_file or settings.token_keys_url):
        return None
    if settings.token_keys_url and not settings.token_audience:
        raise ValueError(
            "expected token_audience with token_keys_url: whoever signs tokens there may sign them"
            " for others, too"
        )
    from ...access.tokens.verifier import Verifier  # which takes a while, with cryptography

    verifier = Verifier(
        audience=settings.token_audience,
        issuer=settings.token_issuer,
        leeway_seconds=settings.token_leeway_seconds,
    )
    return SignedTokens(verifier, TokenKeys(settings))
