"""The keys of tokens: which are taken, and what is said of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from driftdb_jupyter.access.tokens.keys import BadKey, new_secret, parse_keys


def pem(private: Any) -> bytes:
    found: bytes = private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return found


def without_lines(private: Any) -> bytes:
    """A public key as some providers show it: a PEM without its first and last line."""
    return b"".join(pem(private).splitlines()[1:-1])


def test_a_new_secret_is_one_key_with_an_id() -> None:
    (key,) = parse_keys(new_secret(bytes(range(32)), "2026"))
    assert (key.algorithm, key.id) == ("HS256", "2026")
    assert key.verifying == key.signing == bytes(range(32))


def test_a_key_is_never_shown() -> None:
    (key,) = parse_keys(b"a secret of thirty-two letters or more")
    assert "thirty" not in repr(key)


def test_one_that_is_read_again_is_the_same() -> None:
    private = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert parse_keys(private) == parse_keys(private)
    assert parse_keys(b"a" * 40) != parse_keys(b"b" * 40)


def test_keys_for_something_else_are_passed_over() -> None:
    content = json.loads(new_secret(bytes(32), "a"))
    content["keys"] += [
        {"kty": "RSA", "use": "enc", "kid": "b"},
        {"kty": "EC", "crv": "P-521", "kid": "c"},
        {"kty": "new", "kid": "d"},
        {"kty": "oct", "alg": "HS512", "kid": "e"},
    ]
    assert [key.id for key in parse_keys(json.dumps(content).encode())] == ["a"]


def bad() -> dict[str, bytes]:
    secret = json.loads(new_secret(bytes(32), "a"))["keys"][0]
    return {
        "short": b"too short",
        "short JWK": json.dumps({"kty": "oct", "k": "AAAA"}).encode(),
        "no JSON": b"{",
        "no list": b'{"keys":7}',
        "no objects": b'{"keys":[7]}',
        "none": b'{"keys":[]}',
        "kty": b'{"kty":["RSA"]}',
        "crv": b'{"kty":"EC","crv":["P-256"]}',
        "list of JWKs": json.dumps([secret]).encode(),
        "DER of RSA": without_lines(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "DER of P-256": without_lines(ec.generate_private_key(ec.SECP256R1())),
        "DER of Ed25519": without_lines(ed25519.Ed25519PrivateKey.generate()),
        "OpenSSH": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPn7Nk4bKbXhmZ7P3vXbS8dRBEh0sJjZgQfZ",
        "kid": b'{"kty":"oct","kid":7,"k":"AAAA"}',
        "base64": b'{"kty":"oct","k":"\xc3\xa4"}',
        "twice": json.dumps({"keys": [secret, secret]}).encode(),
        "without kid": json.dumps({"keys": [secret, {**secret, "kid": None}]}).encode(),
        "many": json.dumps({"keys": [{**secret, "kid": str(n)} for n in range(65)]}).encode(),
        "RSA": b'{"kty":"RSA","n":"AQAB","e":"AQAB"}',
        "weak RSA": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "curve": pem(ec.generate_private_key(ec.SECP384R1())),
        "PEM": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    }


@pytest.mark.parametrize("content", bad().values(), ids=bad().keys())
def test_others_are_refused_and_not_told(content: bytes) -> None:
    with pytest.raises(BadKey, match="expected") as refused:
        parse_keys(content)
    assert "too short" not in str(refused.value)
