"""The keys that tokens are signed with, and verified by."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

__all__ = ["KEYS_LIMIT", "Algorithm", "BadKey", "Key", "KeyId", "new_secret", "parse_keys"]

Algorithm: TypeAlias = Literal["HS256", "RS256", "ES256", "EdDSA"]
KeyId: TypeAlias = tuple[Algorithm, str | None]

KEYS_LIMIT = 64
"""How many keys there may be at once."""

_LEAST_SECRET_BYTES = 32
_LEAST_RSA_BITS = 2048
# A list of JWKs, a key in DER as base64, and one of OpenSSH: taken for a secret, what everybody may
# know would sign tokens.
_PUBLIC = re.compile(rb"\[|ssh-|ecdsa-sha2-|MFkwEwYHKoZIzj0|MCowBQYDK2Vw|MII.{3}ANBgkqhkiG9w0B")
_CURVES: dict[tuple[object, object], Algorithm] = {
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}


class BadKey(ValueError):
    """A key that can't be used; says why, and never what the key is."""


@dataclass(frozen=True)
class Key:
    """A secret that both sides have (HS256), or one half of a pair.

    The kind of a key says by which one ``algorithm`` it is used; what a token says of that is
    compared with it. ``id`` is the ``kid`` of its tokens, ``None`` where it has none. ``verifying``
    is what PyJWT verifies with, ``signing`` what it signs with, ``None`` for a public key. Keys
    that verify the same tokens are equal.
    """

    algorithm: Algorithm
    id: str | None = None
    verifying: Any = field(default=None, repr=False)
    # A private key that is read twice is another object, which cryptography doesn't compare.
    signing: Any = field(default=None, repr=False, compare=False)


def parse_keys(content: bytes) -> tuple[Key, ...]:
    """Read keys: a JWK or JWK Set (RFC 7517), a PEM, or a secret as text.

    A key of a set that is for something else (encryption, another algorithm) is passed over.
    Raises :class:`BadKey`.
    """
    text = content.strip()
    if text.startswith(b"{"):
        keys = _of_set(text)
    elif text.startswith(b"-----BEGIN "):
        keys = (_of_pem(text),)
    elif _PUBLIC.match(text):
        raise BadKey("expected a JWK Set, a PEM or a secret, got a public key in another form")
    else:
        keys = (_secret(text, None),)
    if not keys:
        raise BadKey("expected a key for HS256, RS256, ES256 or EdDSA, got none")
    return keys


def new_secret(random: bytes, key_id: str) -> bytes:
    """Return a JWK Set with one new secret, as JSON text; ``random`` are 32 bytes or more."""
    secret = base64.urlsafe_b64encode(random).rstrip(b"=").decode()
    jwk = {"kty": "oct", "kid": key_id, "alg": "HS256", "use": "sig", "k": secret}
    return msgspec.json.format(msgspec.json.encode({"keys": [jwk]}), indent=2) + b"\n"


def _of_set(text: bytes) -> tuple[Key, ...]:
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadKey("expected a JWK Set as JSON, got something else") from None
    found = content.get("keys", [content])
    if not isinstance(found, list) or len(found) > KEYS_LIMIT:
        raise BadKey(f"expected a list of at most {KEYS_LIMIT} keys in a JWK Set")
    keys = tuple(key for jwk in found if (key := _of_jwk(jwk)) is not None)
    ids = [key.id for key in keys]
    if len(keys) > 1 and (None in ids or len(set(ids)) < len(ids)):
        raise BadKey("expected each of several keys to have a kid of its own")
    return keys


def _of_jwk(jwk: object) -> Key | None:
    if not isinstance(jwk, Mapping):
        raise BadKey("expected a JWK to be an object")
    key_id, kind = jwk.get("kid"), jwk.get("kty")
    if key_id is not None and not isinstance(key_id, str):
        raise BadKey("expected a kid to be text")
    if not isinstance(kind, str) or not isinstance(jwk.get("crv", ""), str):
        raise BadKey("expected kty and crv of a JWK to be text")
    if kind == "oct":
        algorithm: Algorithm | None = "HS256"
    elif kind == "RSA":
        algorithm = "RS256"
    else:
        algorithm = _CURVES.get((kind, jwk.get("crv")))
    other_use = jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm
    if algorithm is None or other_use:
        return None
    if algorithm == "HS256":
        given = jwk.get("k")
        try:
            encoded = str(given).encode("ascii")
            padded = encoded + b"=" * (-len(encoded) % 4)
            secret = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise BadKey("expected k of a JWK to be base64url") from None
        return _secret(secret, key_id)
    _demand_cryptography()
    import jwt.algorithms

    try:
        material = jwt.algorithms.get_default_algorithms()[algorithm].from_jwk(dict(jwk))
    except Exception as error:  # PyJWT and cryptography raise errors of many kinds
        raise BadKey(f"expected a JWK for {algorithm} ({type(error).__name__})") from None
    return _pair(material, algorithm, key_id)


def _of_pem(text: bytes) -> Key:
    _demand_cryptography()
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_pem_public_key,
    )

    try:
        if b"PRIVATE KEY" in text.partition(b"\n")[0]:
            material: Any = load_pem_private_key(text, password=None)
        else:
            material = load_pem_public_key(text)
    except Exception as error:
        raise BadKey(f"expected a PEM with a key without password ({type(error).__name__})") from (
            None
        )
    if isinstance(material, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        return _pair(material, "RS256", None)
    if isinstance(material, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return _pair(material, "EdDSA", None)
    curves = (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)
    if isinstance(material, curves) and isinstance(material.curve, ec.SECP256R1):
        return _pair(material, "ES256", None)
    raise BadKey("expected a key for RS256, ES256 (P-256) or EdDSA (Ed25519) in a PEM")


def _pair(material: Any, algorithm: Algorithm, key_id: str | None) -> Key:
    if algorithm == "RS256" and material.key_size < _LEAST_RSA_BITS:
        raise BadKey(f"expected an RSA key of at least {_LEAST_RSA_BITS} bits")
    is_private = hasattr(material, "public_key")
    public = material.public_key() if is_private else material
    return Key(algorithm, key_id, public, material if is_private else None)


def _secret(secret: bytes, key_id: str | None) -> Key:
    if len(secret) < _LEAST_SECRET_BYTES:
        raise BadKey(
            f"expected a secret of at least {_LEAST_SECRET_BYTES} bytes, got {len(secret)}"
        )
    return Key("HS256", key_id, secret, secret)


def _demand_cryptography() -> None:
    try:
        import cryptography  # noqa: F401 - whether it is there
    except ImportError:
        raise BadKey(
            "keys for RS256, ES256 and EdDSA need the package cryptography:"
            " pip install 'driftdb-jupyter[tokens]'"
        ) from None
