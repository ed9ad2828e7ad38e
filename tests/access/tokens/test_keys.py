"""The keys of tokens: which are taken, and what is said of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from driftdb_jupyter.access.tokens.keys import BadKey, new_secret, parse_keys


def pem(private: Any) -> bytes:
    found: bytes = private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return found


def test_a_new_secret_is_one_key_with_an_id() -> None:
    (key,) = parse_keys(new_secret(bytes(range(32)), "2026"))
    assert (key.algorithm, key.id) == ("HS256", "2026")
    assert key.verifying == key.signing == bytes(range(32))


def test_a_key_is_never_shown() -> None:
    (key,) = parse_keys(b"a secret of thirty-two letters or more")
    assert "thirty" not in repr(key)


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
