"""Forged tokens are exactly what an attacker would send, checked against the vectors of RFC 7515."""

from __future__ import annotations

import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.jwk import PRIVATE_MEMBERS, public_key, verification_secrets
from conformance_security.jws import Token, decode, encode

#: RFC 7515 A.1: header, payload and key of an HS256 token.
HEADER = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
SIGNATURE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#: RFC 7515 A.3: the P-256 key.
EC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def published() -> Token:
    token = Token.read(f"{HEADER}.{PAYLOAD}.{SIGNATURE}")
    assert token is not None
    return token


def test_the_published_token_is_read() -> None:
    token = published()
    assert token.header == {"typ": "JWT", "alg": "HS256"}
    assert token.claims["iss"] == "joe"
    assert token.signature == decode(SIGNATURE)


def test_an_unsigned_forgery_keeps_the_claims_and_drops_the_signature() -> None:
    header, payload, signature = published().unsigned("None").split(".")
    assert json.loads(decode(header)) == {"typ": "JWT", "alg": "None"}
    assert (payload, signature) == (PAYLOAD, "")
    assert published().stripped().endswith(f".{PAYLOAD}.")


def test_an_hmac_forgery_verifies_under_its_secret() -> None:
    header, payload, signature = published().under_hmac(b"a public key").split(".")
    assert json.loads(decode(header))["alg"] == "HS256"
    wanted = hmac.new(b"a public key", f"{header}.{payload}".encode(), hashlib.sha256).digest()
    assert decode(signature) == wanted


def test_changed_claims_stay_under_the_old_signature() -> None:
    changed = Token.read(published().claiming(exp=1))
    assert changed is not None
    assert (changed.claims["exp"], changed.claims["iss"]) == (1, "joe")
    assert changed.signature == published().signature


def test_opaque_tokens_are_not_taken_for_jwts() -> None:
    for text in ("", "opaque", "a.b", "a.b.c", f"{HEADER}.{PAYLOAD}", f"{encode(b'[]')}.{encode(b'{}')}."):
        assert Token.read(text) is None


@given(st.binary(max_size=80))
def test_base64url_returns_what_it_was_given(data: bytes) -> None:
    assert decode(encode(data)) == data


def test_a_published_key_is_read_and_encoded_as_pem_and_der() -> None:
    key = public_key(EC_KEY)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    pem, stripped, der = verification_secrets(EC_KEY)
    assert pem.startswith(b"-----BEGIN PUBLIC KEY-----")
    assert stripped == pem.strip()
    assert der[:1] == b"\x30"


def test_an_rsa_key_is_also_encoded_as_pkcs1() -> None:
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    jwk = {"kty": "RSA", "n": encode(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    assert [item.splitlines()[0] for item in verification_secrets(jwk)][-1] == b"-----BEGIN RSA PUBLIC KEY-----"


def test_broken_and_symmetric_keys_give_no_secret() -> None:
    for jwk in ({"kty": "oct", "k": "AA"}, {"kty": "EC", "crv": "P-256"}, {**EC_KEY, "x": "AA"}, {}):
        assert list(verification_secrets(jwk)) == []


def test_public_members_are_not_called_private() -> None:
    assert not PRIVATE_MEMBERS & {"kty", "use", "alg", "kid", "n", "e", "crv", "x", "y", "x5c"}
