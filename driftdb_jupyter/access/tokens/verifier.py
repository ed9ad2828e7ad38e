"""Verifying a token: its signature, for whom it is, and whether it is its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jwt

from .claims import TOKEN_LIMIT_LENGTH, BadToken, Claims, UnknownKey, parse_claims
from .keys import Key

__all__ = ["Verifier"]

_OPTIONS: Any = {
    # The times are looked at here: by the clock of the server, and with fractions.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}


class Verifier:
    """Verifies tokens for one server.

    ``audience`` is what their claim ``aud`` has to name, ``issuer`` what ``iss`` has to be; empty:
    a token that has an audience is refused, and any issuer is as good. ``leeway_seconds``: how far
    clocks may be apart.
    """

    def __init__(
        self, *, audience: str = "", issuer: str = "", leeway_seconds: float = 0.0
    ) -> None:
        self._audience = audience
        self._issuer = issuer
        self.leeway_seconds = leeway_seconds

    def verify(self, text: str, keys: Sequence[Key], *, now: float) -> tuple[Claims, Key]:
        """Return the claims of a token, and the key that it is signed with.

        ``now``: seconds since 1970.

        The algorithm is that of the key, whatever the token says. Raises :class:`BadToken`, and
        :class:`UnknownKey` where none of the keys is meant.
        """
        if len(text) > TOKEN_LIMIT_LENGTH or not text.isascii():
            raise BadToken("the token is too long, or none")
        content, key = self._content(text, keys)
        claims = parse_claims(content)
        if claims.expires_at <= now - self.leeway_seconds:
            raise BadToken("the token has expired")
        for at in (claims.not_before, claims.issued_at):
            if at is not None and at > now + self.leeway_seconds:
                raise BadToken("the token is not good yet; the clocks may be apart")
        return claims, key

    def _content(self, text: str, keys: Sequence[Key]) -> tuple[dict[str, Any], Key]:
        try:
            header = jwt.get_unverified_header(text)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise BadToken("the token can't be read") from None
        if header.keys() & {"crit", "b64"}:
            raise BadToken("the token demands an extension that isn't known")
        named, algorithm = header.get("kid"), header.get("alg")
        meant = [key for key in keys if key.id is None or named is None or key.id == named]
        if not meant:
            raise UnknownKey("the token is signed with a key that isn't known here")
        meant = [key for key in meant if key.algorithm == algorithm]
        if not meant:
            if named is None:
                raise UnknownKey("the token is signed by an algorithm that no key here is for")
            raise BadToken("the token is signed by another algorithm than its key is for")
        for key in meant:
            try:
                content = jwt.decode(
                    text,
                    key.verifying,
                    algorithms=[key.algorithm],
                    audience=self._audience or None,
                    issuer=self._issuer or None,
                    options=_OPTIONS,
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError):
                raise BadToken("the token is for another server (aud)") from None
            except jwt.InvalidIssuerError:
                raise BadToken("the token is of somebody else (iss)") from None
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
                raise BadToken("the token can't be read") from None
            else:
                return content, key
        raise BadToken("the signature of the token is wrong")
